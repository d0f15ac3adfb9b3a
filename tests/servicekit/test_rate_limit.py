"""The token bucket of one user."""

from __future__ import annotations

import uuid

import pytest

from servicekit.clock import Micros
from servicekit.errors import RateLimitedError
from servicekit.rate_limit import RateLimiter


class StoppedClock:
    """A clock that a test moves."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> Micros:
        raise NotImplementedError


def test_rest_fills_the_bucket_up_to_the_burst_and_no_further() -> None:
    clock, user = StoppedClock(), uuid.uuid4()
    limiter = RateLimiter(per_second=2, burst=3, clock=clock)
    for idle_seconds in (0, 3600):
        clock.seconds += idle_seconds
        for _ in range(3):
            limiter.hit(user)
        with pytest.raises(RateLimitedError):
            limiter.hit(user)
    limiter.hit(uuid.uuid4())
    clock.seconds += 0.5
    limiter.hit(user)
    with pytest.raises(RateLimitedError):
        limiter.hit(user)
