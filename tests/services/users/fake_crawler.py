"""A crawler with scripted responses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from servicekit.errors import ServiceUnavailableError
from services.users.domain.verification_check import Fetched, Meta, Page


@dataclass
class FakeCrawler:
    """Implements services.users.actions.deps.Crawler. Pages are found by URL; one that is missing is a 404.

    `gate` holds all fetches until it is set; `away`: every fetch fails.
    """

    pages: dict[str, Fetched] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    away: bool = False

    def __post_init__(self) -> None:
        self.gate.set()

    def shows(self, url: str, text: str = "", status: int = 200, failure: str = "") -> None:
        """Let a URL show a text, or fail."""
        metas = (Meta("og:description", text, in_head=True),)
        page = Page(metas, text=text) if status == 200 and not failure else None
        self.pages[url] = Fetched(url, status, failure, page)

    async def fetch(self, url: str, _: UUID) -> Fetched:
        """The scripted response."""
        self.asked.append(url)
        await self.gate.wait()
        if self.away:
            raise ServiceUnavailableError("tracks")
        return self.pages.get(url, Fetched(url, 404))
