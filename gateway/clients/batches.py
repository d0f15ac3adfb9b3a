"""Splits lookups of many ids into calls within the contract's limit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")
MAX_IDS = 1000


async def in_batches(
    ids: Sequence[str], lookup: Callable[[Sequence[str]], Awaitable[Sequence[_T]]]
) -> list[_T]:
    """Call `lookup` with up to 1,000 ids at a time, concurrently, and join the results."""
    batches = [ids[start : start + MAX_IDS] for start in range(0, len(ids), MAX_IDS)]
    answers = await asyncio.gather(*(lookup(batch) for batch in batches))
    return [found for answer in answers for found in answer]
