"""What bounds the load: how many calls and streams a process takes at once, and how often one user may do a thing.

An overload costs the late ones and not everybody. Each process counts by itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from uuid import UUID

from servicekit.clock import Clock
from servicekit.errors import OverloadedError, RateLimitedError

_RETRY_SECONDS = 0.2
_STREAM_RETRY_SECONDS = 5.0
_MAX_USERS = 50_000


class Admission:
    """At most `limit` calls run; at most `queue` wait, each at most `wait` seconds; the rest is refused at once.

    Whoever entered leaves. Plain functions where nobody has to wait: this runs once per call.
    """

    def __init__(self, limit: int, queue: int, wait: float) -> None:
        self._limit = limit
        self._queue = queue
        self._wait = wait
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.running = 0

    def enter(self) -> bool:
        """Take a place if one is free. While anybody waits none is: places are handed on."""
        free = self.running < self._limit
        self.running += free
        return free

    async def queue_up(self) -> None:
        """Take a place once it is one's turn; raises OverloadedError."""
        if len(self._waiting) >= self._queue:
            raise OverloadedError(_RETRY_SECONDS)
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait):
                await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled():
                # The turn came in the moment in which this call gave up.
                self.leave()
            if isinstance(error, TimeoutError):
                raise OverloadedError(_RETRY_SECONDS) from None
            raise

    def leave(self) -> None:
        """Give the place to whoever waits longest, or back."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1


class StreamAdmission:
    """At most `limit` streams are open, at most `per_user` of them one user's; one more is refused at once."""

    def __init__(self, limit: int, per_user: int) -> None:
        self._limit = limit
        self._per_user = per_user
        self._of_user: Counter[UUID | None] = Counter()
        self.open = 0

    @contextmanager
    def place(self, user_id: UUID | None) -> Iterator[None]:
        """A place for as long as the block runs; raises OverloadedError or RateLimitedError."""
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
            # This way who has none left is forgotten.
            self._of_user -= Counter((user_id,))


@dataclass(slots=True)
class RateLimit:
    """At most `burst` at once and `per_second` on average, for each user."""

    per_second: float
    burst: float
    clock: Clock
    # Per user: what was left, and when.
    _left: OrderedDict[UUID, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, user_id: UUID) -> None:
        """Use one; raises RateLimitedError, with the seconds until the next one is there."""
        now = self.clock.monotonic()
        left, at = self._left.get(user_id, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.per_second)
        if left < 1:
            raise RateLimitedError((1 - left) / self.per_second)
        self._left[user_id] = (left - 1, now)
        self._left.move_to_end(user_id)
        if len(self._left) > _MAX_USERS:
            # The user who was idle longest has a full bucket again, or nearly.
            self._left.popitem(last=False)

    def once(self, user_id: UUID) -> Callable[[], None]:
        """As take, for work that may be repeated: of the calls of what this gives, only the first one counts."""
        return cache(partial(self.take, user_id))
