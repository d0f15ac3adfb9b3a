"""Dependencies of the actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID

from search_text.tiers import Cursor
from servicekit.cache import Cache
from servicekit.clock import Clock
from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.database import Database
from servicekit.rate_limit import RateLimiter
from services.users.domain.verification_check import Fetched
from services.users.store.artist_search import MatchRow
from services.users.store.verification import ClaimRow


class SearchPage(NamedTuple):
    """The matches of a page as the response has them, and the cursor of the next page; None at the end."""

    content: bytes
    last: Cursor | None


SearchPages: TypeAlias = Cache[tuple[str, bool, Cursor, int], SearchPage]
"""Pages by query, whether unverified profiles are included, cursor and page size."""


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
    resolved. `search_pages` are reused for `search_page_seconds`, whoever asks: the same beginnings of popular names are
    searched for again and again. `encode_matches` serializes the matches of a query.
    """

    database: Database
    limits: Limits
    search_slots: ConcurrencyLimiter
    search_pages: SearchPages
    search_page_seconds: float
    encode_matches: Callable[[str, Sequence[MatchRow]], bytes]
    clock: Clock


@dataclass(frozen=True, slots=True)
class VerificationDeps:
    """What the actions of VerificationService need beside the database. `writes`: starts, checks and cancellations."""

    database: Database
    checks: Checks
    writes: RateLimiter
