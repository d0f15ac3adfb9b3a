"""Time inside a process, injected so that tests can move it. Expiry in tables uses the database's clock."""

from __future__ import annotations

import time
from typing import NewType, Protocol

Micros = NewType("Micros", int)
"""An instant: microseconds since 1970-01-01 UTC."""


class Clock(Protocol):
    """Where a process gets its time from."""

    def monotonic(self) -> float:
        """Seconds that only ever grow, for durations and deadlines."""

    def now(self) -> Micros:
        """The wall clock, for tokens' claims."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def now(self) -> Micros:
        """The wall clock."""
        return Micros(time.time_ns() // 1000)
