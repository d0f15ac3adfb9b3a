"""Dependencies of the actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.database import Database
from servicekit.rate_limit import RateLimiter
from services.users.domain.verification_check import Fetched
from services.users.store.verification import ClaimRow


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one user may do a thing."""

    artist_searches: RateLimiter
    artist_writes: RateLimiter


class Crawler(Protocol):
    """Fetches public pages."""

    async def fetch(self, url: str, user_id: UUID) -> Fetched:
        """Fetch a page now, on behalf of a user; redirects stay on its site. Raises ServiceError."""


class Checks(Protocol):
    """The worker that checks claims."""

    def reserve(self) -> None:
        """Raise OverloadedError if the worker has no slot free."""

    def run(self, claim: ClaimRow) -> None:
        """Check a claim that this process has leased. Never waits and never fails."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per process by app.py.

    Searches hold one of `search_slots`, of which there are fewer than connections: they never keep callers from being
    resolved.
    """

    database: Database
    limits: Limits
    search_slots: ConcurrencyLimiter


@dataclass(frozen=True, slots=True)
class VerificationDeps:
    """What the actions of VerificationService need beside the database. `writes`: starts, checks and cancellations."""

    database: Database
    checks: Checks
    writes: RateLimiter
