"""How many calls and streams a process runs at once.

Under overload, excess calls are rejected fast and admitted calls keep their latency. Each process counts separately.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from servicekit.errors import OverloadedError, RateLimitedError

_RETRY_SECONDS = 0.2
_STREAM_RETRY_SECONDS = 5.0


class ConcurrencyLimiter:
    """At most `limit` calls run; at most `queue` wait, each at most `max_wait` seconds; the rest is rejected at once.

    Every acquired slot must be released. The uncontended path is synchronous because it is on every call.
    """

    def __init__(self, limit: int, queue: int, max_wait: float) -> None:
        self._limit = limit
        self._queue = queue
        self._max_wait = max_wait
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.running = 0

    def try_acquire(self) -> bool:
        """Take a slot if one is free. None is while calls wait: a released slot passes to the first of them."""
        free = self.running < self._limit
        self.running += free
        return free

    async def acquire(self) -> None:
        """Wait for a slot in FIFO order; raises OverloadedError."""
        if len(self._waiting) >= self._queue:
            raise OverloadedError(_RETRY_SECONDS)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._max_wait):
                await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                # The slot arrived while this call was giving up.
                self.release()
            if isinstance(error, TimeoutError):
                raise OverloadedError(_RETRY_SECONDS) from None
            raise

    def release(self) -> None:
        """Pass the slot to the call that has waited longest, or free it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1


class StreamLimiter:
    """At most `limit` streams are open, at most `per_user` of them one user's; one more is rejected at once."""

    def __init__(self, limit: int, per_user: int) -> None:
        self._limit = limit
        self._per_user = per_user
        self._of_user: Counter[UUID | None] = Counter()
        self.open = 0

    @contextmanager
    def slot(self, user_id: UUID | None) -> Iterator[None]:
        """Hold a slot for the block; raises OverloadedError or RateLimitedError."""
        if self.open >= self._limit:
            raise OverloadedError(_STREAM_RETRY_SECONDS)
        if user_id is not None and self._of_user[user_id] >= self._per_user:
            raise RateLimitedError(_STREAM_RETRY_SECONDS)
        self.open += 1
        self._of_user[user_id] += 1
        try:
            yield
        finally:
            self.open -= 1
            # Drops users whose count reaches zero.
            self._of_user -= Counter((user_id,))
