"""How many calls a process takes at once, so that an overload costs the late ones and not everybody."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from servicekit.errors import OverloadedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_RETRY_SECONDS = 0.2


class Admission:
    """At most `limit` calls run; at most `queue` wait, each at most `wait` seconds; the rest is refused at once."""

    def __init__(self, limit: int, queue: int, wait: float) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._queue = queue
        self._wait = wait
        self._waiting = 0
        self.running = 0

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the slots; raises OverloadedError."""
        if self._slots.locked():
            await self._queue_up()
        else:
            await self._slots.acquire()
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._slots.release()

    async def _queue_up(self) -> None:
        if self._waiting >= self._queue:
            raise OverloadedError(_RETRY_SECONDS)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait):
                await self._slots.acquire()
        except TimeoutError:
            raise OverloadedError(_RETRY_SECONDS) from None
        finally:
            self._waiting -= 1
