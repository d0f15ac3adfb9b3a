"""The actions of CrawlerService."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.tracks.actions.deps import Deps
from services.tracks.domain.web.content_type import is_page
from services.tracks.domain.web.fetch_response import CachedResponse, Failure, Policy
from services.tracks.domain.web.html_metadata import Page, read_page
from services.tracks.domain.web.url_policy import cache_key, parse_fetch_url
from services.tracks.store import crawler_cache


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What came of an address, with its body read: a page of HTML, or a text. Neither where there is no body."""

    fetched: CachedResponse
    page: Page | None = None
    text: str | None = None


async def fetch(deps: Deps, url: str, policy: Policy, max_age: float | None, deadline: float) -> FetchResult:
    """What the web answers for an address; the arguments and errors are those of deps.Fetcher."""
    fetched = await deps.fetcher.fetch(url, deadline=deadline, policy=policy, max_age=max_age)
    if not fetched.ok:
        return FetchResult(fetched)
    # Pages are strangers' work: however long reading one takes, the event loop goes on with the calls.
    return await asyncio.to_thread(_read, fetched)


async def purge_address(deps: Deps, url: str) -> int:
    """Forget what is kept of an address; returns how many answers that were."""
    asked = parse_fetch_url(url)
    if isinstance(asked, Failure):
        # Nothing is ever kept of what may not be asked.
        return 0
    return await deps.database.execute(crawler_cache.PURGE, [cache_key(asked, policy) for policy in Policy])


async def purge_older(deps: Deps, seconds: float) -> int:
    """Forget all answers of at least this age; returns how many."""
    return await crawler_cache.purge_older(deps.database, seconds)


def _read(fetched: CachedResponse) -> FetchResult:
    text = fetched.text()
    return (
        FetchResult(fetched, page=read_page(text))
        if is_page(fetched.media_type)
        else FetchResult(fetched, text=text)
    )
