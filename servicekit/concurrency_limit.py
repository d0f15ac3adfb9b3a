"""How many calls and streams a process runs at once, in total and for one user.

Under overload, excess calls are rejected fast and admitted calls keep their latency. Each process counts separately.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from servicekit.errors import OverloadedError, RateLimitedError

_RETRY_SECONDS = 0.2
_STREAM_RETRY_SECONDS = 5.0


class _Shares:
    """At most `limit` for each key; None is not counted."""

    def __init__(self, limit: int, retry_after: float) -> None:
        self._limit = limit
        self._retry_after = retry_after
        self._held: dict[str, int] = {}

    def take(self, key: str | None) -> None:
        """Count one more; raises RateLimitedError."""
        if key is None:
            return
        held = self._held.get(key, 0)
        if held >= self._limit:
            raise RateLimitedError(self._retry_after)
        self._held[key] = held + 1

    def give_back(self, key: str | None) -> None:
        """Count one less."""
        if key is None:
            return
        held = self._held[key]
        if held == 1:
            del self._held[key]
        else:
            self._held[key] = held - 1


class ConcurrencyLimiter:
    """At most `limit` calls run; at most `queue` wait, each at most `max_wait` seconds; the rest is rejected at once.

    At most `per_user` of the running and waiting calls are of one user; None is nobody, who has no such share.
    Every acquired slot must be released. The uncontended path is synchronous because it is on every call.
    """

    def __init__(self, limit: int, queue: int, max_wait: float, per_user: int) -> None:
        self.limit = limit
        self._queue = queue
        self._max_wait = max_wait
        self._shares = _Shares(per_user, _RETRY_SECONDS)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.running = 0

    def try_acquire(self, user: str | None) -> bool:
        """Take a slot if one is free; raises RateLimitedError.

        None is free while calls wait: a released slot passes to the first of them.
        """
        if self.running >= self.limit:
            return False
        self._shares.take(user)
        self.running += 1
        return True

    async def acquire(self, user: str | None) -> None:
        """Wait for a slot in FIFO order; raises RateLimitedError or OverloadedError."""
        self._shares.take(user)
        try:
            await self._wait()
        except BaseException:
            self._shares.give_back(user)
            raise

    async def _wait(self) -> None:
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
                self._pass_on()
            if isinstance(error, TimeoutError):
                raise OverloadedError(_RETRY_SECONDS) from None
            raise

    def release(self, user: str | None) -> None:
        """Pass the slot to the call that has waited longest, or free it."""
        self._shares.give_back(user)
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1

    @asynccontextmanager
    async def slot(self, user: str | None) -> AsyncIterator[None]:
        """Hold a slot for the block, after a wait if none is free; raises RateLimitedError or OverloadedError."""
        if not self.try_acquire(user):
            await self.acquire(user)
        try:
            yield
        finally:
            self.release(user)


class StreamLimiter:
    """At most `limit` streams are open, at most `per_key` of them of one key; one more is rejected at once.

    The key is a user, or the network of a client without a token; None is not counted.
    """

    def __init__(self, limit: int, per_key: int) -> None:
        self.limit = limit
        self._shares = _Shares(per_key, _STREAM_RETRY_SECONDS)
        self.open = 0

    @contextmanager
    def slot(self, key: str | None) -> Iterator[None]:
        """Hold a slot for the block; raises OverloadedError or RateLimitedError."""
        if self.open >= self.limit:
            raise OverloadedError(_STREAM_RETRY_SECONDS)
        self._shares.take(key)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
            self._shares.give_back(key)
