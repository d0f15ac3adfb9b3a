"""Dependencies of the actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from servicekit.database import Database
from servicekit.rate_limit import RateLimiter
from services.tracks.domain.web.fetch_response import CachedResponse, FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl


class HttpClient(Protocol):
    """An HTTP client for public hosts, without a cache. Enforces the URL and address policy on every redirect."""

    async def get(
        self, target: FetchUrl, policy: Policy, validator: tuple[str, str] | None = None
    ) -> FetchResponse:
        """Return the response of a URL after its redirects; a failure is a response with `failure`.

        `validator` is a URL and the entity tag of its cached response. Raises HostBusyError only.
        """


class Fetcher(Protocol):
    """Fetches public URLs from the cache or, with one shared request for concurrent callers, from the host."""

    async def fetch(
        self, url: str, *, deadline: float, policy: Policy = Policy.ANY_SITE, max_age: float | None = None
    ) -> CachedResponse:
        """Return the cached or fetched response of a URL; blocked URLs and failed fetches are responses too.

        `deadline` is on the process's monotonic clock; a started fetch continues after it and fills the cache.
        With `max_age` (seconds) an older or expired response is fetched again; without it an expired response may
        be returned while it is revalidated in the background.

        Raises DeadlineExceededError, HostBusyError (queue of the host is full), OverloadedError and database errors.
        """


class Enrichment(Protocol):
    """The worker that fetches metadata from providers."""

    def notify(self) -> None:
        """Poll the queue of due tracks now. Never waits and never fails."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Built once per process by app.py."""

    database: Database
    fetcher: Fetcher
    enrichment: Enrichment
    searches: RateLimiter
