"""How many calls a process takes at once, so that an overload costs the late ones and not everybody."""

from __future__ import annotations

import asyncio
from typing import Self

from servicekit.errors import OverloadedError

_RETRY_SECONDS = 0.2


class Admission:
    """At most `limit` calls run; at most `queue` wait, each at most `wait` seconds; the rest is refused at once."""

    def __init__(self, limit: int, queue: int, wait: float) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._queue = queue
        self._wait = wait
        self._waiting = 0
        self.running = 0

    def slot(self) -> Self:
        """Hold one of the slots in an `async with`; entering it raises OverloadedError."""
        return self

    async def __aenter__(self) -> None:
        if self._slots.locked():
            await self._queue_up()
        else:
            await self._slots.acquire()
        self.running += 1

    async def __aexit__(self, *_raised: object) -> None:
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
