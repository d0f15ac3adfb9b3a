"""Takes tracks from the queue and has their providers asked, some of each provider at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

import structlog

from servicekit.errors import ServiceError
from services.tracks.actions.enrichment import EnrichmentDeps, enrich
from services.tracks.store import enrichment
from services.tracks.store.enrichment import ClaimedTrackRow

_log = structlog.get_logger("enricher")
_POLL_SECONDS = 2.0
_SHORTEST_PAUSE = 0.05
_PAUSE_AFTER_FAILURE = 5.0


class Enricher:
    """One in each process; they share the queue without knowing of each other.

    A provider has `concurrency` of its own, so that a slow one keeps nobody else's tracks waiting. A process that
    dies leaves its tracks to the others when their leases end.
    """

    def __init__(self, deps: EnrichmentDeps, providers: Sequence[str], concurrency: int) -> None:
        self._deps = deps
        self._providers = tuple(providers)
        self._concurrency = concurrency
        self._busy: Counter[str] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._notified = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look at the queue."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Leave at once. What was being asked is asked again by whoever takes it next."""
        tasks = [task for task in (self._loop, *self._running) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def notify(self) -> None:
        """Look at the queue now."""
        self._notified.set()

    async def _run(self) -> None:
        while True:
            self._notified.clear()
            pause = _POLL_SECONDS
            try:
                for due in await self._claim():
                    self._start(due)
                if await enrichment.backfill_search_text(self._deps.database):
                    pause = _SHORTEST_PAUSE
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may succeed
                self._log_failure("queue of tracks could not be read", error)
                pause = _PAUSE_AFTER_FAILURE
                await asyncio.sleep(_SHORTEST_PAUSE)
            # However often it is woken: a look costs a statement.
            await asyncio.sleep(_SHORTEST_PAUSE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._notified.wait()

    async def _claim(self) -> list[ClaimedTrackRow]:
        concurrency = {name: self._concurrency - self._busy[name] for name in self._providers}
        free = {name: count for name, count in concurrency.items() if count > 0}
        return await enrichment.claim_due(self._deps.database, free) if free else []

    def _start(self, due: ClaimedTrackRow) -> None:
        self._busy[due.provider] += 1
        task = asyncio.create_task(self._enrich(due))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _enrich(self, due: ClaimedTrackRow) -> None:
        try:
            await enrich(self._deps, due)
        except Exception as error:  # noqa: BLE001 - one track's trouble is not the others'
            self._log_failure("track could not be enriched", error, track_id=str(due.id))
        finally:
            self._busy[due.provider] -= 1
            # There may be more where this one came from.
            self.notify()

    def _log_failure(self, event: str, error: Exception, **values: str) -> None:
        if isinstance(error, ServiceError):
            _log.warning(event, reason=error.reason, **values)
        else:
            _log.error(event, exc_info=error, **values)
