"""Lookups of any number of ids, each call within what the contract allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

_Found = TypeVar("_Found")
MAX_IDS = 1000


async def in_batches(
    ids: Sequence[str], ask: Callable[[Sequence[str]], Awaitable[Sequence[_Found]]]
) -> list[_Found]:
    """What `ask` finds for all ids: no call for none, one for up to 1,000, else several at once."""
    batches = [ids[start : start + MAX_IDS] for start in range(0, len(ids), MAX_IDS)]
    answers = await asyncio.gather(*(ask(batch) for batch in batches))
    return [found for answer in answers for found in answer]
