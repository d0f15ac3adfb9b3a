"""How often one user may do a thing: a token bucket for each user. Each process counts separately."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from uuid import UUID

from servicekit.cache import Cache
from servicekit.clock import Clock
from servicekit.errors import RateLimitedError

_MAX_USERS = 50_000


@dataclass(slots=True)
class RateLimiter:
    """A token bucket for each user: at most `burst` at once and `per_second` on average."""

    per_second: float
    burst: float
    clock: Clock
    # Per user: the tokens left, and when they were counted.
    _left: Cache[UUID, tuple[float, float]] = field(default_factory=lambda: Cache(_MAX_USERS))

    def hit(self, user_id: UUID) -> None:
        """Use a token; raises RateLimitedError with the seconds until the next one."""
        now = self.clock.monotonic()
        left, at = self._left.get(user_id) or (self.burst, now)
        left = min(self.burst, left + (now - at) * self.per_second)
        if left < 1:
            raise RateLimitedError((1 - left) / self.per_second)
        # The bucket that is evicted was idle longest: it is full again, or nearly.
        self._left.put(user_id, (left - 1, now))

    def deferred_hit(self, user_id: UUID) -> Callable[[], None]:
        """A `hit` for work that may be retried: only the first call of the returned function uses a token."""
        return cache(partial(self.hit, user_id))
