"""An issuer that hangs: who names an unknown key waits a second at most, and nobody else notices."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2

from servicekit import jwks
from tests.contract.responses import details, reason_of
from tests.contract.suite import Outcome
from tests.servicekit.probe_server import HandClock, Running, serving
from tests.servicekit.test_jwks import ALL, EC, Issuer, user_token

_UNAVAILABLE = ("UNAVAILABLE", "SERVICE_UNAVAILABLE")


def bearer(kid: str) -> tuple[str, str]:
    return "authorization", f"Bearer {user_token('ES256', EC, kid)}"


class HangingIssuer(Issuer):
    """Answers with its keys until it hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.released.set()

    def _fetch(self, url: str) -> bytes:
        answer = super()._fetch(url)
        self.released.wait(60)
        return answer


@pytest.fixture
def issuer() -> Iterator[HangingIssuer]:
    made = HangingIssuer()
    yield made
    # The thread that fetches ends before the loop does.
    made.released.set()


@pytest.fixture
async def probe(issuer: HangingIssuer) -> AsyncIterator[Running]:
    """A service with four slots that knows the issuer's keys; a minute later the issuer hangs."""
    async with serving(limit=4, queue=0, tokens=issuer.verifier(), clock=HandClock()) as made:
        assert (await made.call("Ask", None, bearer("ec"))).code is grpc.StatusCode.OK
        issuer.released.clear()
        issuer.seconds += 60
        yield made
        issuer.released.set()


def code(outcome: Outcome) -> tuple[str, str]:
    return outcome.code.name, reason_of(outcome)


async def test_unknown_keys_take_no_slot_and_wait_a_second_at_most(
    probe: Running, issuer: HangingIssuer
) -> None:
    check: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = probe.channel.unary_unary(
        "/grpc.health.v1.Health/Check"
    )
    live = health_pb2.HealthCheckRequest(service="live").SerializeToString()
    began = time.monotonic()
    waiting = [asyncio.ensure_future(probe.call("Ask", None, bearer(f"new-{n}"))) for n in range(100)]
    async with asyncio.timeout(5):
        while issuer.keys._waiting < 100:
            # Until all of them have arrived.
            await asyncio.sleep(0.01)
    assert probe.limiter.running == 0
    for _ in range(10):
        assert (await probe.call("Ask", None, bearer("ec"))).code is grpc.StatusCode.OK
        await check(live, timeout=5)
    assert not any(each.done() for each in waiting)
    outcomes = await asyncio.gather(*waiting)
    assert time.monotonic() - began < 5
    assert Counter(map(code, outcomes)) == {_UNAVAILABLE: 100}
    assert all("RetryInfo" in details(each) for each in outcomes)
    assert issuer.keys._waiting == 0


async def test_so_many_wait_and_more_are_refused_at_once(
    probe: Running, issuer: HangingIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "_MAX_WAIT_SECONDS", 30.0)
    monkeypatch.setattr(jwks, "_MAX_WAITING", 5)
    calls = [asyncio.ensure_future(probe.call("Ask", None, bearer(f"new-{n}"))) for n in range(20)]
    async with asyncio.timeout(10):
        while sum(each.done() for each in calls) < 15:
            # Until those who may not wait have their answers.
            await asyncio.sleep(0.01)
    assert Counter(code(each.result()) for each in calls if each.done()) == {_UNAVAILABLE: 15}
    issuer.released.set()
    outcomes = await asyncio.gather(*calls)
    # The keys have come, and theirs is not among them.
    assert Counter(map(code, outcomes)) == {_UNAVAILABLE: 15, ("UNAUTHENTICATED", "TOKEN_INVALID"): 5}


async def test_after_a_failed_fetch_nobody_is_called_a_forger(probe: Running, issuer: HangingIssuer) -> None:
    issuer.answer = OSError("no route")
    issuer.released.set()
    for wait in (60, 30):
        outcome = await probe.call("Ask", None, bearer("new"))
        assert code(outcome) == _UNAVAILABLE
        assert details(outcome)["RetryInfo"].retry_delay.ToSeconds() == wait
        issuer.seconds += 30
    assert issuer.fetched == 2
    issuer.answer = ALL
    assert code(await probe.call("Ask", None, bearer("new"))) == ("UNAUTHENTICATED", "TOKEN_INVALID")
