"""The actions of CrawlerService."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID

from services.tracks.actions.deps import Deps
from services.tracks.domain.web.content_type import is_page
from services.tracks.domain.web.fetch_purpose import FetchPurpose, Share
from services.tracks.domain.web.fetch_response import CachedResponse, Failure, Policy
from services.tracks.domain.web.html_metadata import Page, read_page
from services.tracks.domain.web.url_policy import cache_key, parse_fetch_url
from services.tracks.store import crawler_cache


@dataclass(frozen=True, slots=True)
class FetchResult:
    """A fetched response with its body: a parsed page for HTML, else a text; neither if there is no body."""

    fetched: CachedResponse
    page: Page | None = None
    text: str | None = None


async def fetch(
    deps: Deps, user_id: UUID | None, url: str, policy: Policy, max_age: float | None, deadline: float
) -> FetchResult:
    """Fetch a URL and parse its body, on behalf of a user if there is one.

    Arguments and errors are those of deps.Fetcher.
    """
    if user_id is not None:
        deps.fetches.hit(user_id)
    purpose = FetchPurpose(Share.VERIFICATION, user_id)
    fetched = await deps.fetcher.fetch(url, purpose, deadline=deadline, policy=policy, max_age=max_age)
    if not fetched.ok:
        return FetchResult(fetched)
    # Parsing an untrusted page must not block the event loop.
    return await asyncio.to_thread(_read, fetched)


async def purge_address(deps: Deps, url: str) -> int:
    """Delete the cached responses of a URL; return how many."""
    target = parse_fetch_url(url)
    if isinstance(target, Failure):
        # A blocked URL is never cached.
        return 0
    return await crawler_cache.purge(deps.database, [cache_key(target, policy) for policy in Policy])


async def purge_older(deps: Deps, seconds: float) -> int:
    """Delete the cached responses of at least this age; return how many."""
    return await crawler_cache.purge_older(deps.database, seconds)


def _read(fetched: CachedResponse) -> FetchResult:
    text = fetched.text()
    return (
        FetchResult(fetched, page=read_page(text))
        if is_page(fetched.media_type)
        else FetchResult(fetched, text=text)
    )
