"""A web that counts and obeys, for tests of what the crawler makes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg

from servicekit.clock import SystemClock
from servicekit.database import Database as Pool
from services.tracks.domain.web.fetch_response import CachedResponse, Failure, FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl, cache_key, parse_fetch_url
from services.tracks.workers.crawler import Crawler

URL = "https://music.example.com/song"


def page(content: bytes = b"<title>Air</title>", **changes: object) -> FetchResponse:
    """A good answer."""
    values = {
        "final_url": URL,
        "status_code": 200,
        "content_type": "text/html",
        "content": content,
        **changes,
    }
    return FetchResponse(**values)  # type: ignore[arg-type]  # the test names fields of FetchResponse


def key(url: str = URL, policy: Policy = Policy.ANY_SITE) -> bytes:
    """What an address is kept under."""
    asked = parse_fetch_url(url)
    assert isinstance(asked, FetchUrl)
    return cache_key(asked, policy)


@dataclass
class Web:
    """Answers as it is told; `gate` holds answers back while it is closed."""

    answer: FetchResponse | Callable[[FetchUrl], FetchResponse] = field(default_factory=page)
    asked: list[tuple[str, Policy, tuple[str, str] | None]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asking: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def get(
        self, target: FetchUrl, policy: Policy, known: tuple[str, str] | None = None
    ) -> FetchResponse:
        """Implements services.tracks.actions.deps.Web."""
        self.asked.append((target.url, policy, known))
        self.asking.set()
        await self.gate.wait()
        return self.answer(target) if callable(self.answer) else self.answer


@dataclass
class World:
    """A crawler of one process, its web, and the tables as the superuser sees them."""

    crawler: Crawler
    web: Web
    pool: Pool
    admin: asyncpg.Connection

    async def fetch(
        self,
        url: str = URL,
        *,
        policy: Policy = Policy.ANY_SITE,
        max_age: float | None = None,
        seconds: float = 10,
    ) -> CachedResponse:
        """Fetch with so many seconds to wait."""
        return await self.crawler.fetch(
            url, deadline=time.monotonic() + seconds, policy=policy, max_age=max_age
        )

    async def age(self, seconds: float, url: str = URL, policy: Policy = Policy.ANY_SITE) -> None:
        """Make what is kept of an address older."""
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

    async def kept_for(self, url: str = URL) -> list[float]:
        """Seconds from now until the row expires, and from then until it may not be given any more."""
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

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        async with asyncio.timeout(10):
            while self.crawler._in_flight:
                await asyncio.wait(list(self.crawler._in_flight.values()))


def crawler(pool: Pool, web: Web) -> Crawler:
    """A crawler as a process has one."""
    return Crawler(pool, web, SystemClock())


def failing(failure: Failure) -> FetchResponse:
    """An answer that is none."""
    return FetchResponse(final_url=URL, failure=failure)
