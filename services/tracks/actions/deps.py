"""Dependencies of the actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from servicekit.database import Database
from servicekit.rate_limit import RateLimiter
from services.tracks.domain.web.fetch_purpose import FetchPurpose
from services.tracks.domain.web.fetch_response import CachedResponse, FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl


class HttpClient(Protocol):
    """An HTTP client for public hosts, without a cache. Enforces the URL and address policy on every redirect."""

    async def get(
        self,
        target: FetchUrl,
        policy: Policy,
        visit: Callable[[str], None],
        validator: tuple[str, str] | None = None,
    ) -> FetchResponse:
        """Return the response of a URL after its redirects; a failure is a response with `failure`.

        `visit` is called with each host before its request and may refuse it. `validator` is a URL and the entity tag of
        its cached response. Raises HostBusyError and the errors of `visit` only.
        """


class Fetcher(Protocol):
    """Fetches public URLs from the cache or, with one shared request for concurrent callers, from the host."""

    async def fetch(
        self,
        url: str,
        purpose: FetchPurpose,
        *,
        deadline: float,
        policy: Policy = Policy.ANY_SITE,
        max_age: float | None = None,
    ) -> CachedResponse:
        """Return the cached or fetched response of a URL; blocked URLs and failed fetches are responses too.

        A fetch takes a slot of the share of its `purpose`. `deadline` is on the process's monotonic clock; a started fetch continues after it and fills the cache.
        With `max_age` (seconds) an older or expired response is fetched again; without it an expired response may
        be returned while it is revalidated in the background.

        Raises DeadlineExceededError, HostBusyError (queue of the host is full), OverloadedError (no slot of the share
        is free), RateLimitedError (the user has a quarter of them) and database errors.
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
    fetches: RateLimiter
    """What causes fetches: links to follow, new tracks, refreshes, pages to verify."""
