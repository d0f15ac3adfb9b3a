"""Runs calls of tests at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

_T = TypeVar("_T")


async def gather_bounded(calls: Iterable[Awaitable[_T]], limit: int = 12) -> list[_T | BaseException]:
    """The results or errors of all calls. More than the limit would get no database connection in time."""
    slots = asyncio.Semaphore(limit)

    async def one(call: Awaitable[_T]) -> _T:
        async with slots:
            return await call

    return await asyncio.gather(*map(one, calls), return_exceptions=True)
