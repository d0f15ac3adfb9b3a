"""A process that begins to fetch an address and never ends: `python -m tests...holding DSN URL`. It's to be killed."""

from __future__ import annotations

import asyncio
import sys
import time

from servicekit.database import Database, PoolOptions
from services.tracks.domain.web.fetch_response import FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl
from tests.services.tracks.workers.crawler.crawler_fixtures import Web, crawler


class EndlessWeb(Web):
    """Says when it's asked, and never answers."""

    async def get(
        self, target: FetchUrl, policy: Policy, known: tuple[str, str] | None = None
    ) -> FetchResponse:
        """Tell the parent, and hold on."""
        sys.stdout.write("holding\n")
        sys.stdout.flush()
        self.gate.clear()
        return await super().get(target, policy, known)


async def main(dsn: str, url: str) -> None:
    """Fetch the address with a database of the parent's."""
    database = Database(dsn, PoolOptions("holding", pooled="pooled" in sys.argv))
    await database.open()
    await crawler(database, EndlessWeb()).fetch(url, deadline=time.monotonic() + 300)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
