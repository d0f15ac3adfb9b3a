"""For each reason of the contract a way to be refused for it: `SCENARIOS[package][reason]`."""

from collections.abc import Mapping

from tests.contract.scenarios import (
    chat,
    chat_members,
    chat_messages,
    gateway,
    rpc,
    tracks,
    users,
    users_verification,
)
from tests.contract.scenarios.context import Scenario

SCENARIOS: Mapping[str, Mapping[str, Scenario]] = {
    "rpc": rpc.SCENARIOS,
    "users": {**users.SCENARIOS, **users_verification.SCENARIOS},
    "chat": {**chat.SCENARIOS, **chat_members.SCENARIOS, **chat_messages.SCENARIOS},
    "tracks": tracks.SCENARIOS,
    "gateway": gateway.SCENARIOS,
}
