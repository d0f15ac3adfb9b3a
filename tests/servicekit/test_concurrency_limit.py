"""How many calls a process takes at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.errors import OverloadedError


class Holder:
    """Holds a slot until it is let go."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self.has = asyncio.Event()
        self.let_go = asyncio.Event()
        self.task = asyncio.ensure_future(self._hold(limiter))

    async def _hold(self, limiter: ConcurrencyLimiter) -> None:
        async with slot(limiter):
            self.has.set()
            await self.let_go.wait()


@asynccontextmanager
async def slot(limiter: ConcurrencyLimiter) -> AsyncIterator[None]:
    """A place, as the wrapper takes it."""
    if not limiter.try_acquire(None):
        await limiter.acquire(None)
    try:
        yield
    finally:
        limiter.release(None)


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_up_to_the_limit_run() -> None:
    limiter = ConcurrencyLimiter(3, 0, 1, 100)
    holders = [Holder(limiter) for _ in range(3)]
    await settle()
    assert limiter.running == 3
    with pytest.raises(OverloadedError) as raised:
        async with slot(limiter):
            raise AssertionError
    assert raised.value.retry_after
    for holder in holders:
        holder.let_go.set()
        await holder.task
    assert limiter.running == 0


async def test_waiting_ones_are_served_in_order() -> None:
    limiter = ConcurrencyLimiter(1, 3, 5, 100)
    holders = [Holder(limiter) for _ in range(4)]
    await settle()
    for number, holder in enumerate(holders):
        await asyncio.wait_for(holder.has.wait(), 5)
        assert [each.has.is_set() for each in holders] == [True] * (number + 1) + [False] * (3 - number)
        holder.let_go.set()
        await settle()


async def test_full_queue_refuses_at_once() -> None:
    limiter = ConcurrencyLimiter(1, 2, 60, 100)
    holders = [Holder(limiter) for _ in range(3)]
    await settle()
    started = time.monotonic()
    with pytest.raises(OverloadedError):
        async with slot(limiter):
            raise AssertionError
    assert time.monotonic() - started < 1
    for holder in holders:
        holder.let_go.set()
    await asyncio.gather(*(holder.task for holder in holders))


async def test_wait_ends_in_a_refusal_and_leaves_no_trace() -> None:
    limiter = ConcurrencyLimiter(1, 1, 0.05, 100)
    first = Holder(limiter)
    await settle()
    for _ in range(3):
        second = Holder(limiter)
        with pytest.raises(OverloadedError):
            await second.task
    first.let_go.set()
    await first.task
    third = Holder(limiter)
    await settle()
    assert third.has.is_set()
    third.let_go.set()
    await third.task


async def test_one_who_gives_up_waiting_frees_the_place() -> None:
    limiter = ConcurrencyLimiter(1, 1, 60, 100)
    first = Holder(limiter)
    await settle()
    for _ in range(3):
        waiting = Holder(limiter)
        await settle()
        waiting.task.cancel()
        await settle()
    last = Holder(limiter)
    await settle()
    first.let_go.set()
    await asyncio.wait_for(last.has.wait(), 5)
    last.let_go.set()
    await last.task
    assert limiter.running == 0


@pytest.mark.parametrize("turn_first", [True, False])
async def test_one_who_gives_up_in_the_moment_of_its_turn_passes_it_on(*, turn_first: bool) -> None:
    limiter = ConcurrencyLimiter(1, 2, 60, 100)
    assert limiter.try_acquire(None)
    second, third = (asyncio.ensure_future(limiter.acquire(None)) for _ in range(2))
    await settle()
    release = partial(limiter.release, None)
    for act in (release, second.cancel) if turn_first else (second.cancel, release):
        act()
    await settle()
    assert second.cancelled()
    assert third.done()
    assert third.exception() is None
    assert limiter.running == 1
    limiter.release(None)
    assert limiter.running == 0


async def test_error_inside_frees_the_slot() -> None:
    limiter = ConcurrencyLimiter(1, 0, 1, 100)
    for _ in range(3):
        with pytest.raises(ValueError, match="inside"):
            async with slot(limiter):
                raise ValueError("inside")
    assert limiter.running == 0
