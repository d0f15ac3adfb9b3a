"""`GET /api/events`: health and records as they change, in one response for each page.

A browser opens six connections to a server, and streams of calls need them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from console.lines import Lines
from console.records import Records
from console.settings import ConsoleSettings
from console.targets import Target
from console.watching import HealthWatch

_MAX_PAGES = 32
_HEARTBEAT_SECONDS = 15.0
# Several changes become one line.
_GATHER_SECONDS = 0.05


class Events:
    """What happens in the suite, for all pages that are open."""

    def __init__(self, settings: ConsoleSettings, targets: Mapping[str, Target]) -> None:
        self._targets = targets
        self._health = HealthWatch(targets, self._wake)
        self._records = Records(settings.home, self._wake)
        self._pages: set[asyncio.Event] = set()

    def routes(self) -> list[Route]:
        """The route."""
        return [Route("/api/events", self._events)]

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Watch for as long as the application runs."""
        tasks = [asyncio.create_task(each.run()) for each in (self._health, self._records)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for target in self._targets.values():
                await target.channel.close()

    async def _events(self, _request: Request) -> Lines:
        if len(self._pages) >= _MAX_PAGES:
            raise HTTPException(429, f"{_MAX_PAGES} pages are open.")
        return Lines(self._follow())

    async def _follow(self) -> AsyncGenerator[bytes, None]:
        changed = asyncio.Event()
        self._pages.add(changed)
        number, states = 0, dict[str, str]()
        try:
            while True:
                changed.clear()
                records = self._records.after(number)
                number = records[-1]["n"] if records else number
                update: dict[str, object] = {"records": records} if records else {}
                if states != self._health.states:
                    update["health"] = states = dict(self._health.states)
                yield json.dumps(update).encode()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), _HEARTBEAT_SECONDS)
                await asyncio.sleep(_GATHER_SECONDS)
        finally:
            self._pages.discard(changed)

    def _wake(self) -> None:
        for each in self._pages:
            each.set()
