"""One user's calls leave room for everybody else's, whatever they wait for."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import grpc
import pytest

from servicekit.call import Call
from servicekit.ids import new_id
from tests.contract.responses import details, reason_of
from tests.contract.suite import Outcome
from tests.probe import ProbeRequest, ProbeResponse
from tests.servicekit.probe_server import Running, as_service, as_user, serving

_ATTACKER, _VICTIM = as_user("attacker@example.org"), as_user("victim@example.org")
_REFUSED = ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
Calls = list["asyncio.Task[Outcome]"]


class Gate:
    """Holds the calls with the text `hold` until it is opened."""

    def __init__(self, probe: Running) -> None:
        self.opened = asyncio.Event()
        probe.probe.handle = self._handle

    async def _handle(self, request: Any, _call: Call) -> Any:
        if request.text == "hold":
            await self.opened.wait()
        return ProbeResponse()


def held(probe: Running, count: int, *metadata: tuple[str, str], method: str = "Ask") -> Calls:
    """Calls that the gate holds, if they come so far."""
    request = ProbeRequest(text="hold")
    return [asyncio.ensure_future(probe.call(method, request, *metadata)) for _ in range(count)]


async def until_refused(calls: Calls, count: int) -> list[Outcome]:
    """The outcomes of the calls that end while the gate is closed."""
    async with asyncio.timeout(20):
        while sum(each.done() for each in calls) < count:
            await asyncio.wait(
                [each for each in calls if not each.done()], return_when=asyncio.FIRST_COMPLETED
            )
    return [each.result() for each in calls if each.done()]


def code(outcome: Outcome) -> tuple[str, str]:
    return outcome.code.name, reason_of(outcome)


@pytest.mark.parametrize("share", [32, 100_000])
async def test_six_hundred_calls_of_one_user_refuse_none_of_another(share: int) -> None:
    """With the share of 32; the control without one is what the share is for."""
    async with serving(limit=256, queue=512, wait=0.1, calls_per_user=share) as probe:
        gate = Gate(probe)
        probe.users.others = {"victim@example.org": new_id()}
        attack = held(probe, 600, *_ATTACKER)
        refused = await until_refused(attack, 568 if share == 32 else 344)
        outcomes = [await probe.call("Ask", None, *_VICTIM) for _ in range(11)]
        if share == 32:
            assert {each.code for each in outcomes} == {grpc.StatusCode.OK}
            assert Counter(map(code, refused)) == {_REFUSED: 568}
            assert all("RetryInfo" in details(each) for each in refused)
        else:
            assert Counter(map(code, outcomes)) == {("RESOURCE_EXHAUSTED", "OVERLOADED"): 11}
        gate.opened.set()
        await asyncio.gather(*attack)
        assert probe.limiter.running == 0
        # Who has finished has their whole share again.
        assert (await probe.call("Ask", None, *_ATTACKER)).code is grpc.StatusCode.OK
        assert probe.limiter._shares._held == {}


async def test_waiting_calls_count() -> None:
    """For a slot as for the caller's role: neither is a way around the share."""
    async with serving(limit=1, queue=10, wait=20, calls_per_user=3) as probe:
        gate = Gate(probe)
        calls = held(probe, 4, *_ATTACKER)
        assert list(map(code, await until_refused(calls, 1))) == [_REFUSED]
        assert len(probe.limiter._waiting) == 2
        gate.opened.set()
        await asyncio.gather(*calls)
    async with serving(limit=10, calls_per_user=3) as probe:
        probe.users.gate = asyncio.Event()
        calls = held(probe, 4, *_ATTACKER)
        assert list(map(code, await until_refused(calls, 1))) == [_REFUSED]
        assert probe.limiter.running == 3
        probe.users.gate.set()
        await asyncio.gather(*calls)
        assert probe.limiter._shares._held == {}


async def test_streams_count_while_their_user_is_resolved() -> None:
    async with serving(per_user=2) as probe:
        probe.users.gate = asyncio.Event()
        calls = held(probe, 3, *_ATTACKER, method="Watch")
        assert list(map(code, await until_refused(calls, 1))) == [_REFUSED]
        assert probe.streams.open == 2
        probe.users.gate.set()
        for each in calls:
            each.cancel()
        await asyncio.wait(calls)


async def test_call_that_gives_up_waiting_gives_back_its_share() -> None:
    async with serving(limit=1, queue=1, wait=0.01, calls_per_user=2) as probe:
        gate = Gate(probe)
        calls = held(probe, 1, *_ATTACKER)
        async with asyncio.timeout(5):
            while not probe.limiter.running:
                # Until the first call holds the only slot.
                await asyncio.sleep(0.01)
        for _ in range(3):
            refused = await probe.call("Ask", None, *_ATTACKER)
            assert code(refused) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        gate.opened.set()
        await asyncio.gather(*calls)
        assert probe.limiter._shares._held == {}


async def test_services_have_a_share_for_each_user_they_act_for() -> None:
    async with serving(limit=50, queue=50, calls_per_user=2) as probe:
        gate = Gate(probe)
        one, other = (as_service("gateway", str(new_id())) for _ in range(2))
        calls = held(probe, 3, *one, method="Serve")
        assert list(map(code, await until_refused(calls, 1))) == [_REFUSED]
        assert (await probe.call("Serve", None, *other)).code is grpc.StatusCode.OK
        # On nobody's behalf: no share, as for callers of public methods.
        calls += held(probe, 5, *as_service("gateway"), method="Serve") + held(probe, 5, method="Open")
        async with asyncio.timeout(5):
            while probe.limiter.running < 12:
                # Until all of them run.
                await asyncio.sleep(0.01)
        gate.opened.set()
        await asyncio.gather(*calls)
