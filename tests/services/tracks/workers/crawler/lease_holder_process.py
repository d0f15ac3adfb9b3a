"""A process that acquires the lease of a URL and never finishes: `python -m ...lease_holder_process DSN URL`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable

from servicekit.database import Database, PoolOptions
from services.tracks.domain.web.fetch_purpose import Share
from services.tracks.domain.web.fetch_response import FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl
from services.tracks.workers.fetch_slots import FetchSlots
from tests.services.tracks.workers.crawler.crawler_fixtures import PURPOSE, SLOTS, FakeHttpClient, crawler


class EndlessHttpClient(FakeHttpClient):
    """An HTTP client that reports its request and never returns."""

    async def get(
        self,
        target: FetchUrl,
        policy: Policy,
        visit: Callable[[str], None],
        validator: tuple[str, str] | None = None,
    ) -> FetchResponse:
        """Report to the parent process, then block."""
        sys.stdout.write("holding\n")
        sys.stdout.flush()
        self.gate.clear()
        return await super().get(target, policy, visit, validator)


async def main(dsn: str, url: str) -> None:
    """Fetch the URL with the parent's database."""
    database = Database(dsn, PoolOptions("holding", pooled="pooled" in sys.argv))
    await database.open()
    slots = FetchSlots(dict.fromkeys(Share, SLOTS))
    await crawler(database, EndlessHttpClient(), slots).fetch(url, PURPOSE, deadline=time.monotonic() + 300)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
