"""Two at once and so many a second for each host, whatever the others do."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import pytest

from servicekit.clock import Micros
from services.tracks.clients.web import host_limiter as module
from services.tracks.clients.web.host_limiter import AT_ONCE, HostGates
from services.tracks.domain.errors import HostBusyError
from tests.services.tracks.clients.web.fake_web import SmallWeb
from tests.services.tracks.clients.web.web_server import BLACK_HOLE, answer


class StillClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at

    def now(self) -> Micros:
        return Micros(int(self.at * 1e6))


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each entry was told to wait; nobody does."""
    told: list[float] = []

    async def sleep(seconds: float) -> None:
        told.append(round(seconds, 6))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return told


async def test_the_burst_is_free_and_the_rest_waits_its_turn(clock: StillClock, waits: list[float]) -> None:
    gates = HostGates(2, 3, clock)
    for _ in range(5):
        async with gates.slot("a.com"):
            pass
    assert waits == [0, 0, 0, 0.5, 1.0]
    clock.at += 10
    async with gates.slot("a.com"):
        pass
    assert waits[-1] == 0


async def test_hosts_have_their_own_buckets(clock: StillClock, waits: list[float]) -> None:
    gates = HostGates(1, 1, clock)
    for host in ("a.com", "b.com", "a.com", "b.com"):
        async with gates.slot(host):
            pass
    assert waits == [0, 0, 1, 1]


async def test_two_are_inside_at_once(clock: StillClock) -> None:
    gates = HostGates(1e6, 1e6, clock)
    inside = most = 0
    leave = asyncio.Event()

    async def visit() -> None:
        nonlocal inside, most
        async with gates.slot("a.com"):
            inside += 1
            most = max(most, inside)
            await leave.wait()
            inside -= 1

    visits = [asyncio.create_task(visit()) for _ in range(6)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert inside == AT_ONCE
    # Somebody else's host is another door.
    async with asyncio.timeout(1), gates.slot("b.com"):
        pass
    leave.set()
    await asyncio.gather(*visits)
    assert most == AT_ONCE == 2


async def test_a_crowd_is_turned_away_at_once_with_a_time_to_return(clock: StillClock) -> None:
    gates = HostGates(1e6, 1e6, clock)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(AT_ONCE):
            await stack.enter_async_context(gates.slot("a.com"))
        waiting = [asyncio.create_task(stack.enter_async_context(gates.slot("a.com"))) for _ in range(32)]
        await asyncio.sleep(0)
        with pytest.raises(HostBusyError) as raised:
            async with asyncio.timeout(1), gates.slot("a.com"):
                pass
        assert raised.value.metadata == {"host": "a.com"}
        assert raised.value.retry_after is not None
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
    # Whoever gave up holds no place.
    async with asyncio.timeout(1), gates.slot("a.com"), gates.slot("a.com"):
        pass


async def test_a_wait_ends(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_SECONDS", 0.05)
    gates = HostGates(0.001, 1, clock)
    async with gates.slot("a.com"):
        pass
    with pytest.raises(HostBusyError):
        async with gates.slot("a.com"):
            pass
    monkeypatch.setattr(module, "_MAX_SECONDS", 8.0)
    clock.at += 10_000
    async with asyncio.timeout(1), gates.slot("a.com"), gates.slot("b.com"):
        pass


async def test_hosts_are_forgotten(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_IDLE", 10)
    gates = HostGates(1e6, 1e6, clock)
    async with gates.slot("held.com"):
        for number in range(50):
            async with gates.slot(f"host{number}.com"):
                pass
        assert len(gates._gates) == 10
        assert "held.com" in gates._gates


@pytest.mark.serial
async def test_slow_and_dead_hosts_delay_nobody(web: SmallWeb) -> None:
    web.names.table |= {f"dead{number}.com": [[BLACK_HOLE]] for number in range(10)}
    web.outside.pages["/song"] = answer(200, "here")
    dead = [
        asyncio.create_task(web.get(f"https://dead{number}.com/{path}"))
        for number, path in itertools.product(range(10), range(10))
    ]
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    times = []
    for number in range(20):
        started = loop.time()
        got = await web.get(f"https://{('music', 'www')[number % 2]}.example.com/song")
        times.append(loop.time() - started)
        assert got.content == b"here"
    # A dead host takes three seconds to give up; a page comes as if there were none.
    assert max(times) < 1
    assert not any(task.done() for task in dead)
    for task in dead:
        task.cancel()
    await asyncio.wait(dead)
