"""Dependencies of the actions."""

from __future__ import annotations

from dataclasses import dataclass

from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.database import Database
from servicekit.rate_limit import RateLimiter


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one user may do a thing."""

    artist_searches: RateLimiter
    artist_writes: RateLimiter


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per process by app.py.

    Searches hold one of `search_slots`, of which there are fewer than connections: they never keep callers from being
    resolved.
    """

    database: Database
    limits: Limits
    search_slots: ConcurrencyLimiter
