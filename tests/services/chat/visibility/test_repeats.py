"""Methods that the contract calls IDEMPOTENT: the same bytes sent twice succeed twice, and change nothing more."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from google.protobuf.descriptor_pb2 import MethodOptions

from gateway.rpc.service_descriptors import services_of
from servicekit.caller import Caller
from services.chat.actions import sanctions
from services.chat.actions.deps import Deps
from services.chat.actions.sanctions import SanctionRequest
from services.chat.domain.errors import MemberNotFoundError
from services.chat.domain.model import Position
from tests.contract.responses import REQUEST_ID, reason_of
from tests.contract.suite import send
from tests.services.chat.chat_database import ChatDatabase
from tests.services.chat.visibility.fixtures import RoomFixture, VisibilityFixtures, request_about
from tests.services.chat.visibility.table import OK, ROLES
from tests.services.chat.visibility.test_visibility import METHODS
from tests.services.running import Running, service, user

IDEMPOTENT = [
    f"{descriptor.name}.{method.name}"
    for descriptor in services_of("chat")
    for method in descriptor.methods
    if method.GetOptions().idempotency_level == MethodOptions.IDEMPOTENT
]
# Other values than those of `request_about`, where these make the repeat harder.
_HARDER: dict[str, dict[str, Any]] = {"MembershipService.SetMemberRole": {"role": 3}}


@pytest.fixture(scope="module")
async def fixtures(chat: Running, admin: asyncpg.Connection) -> VisibilityFixtures:
    """Creates rooms with members of all roles."""
    made = VisibilityFixtures(chat, admin)
    await made.create_users()
    return made


async def find_violations(name: str, fixtures: VisibilityFixtures) -> list[str]:
    """Send each request that succeeds once more; return what the second one got or changed."""
    found, succeeded = [], 0
    for kind in ("public", "private"):
        for role in ROLES:
            room = await fixtures.room(kind)
            request = await _request(name, role, room, fixtures)
            first = await _reason(name, role, request, fixtures)
            if first != OK:
                continue
            succeeded += 1
            rows = await ChatDatabase(fixtures.admin).room_rows(room.room_id)
            second = await _reason(name, role, request, fixtures)
            if second != OK:
                found.append(f"{role} in a {kind} room: {second}")
            elif await ChatDatabase(fixtures.admin).room_rows(room.room_id) != rows:
                found.append(f"{role} in a {kind} room: changed something")
    assert succeeded, "no request succeeded: teach this test the method"
    return found


@pytest.mark.parametrize("name", IDEMPOTENT)
async def test_the_same_bytes_sent_twice_succeed_twice(name: str, fixtures: VisibilityFixtures) -> None:
    assert await find_violations(name, fixtures) == []


def test_methods_that_make_something_each_time_are_not_idempotent() -> None:
    assert not {*IDEMPOTENT} & {
        "RoomService.CreateRoom",
        "MessageService.SendMessage",
        "ModerationService.MuteMember",
        "ModerationService.BanMember",
        "ModerationService.DeleteMessagesByAuthor",
    }


@pytest.mark.parametrize("name", ["ModerationService.MuteMember", "ModerationService.BanMember"])
async def test_control_a_repeat_that_changes_something_is_caught(
    name: str, fixtures: VisibilityFixtures
) -> None:
    assert "owner in a public room: changed something" in await find_violations(name, fixtures)


async def test_control_a_repeat_that_is_refused_is_caught(
    fixtures: VisibilityFixtures, monkeypatch: pytest.MonkeyPatch
) -> None:
    kick, kicked = sanctions.kick_member, set[UUID]()

    async def kick_once(deps: Deps, caller: Caller, request: SanctionRequest) -> Position:
        room_id = request.acting_as.room_id
        if room_id in kicked:
            raise MemberNotFoundError(request.user_id)
        kicked.add(room_id)
        return await kick(deps, caller, request)

    monkeypatch.setattr(sanctions, "kick_member", kick_once)
    found = await find_violations("ModerationService.KickMember", fixtures)
    assert "owner in a private room: MEMBER_NOT_FOUND" in found


async def _request(name: str, role: str, room: RoomFixture, fixtures: VisibilityFixtures) -> bytes:
    request: Any = request_about(METHODS[name], role, room)
    for field, value in _HARDER.get(name, {}).items():
        setattr(request, field, value)
    if name == "RoomService.UpdateRoom":
        request.room.etag = str(await _rev("rooms", room.room_id, fixtures))
    elif name == "MessageService.UpdateMessage":
        request.message.etag = str(await _rev("messages", request.message.id, fixtures))
    data: bytes = request.SerializeToString()
    return data


async def _rev(table: str, row_id: str, fixtures: VisibilityFixtures) -> int:
    rev: int = await fixtures.admin.fetchval(f"SELECT rev FROM chat.{table} WHERE id = $1", UUID(row_id))
    return rev


async def _reason(name: str, role: str, request: bytes, fixtures: VisibilityFixtures) -> str:
    authorization = service("users", "chat") if role == "service" else user(fixtures.emails[role])
    metadata = [*authorization, ("x-request-id", REQUEST_ID)]
    return reason_of(await send(fixtures.chat.channel, METHODS[name], request, metadata))
