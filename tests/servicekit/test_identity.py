"""Who calls, and whether they may: the access matrix, and what is remembered of a caller and for how long."""

from __future__ import annotations

import asyncio
import time

import grpc
import pytest

from ops.dev_tokens import development_subject
from servicekit.call import current_call
from servicekit.caller import Caller, Role
from servicekit.errors import (
    AccessDeniedError,
    ConflictError,
    DatabaseUnavailableError,
    DeadlineExceededError,
    ServiceUnavailableError,
    TokenInvalidError,
)
from servicekit.methods import Access
from tests.contract.responses import details, reason_of
from tests.probe import METHODS
from tests.servicekit.probe_server import USER_ID, HandClock, Running, as_service, as_user, serving

_AWAY = [ServiceUnavailableError("users"), DatabaseUnavailableError(), DeadlineExceededError()]
_OPENS = {
    Role.USER: {Access.PUBLIC, Access.USER},
    Role.MODERATOR: {Access.PUBLIC, Access.USER, Access.MODERATOR},
    Role.ADMIN: {Access.PUBLIC, Access.USER, Access.MODERATOR, Access.ADMIN},
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("role", Role)
async def test_role_opens_what_its_rank_allows(probe: Running, role: Role, method: object) -> None:
    name = getattr(method, "name", "")
    access = METHODS[name].access
    probe.users.role = role
    outcome = await probe.call(name)
    if access in _OPENS[role]:
        assert outcome.code is grpc.StatusCode.OK or name == "Watch"
        assert reason_of(outcome) != "ACCESS_DENIED"
    else:
        assert reason_of(outcome) == "ACCESS_DENIED"
        assert outcome.code is grpc.StatusCode.PERMISSION_DENIED
        assert details(outcome)["ErrorInfo"].metadata["access"] == access.value


@pytest.mark.parametrize("name", METHODS)
async def test_service_opens_what_names_it(probe: Running, name: str) -> None:
    for service in ("users", "chat", "tracks", "gateway", "operator"):
        outcome = await probe.call(name, None, *as_service(service))
        may = METHODS[name].access is Access.PUBLIC or service in METHODS[name].callers
        assert (reason_of(outcome) != AccessDeniedError.reason) == may, service
    assert probe.users.asked == []


async def test_service_call_knows_service_and_user(probe: Running) -> None:
    await probe.call("Serve", None, *as_service("chat", str(USER_ID)))
    (call,) = probe.probe.calls
    assert (call.service, call.on_behalf_of, call.identity, call.token) == ("chat", str(USER_ID), None, None)
    with pytest.raises(RuntimeError, match="has no calling user"):
        _ = call.caller


async def test_public_call_has_no_caller(probe: Running) -> None:
    await probe.call("Open", None, ("authorization", "Bearer nonsense"))
    assert probe.probe.calls[0].identity is None
    assert probe.users.asked == []


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_scheme_is_read_in_any_case(probe: Running, scheme: str) -> None:
    token = as_user()[0][1].removeprefix("Bearer ")
    assert (await probe.call("Ask", None, ("authorization", f"{scheme} {token}"))).code is grpc.StatusCode.OK


async def test_caller_stays_fresh_for_the_time_to_live() -> None:
    clock = HandClock()
    async with serving(clock=clock) as probe:
        await probe.call("Ask")
        clock.seconds += 4.9
        await probe.call("Ask")
        assert probe.users.asked == [(development_subject("listener@example.org"), "listener@example.org")]
        clock.seconds += 0.2
        await probe.call("Ask")
        assert len(probe.users.asked) == 2
        # A refreshed one is fresh again.
        clock.seconds += 4.9
        await probe.call("Ask")
        assert len(probe.users.asked) == 2


async def test_new_role_acts_when_the_caller_is_no_longer_fresh() -> None:
    clock = HandClock()
    async with serving(clock=clock) as probe:
        probe.users.role = Role.ADMIN
        assert (await probe.call("Administer")).code is grpc.StatusCode.OK
        probe.users.role = Role.USER
        assert (await probe.call("Administer")).code is grpc.StatusCode.OK
        clock.seconds += 5
        assert (await probe.call("Administer")).code is grpc.StatusCode.PERMISSION_DENIED


async def test_users_are_asked_after_once_however_many_calls_wait(probe: Running) -> None:
    probe.users.gate = asyncio.Event()
    waiting = [asyncio.ensure_future(probe.call("Ask")) for _ in range(10)]
    other = asyncio.ensure_future(probe.call("Ask", None, *as_user("other@example.org")))
    async with asyncio.timeout(5):
        while len(probe.users.asked) < 2 or probe.limiter.running < 11:
            # Until all calls have arrived.
            await asyncio.sleep(0.01)
    probe.users.gate.set()
    assert {(await each).code for each in (*waiting, other)} == {grpc.StatusCode.OK}
    assert len(probe.users.asked) == 2


async def test_question_has_three_seconds_and_no_token_of_one_who_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, asked = HandClock(), []
    async with serving(clock=clock) as probe:

        async def resolve(_subject: str, _email: str) -> Caller:
            asked.append(current_call.get())
            return Caller(USER_ID, Role.USER)

        monkeypatch.setattr(probe.users, "resolve", resolve)
        assert (await probe.call("Ask", timeout=1)).code is grpc.StatusCode.OK
    (call,) = asked
    assert call is not None
    assert (call.deadline - clock.monotonic(), call.token) == (3.0, None)


async def test_one_who_hangs_up_does_not_take_the_answer_from_others(probe: Running) -> None:
    probe.users.gate = asyncio.Event()
    first, second = (asyncio.ensure_future(probe.call("Ask")) for _ in range(2))
    async with asyncio.timeout(5):
        while probe.limiter.running < 2:
            # Until both calls have arrived.
            await asyncio.sleep(0.01)
        first.cancel()
        while probe.limiter.running > 1:
            # Until the server has noticed.
            await asyncio.sleep(0.01)
    probe.users.gate.set()
    assert (await second).code is grpc.StatusCode.OK
    assert len(probe.users.asked) == 1


async def test_failed_question_is_asked_again(probe: Running) -> None:
    probe.users.error = ServiceUnavailableError("users")
    outcome = await probe.call("Ask")
    assert (outcome.code.name, reason_of(outcome)) == ("UNAVAILABLE", "SERVICE_UNAVAILABLE")
    assert "RetryInfo" in details(outcome)
    probe.users.error = None
    assert (await probe.call("Ask")).code is grpc.StatusCode.OK


@pytest.mark.parametrize("error", _AWAY, ids=lambda error: type(error).__name__)
async def test_known_caller_goes_on_for_15_minutes_while_users_is_away(error: Exception) -> None:
    clock = HandClock()
    async with serving(clock=clock) as probe:
        probe.users.role = Role.ADMIN
        assert (await probe.call("Administer")).code is grpc.StatusCode.OK
        probe.users.error = error
        clock.seconds += 899
        assert (await probe.call("Ask")).code is grpc.StatusCode.OK
        caller = probe.probe.calls[-1].caller
        assert (caller.user_id, caller.role, caller.stale) == (USER_ID, Role.USER, True)
        with pytest.raises(ServiceUnavailableError):
            _ = caller.confirmed_role
        for name in ("Moderate", "Administer"):
            outcome = await probe.call(name)
            assert (outcome.code.name, reason_of(outcome)) == ("UNAVAILABLE", "SERVICE_UNAVAILABLE")
            assert details(outcome)["ErrorInfo"].metadata["service"] == "users"
        clock.seconds += 1
        assert reason_of(await probe.call("Ask")) == "SERVICE_UNAVAILABLE"


async def test_unknown_caller_is_told_to_come_back_while_users_is_away(probe: Running) -> None:
    assert (await probe.call("Ask")).code is grpc.StatusCode.OK
    probe.users.error = ServiceUnavailableError("users")
    assert reason_of(await probe.call("Ask", None, *as_user("new@example.org"))) == "SERVICE_UNAVAILABLE"


async def test_known_caller_waits_once_and_briefly_while_users_hangs() -> None:
    clock = HandClock()
    async with serving(clock=clock) as probe:
        assert (await probe.call("Ask")).code is grpc.StatusCode.OK
        probe.users.gate = asyncio.Event()
        clock.seconds += 5
        seconds = []
        for _ in range(3):
            began = time.monotonic()
            assert (await probe.call("Ask", timeout=2.5)).code is grpc.StatusCode.OK
            seconds.append(time.monotonic() - began)
        assert seconds[0] > 0.9
        assert max(seconds[1:]) < 0.9
        # All of them wait for the same question.
        assert len(probe.users.asked) == 2
        probe.users.gate.set()


async def test_news_of_a_known_caller_act_again_soon_after_users_was_away() -> None:
    clock = HandClock()
    async with serving(clock=clock) as probe:
        await probe.call("Ask")
        probe.users.error = ServiceUnavailableError("users")
        clock.seconds += 5
        assert (await probe.call("Ask")).code is grpc.StatusCode.OK
        # Back, but nobody has called meanwhile: it is asked, and its answer is waited for.
        probe.users.error = ConflictError()
        clock.seconds += 5
        assert reason_of(await probe.call("Ask")) == "CONFLICT"


async def test_what_users_says_counts_also_about_a_known_caller() -> None:
    clock = HandClock()
    async with serving(clock=clock) as probe:
        await probe.call("Ask")
        probe.users.error = ConflictError()
        clock.seconds += 5
        assert reason_of(await probe.call("Ask")) == "CONFLICT"


async def test_caller_whom_users_no_longer_accepts_is_unknown_while_users_is_away() -> None:
    clock = HandClock()
    async with serving(clock=clock) as probe:
        await probe.call("Ask")
        clock.seconds += 5
        probe.users.error = TokenInvalidError("erased")
        assert reason_of(await probe.call("Ask")) == "TOKEN_INVALID"
        probe.users.error = ServiceUnavailableError("users")
        assert reason_of(await probe.call("Ask")) == "SERVICE_UNAVAILABLE"


async def test_another_email_is_another_question(probe: Running) -> None:
    await probe.call("Ask")
    await probe.call("Ask", None, *as_user("Other@Example.org"))
    assert [email for _, email in probe.users.asked] == ["listener@example.org", "other@example.org"]
