"""How often one user may do a thing: token buckets, each process its own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from servicekit.clock import Clock
from servicekit.errors import RateLimitedError

_MAX_USERS = 50_000


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
        taken = False

        def take() -> None:
            nonlocal taken
            if not taken:
                self.take(user_id)
                taken = True

        return take
