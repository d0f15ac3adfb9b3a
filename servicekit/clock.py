"""Time inside a process, injected so that tests can move it. Expiry in tables uses the database's clock."""

from __future__ import annotations

import time
from typing import NewType, Protocol

Micros = NewType("Micros", int)
"""An instant: microseconds since 1970-01-01 UTC."""


class Clock(Protocol):
    """The clocks of a process."""

    def monotonic(self) -> float:
        """Monotonic seconds, for durations and deadlines."""

    def now(self) -> Micros:
        """The wall clock, for tokens' claims."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def now(self) -> Micros:
        """The wall clock."""
        return Micros(time.time_ns() // 1000)
