"""What the actions work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from servicekit.database import Database
from servicekit.rate_limit import RateLimiter
from services.tracks.domain.web.fetch_response import CachedResponse, FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl


class HttpClient(Protocol):
    """The network, with every rule of who may be asked, and nothing kept."""

    async def get(
        self, target: FetchUrl, policy: Policy, known: tuple[str, str] | None = None
    ) -> FetchResponse:
        """The answer of an address, after its redirects; how it failed is an answer too.

        `known` is an address and the entity tag of what is known of it. Raises HostBusyError alone.
        """


class Fetcher(Protocol):
    """Gets public web addresses, politely: from the cache, or once for everybody who asks at the same time."""

    async def fetch(
        self, url: str, *, deadline: float, policy: Policy = Policy.ANY_SITE, max_age: float | None = None
    ) -> CachedResponse:
        """What the web answers for an address, now or lately.

        How it ended, refusals and dead hosts included, is the value, never an exception. `deadline` is on the
        process's monotonic clock; a fetch that has begun goes on after it and fills the cache. `max_age` is in
        seconds: an answer that is older, or expired, is fetched anew; without it an expired answer may be given
        while it is fetched anew in the background.

        Raises DeadlineExceededError, HostBusyError (too many wait for this host), OverloadedError and the errors
        of the database.
        """


class Enrichment(Protocol):
    """The worker that asks providers what they know of tracks."""

    def notify(self) -> None:
        """Look for tracks that are due now rather than a little later. Never waits and never fails."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Made once per process by app.py."""

    database: Database
    fetcher: Fetcher
    enrichment: Enrichment
    searches: RateLimiter
