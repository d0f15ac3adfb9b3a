"""The host limiter: concurrency and rate per host."""

from __future__ import annotations

import asyncio
import contextlib
import itertools

import pytest

from servicekit.clock import Micros
from services.tracks.clients.web import host_limiter as module
from services.tracks.clients.web.host_limiter import MAX_CONCURRENT, HostLimiter
from services.tracks.domain.errors import HostBusyError
from tests.services.tracks.clients.web.fake_web import FakeWeb
from tests.services.tracks.clients.web.web_server import BLACK_HOLE, answer


class StillClock:
    """A manual clock."""

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
    """The requested sleeps; none is real."""
    told: list[float] = []

    async def sleep(seconds: float) -> None:
        told.append(round(seconds, 6))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return told


async def test_requests_beyond_the_burst_wait(clock: StillClock, waits: list[float]) -> None:
    limiter = HostLimiter(2, 3, clock)
    for _ in range(5):
        async with limiter.slot("a.com"):
            pass
    assert waits == [0, 0, 0, 0.5, 1.0]
    clock.at += 10
    async with limiter.slot("a.com"):
        pass
    assert waits[-1] == 0


async def test_hosts_have_their_own_buckets(clock: StillClock, waits: list[float]) -> None:
    limiter = HostLimiter(1, 1, clock)
    for host in ("a.com", "b.com", "a.com", "b.com"):
        async with limiter.slot(host):
            pass
    assert waits == [0, 0, 1, 1]


async def test_two_requests_run_concurrently(clock: StillClock) -> None:
    limiter = HostLimiter(1e6, 1e6, clock)
    internal = most = 0
    leave = asyncio.Event()

    async def visit() -> None:
        nonlocal internal, most
        async with limiter.slot("a.com"):
            internal += 1
            most = max(most, internal)
            await leave.wait()
            internal -= 1

    visits = [asyncio.create_task(visit()) for _ in range(6)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert internal == MAX_CONCURRENT
    # Other hosts have their own limiter.
    async with asyncio.timeout(1), limiter.slot("b.com"):
        pass
    leave.set()
    await asyncio.gather(*visits)
    assert most == MAX_CONCURRENT == 2


async def test_full_queue_is_refused_with_retry_after(clock: StillClock) -> None:
    limiter = HostLimiter(1e6, 1e6, clock)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MAX_CONCURRENT):
            await stack.enter_async_context(limiter.slot("a.com"))
        waiting = [asyncio.create_task(stack.enter_async_context(limiter.slot("a.com"))) for _ in range(32)]
        await asyncio.sleep(0)
        with pytest.raises(HostBusyError) as raised:
            async with asyncio.timeout(1), limiter.slot("a.com"):
                pass
        assert raised.value.metadata == {"host": "a.com"}
        assert raised.value.retry_after is not None
        for each in waiting:
            each.cancel()
        await asyncio.wait(waiting)
    # A timed out request holds no slot.
    async with asyncio.timeout(1), limiter.slot("a.com"), limiter.slot("a.com"):
        pass


async def test_wait_times_out(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_WAIT_SECONDS", 0.05)
    limiter = HostLimiter(0.001, 1, clock)
    async with limiter.slot("a.com"):
        pass
    with pytest.raises(HostBusyError):
        async with limiter.slot("a.com"):
            pass
    monkeypatch.setattr(module, "_MAX_WAIT_SECONDS", 8.0)
    clock.at += 10_000
    async with asyncio.timeout(1), limiter.slot("a.com"), limiter.slot("b.com"):
        pass


async def test_idle_hosts_are_evicted(clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_IDLE", 10)
    limiter = HostLimiter(1e6, 1e6, clock)
    async with limiter.slot("held.com"):
        for number in range(50):
            async with limiter.slot(f"host{number}.com"):
                pass
        assert len(limiter._hosts) == 10
        assert "held.com" in limiter._hosts


@pytest.mark.serial
async def test_slow_and_dead_hosts_do_not_delay_others(web: FakeWeb) -> None:
    web.names.table |= {f"dead{number}.com": [[BLACK_HOLE]] for number in range(10)}
    web.public.pages["/song"] = answer(200, "here")
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
    # The connect timeout of the dead host does not delay the page.
    assert max(times) < 1
    assert not any(task.done() for task in dead)
    for task in dead:
        task.cancel()
    await asyncio.wait(dead)
