"""How often one user may do a thing: token buckets, each process its own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from servicekit.clock import Clock
from servicekit.errors import RateLimitedError

_MAX_USERS = 50_000


class RateLimit:
    """At most `burst` at once and `per_second` on average, for each user."""

    def __init__(self, per_second: float, burst: float, clock: Clock) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        # Per user: what was left, and when.
        self._left: OrderedDict[UUID, tuple[float, float]] = OrderedDict()

    def take(self, user_id: UUID) -> None:
        """Use one; raises RateLimitedError, with the seconds until the next one is there."""
        now = self._clock.monotonic()
        left, at = self._left.get(user_id, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        if left < 1:
            raise RateLimitedError((1 - left) / self._per_second)
        self._left[user_id] = (left - 1, now)
        self._left.move_to_end(user_id)
        if len(self._left) > _MAX_USERS:
            # The user who was idle longest has a full bucket again, or nearly.
            self._left.popitem(last=False)

    def once(self, user_id: UUID) -> Callable[[], None]:
        """As take, for work that may be repeated: of the calls of what this gives, only the first one counts."""
        taken = False

        def take() -> None:
            nonlocal taken
            if not taken:
                self.take(user_id)
                taken = True

        return take
