"""Fixtures of the crawler: a fake HTTP client, and access to the cache's rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg

from servicekit.clock import SystemClock
from servicekit.database import Database as Pool
from services.tracks.domain.web.fetch_purpose import FetchPurpose, Share
from services.tracks.domain.web.fetch_response import CachedResponse, Failure, FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl, cache_key, parse_fetch_url
from services.tracks.workers.crawler import Crawler
from services.tracks.workers.fetch_slots import FetchSlots

SLOTS = 8
"""In each share."""
PURPOSE = FetchPurpose(Share.VERIFICATION)
URL = "https://music.example.com/song"


def page(content: bytes = b"<title>Air</title>", **changes: object) -> FetchResponse:
    """A successful response."""
    values = {
        "final_url": URL,
        "status_code": 200,
        "content_type": "text/html",
        "content": content,
        **changes,
    }
    return FetchResponse(**values)  # type: ignore[arg-type]  # the test names fields of FetchResponse


def key(url: str = URL, policy: Policy = Policy.ANY_SITE) -> bytes:
    """The cache key of a URL."""
    asked = parse_fetch_url(url)
    assert isinstance(asked, FetchUrl)
    return cache_key(asked, policy)


@dataclass
class FakeHttpClient:
    """Returns scripted responses; `gate` blocks them while it is cleared."""

    answer: FetchResponse | Callable[[FetchUrl], FetchResponse] = field(default_factory=page)
    hops: list[str] = field(default_factory=list)
    """The hosts that each response redirects to."""
    asked: list[tuple[str, Policy, tuple[str, str] | None]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asking: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def get(
        self,
        target: FetchUrl,
        policy: Policy,
        visit: Callable[[str], None],
        validator: tuple[str, str] | None = None,
    ) -> FetchResponse:
        """Implements services.tracks.actions.deps.HttpClient."""
        self.asked.append((target.url, policy, validator))
        self.asking.set()
        await self.gate.wait()
        for host in self.hops:
            visit(host)
        return self.answer(target) if callable(self.answer) else self.answer


@dataclass
class CrawlerFixture:
    """A crawler of one process, its HTTP client, and a superuser's connection."""

    crawler: Crawler
    web: FakeHttpClient
    slots: FetchSlots
    pool: Pool
    admin: asyncpg.Connection

    async def fetch(
        self,
        url: str = URL,
        *,
        policy: Policy = Policy.ANY_SITE,
        max_age: float | None = None,
        seconds: float = 10,
        purpose: FetchPurpose = PURPOSE,
    ) -> CachedResponse:
        """Fetch with a deadline in `seconds`."""
        return await self.crawler.fetch(
            url, purpose, deadline=time.monotonic() + seconds, policy=policy, max_age=max_age
        )

    async def age(self, seconds: float, url: str = URL, policy: Policy = Policy.ANY_SITE) -> None:
        """Age the cached response of a URL."""
        count = await self.admin.execute(
            """
            UPDATE tracks.crawler_cache
            SET fetched_at = fetched_at - make_interval(secs => $2),
                expires_at = expires_at - make_interval(secs => $2),
                stale_until = stale_until - make_interval(secs => $2)
            WHERE url_hash = $1
            """,
            key(url, policy),
            float(seconds),
        )
        assert count == "UPDATE 1"

    async def cache_lifetimes(self, url: str = URL) -> list[float]:
        """Seconds until the response expires, and seconds of its stale period."""
        row = await self.admin.fetchrow(
            """
            SELECT extract(epoch FROM expires_at - now())::float8,
                   extract(epoch FROM stale_until - expires_at)::float8
            FROM tracks.crawler_cache WHERE url_hash = $1
            """,
            key(url),
        )
        assert row is not None
        return [float(row[0]), float(row[1])]

    async def wait_idle(self) -> None:
        """Wait until no fetch is in flight."""
        async with asyncio.timeout(10):
            while self.crawler._in_flight:
                await asyncio.wait(list(self.crawler._in_flight.values()))


def crawler(pool: Pool, web: FakeHttpClient, slots: FetchSlots) -> Crawler:
    """Build a crawler."""
    return Crawler(pool, web, slots, SystemClock())


def failing(failure: Failure) -> FetchResponse:
    """A failed response."""
    return FetchResponse(final_url=URL, failure=failure)
