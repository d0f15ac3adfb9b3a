"""A service that acts for a user: which one, with which token, as whom, and what is logged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import grpc
import pytest
from pydantic import TypeAdapter, ValidationError
from structlog.testing import capture_logs

from sedaclient.auth import DELEGATION_AUDIENCE, ServiceTokenSigner
from servicekit.caller import Role
from servicekit.clock import Micros
from servicekit.errors import AccessDeniedError, CallerSuspendedError, Code, TokenInvalidError
from servicekit.rpc_status import UpstreamError
from servicekit.setting_types import Names
from tests.contract.responses import reason_of
from tests.servicekit.probe_server import SERVICE_SECRET, USER_ID, HandClock, Running, as_user, serving


def acting(name: str, user_id: str | None = str(USER_ID)) -> tuple[str, str]:
    token = ServiceTokenSigner(name, SERVICE_SECRET).token(DELEGATION_AUDIENCE, user_id)
    return "authorization", f"Bearer {token}"


@pytest.fixture
async def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def probe(clock: HandClock) -> AsyncIterator[Running]:
    async with serving(clock=clock, delegates=("recommender",)) as running:
        yield running


async def test_the_user_is_resolved_by_id_and_remembered_apart_from_their_own_sign_in(probe: Running) -> None:
    for _ in range(2):
        assert (await probe.call("Ask", None, acting("recommender"))).code is grpc.StatusCode.OK
    assert probe.users.asked == [("", str(USER_ID))]
    await probe.call("Ask", None, *as_user())
    assert len(probe.users.asked) == 2
    first, _, own = probe.probe.calls
    assert (first.caller.user_id, first.delegate, first.token is not None) == (USER_ID, "recommender", True)
    assert (own.caller.user_id, own.delegate) == (USER_ID, None)


async def test_the_log_names_the_service_and_the_user(probe: Running) -> None:
    with capture_logs() as lines:
        await probe.call("Ask", None, acting("recommender"))
        await probe.call("Administer", None, acting("recommender"))
        await probe.call("Ask", None, acting("scraper"))
    calls = [
        (line["caller"], line["on_behalf_of"], line["code"]) for line in lines if line["event"] == "call"
    ]
    assert calls == [
        ("recommender", str(USER_ID), "OK"),
        ("recommender", str(USER_ID), "PERMISSION_DENIED"),
        ("scraper", str(USER_ID), "PERMISSION_DENIED"),
    ]


@pytest.mark.parametrize("role", Role)
async def test_a_platform_role_is_not_lent(probe: Running, role: Role) -> None:
    probe.users.role = role
    assert (await probe.call("Ask", None, acting("recommender"))).code is grpc.StatusCode.OK
    assert probe.probe.calls[0].caller.role is Role.USER
    for method in ("Moderate", "Administer", "Serve"):
        assert reason_of(await probe.call(method, None, acting("recommender"))) == AccessDeniedError.reason
    await probe.call("Ask", None, *as_user())
    assert probe.probe.calls[-1].caller.role is role


async def test_nobody_acts_for_a_suspended_user(probe: Running, clock: HandClock) -> None:
    probe.users.suspended_until = Micros(clock.now() + 3_000_000)
    for _ in range(2):
        # Resolved, then remembered.
        assert reason_of(await probe.call("Ask", None, acting("recommender"))) == CallerSuspendedError.reason
    assert (await probe.call("Ask", None, *as_user())).code is grpc.StatusCode.OK
    clock.seconds += 3
    assert (await probe.call("Ask", None, acting("recommender"))).code is grpc.StatusCode.OK


async def test_nobody_acts_for_a_user_who_does_not_exist(probe: Running, clock: HandClock) -> None:
    assert (await probe.call("Ask", None, acting("recommender"))).code is grpc.StatusCode.OK
    clock.seconds += 6
    probe.users.error = UpstreamError(Code.UNAUTHENTICATED, "USER_ERASED", "users.seda.fm", "gone")
    assert reason_of(await probe.call("Ask", None, acting("recommender"))) == "USER_ERASED"
    # Nor as a stale caller while users is away.
    probe.users.error = UpstreamError(Code.UNAVAILABLE, "DATABASE_UNAVAILABLE", "users.seda.fm", "away")
    assert (await probe.call("Ask", None, acting("recommender"))).code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("user_id", [None, "", "somebody", str(UUID(int=1)).replace("-", ""), "\x00" * 36])
async def test_a_delegation_names_a_user_by_id(probe: Running, user_id: Any) -> None:
    outcome = await probe.call("Ask", None, acting("recommender", user_id))
    assert reason_of(outcome) == TokenInvalidError.reason
    assert probe.users.asked == []


@pytest.mark.parametrize("names", ["recommender,", "Recommender", "a b", ",", "-x", "x" * 64])
def test_delegates_are_names_with_commas(names: str) -> None:
    setting = TypeAdapter(Names)
    assert setting.validate_python("recommender,moods_2") == "recommender,moods_2"
    with pytest.raises(ValidationError, match="must be names of services"):
        setting.validate_python(names)
