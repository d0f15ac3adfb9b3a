"""Calls of composed reads."""

from __future__ import annotations

import asyncio

from gateway.actions.lookups import from_main, or_none_if_away


async def test_a_read_that_is_cancelled_at_once_calls_nobody() -> None:
    called: list[str] = []

    async def call(name: str) -> None:
        called.append(name)

    reads = [
        asyncio.ensure_future(from_main("chat", call, "main")),
        asyncio.ensure_future(or_none_if_away([], "users", call, "lookup")),
    ]
    for read in reads:
        read.cancel()
    # A call that was made and never awaited would be a warning, and so an error.
    await asyncio.wait(reads)
    assert (called, [each.cancelled() for each in reads]) == ([], [True, True])
