"""Claims due tracks and enriches them, a limited number per provider at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

import structlog

from servicekit.errors import ServiceError
from servicekit.ids import new_id
from services.tracks.actions.enrichment import EnrichmentDeps, enrich
from services.tracks.store import enrichment
from services.tracks.store.enrichment import ClaimedTrackRow

_log = structlog.get_logger("enricher")
_POLL_SECONDS = 2.0
_SHORTEST_PAUSE = 0.05
_PAUSE_AFTER_FAILURE = 5.0


class Enricher:
    """One worker per process; all share the queue of due tracks.

    Each provider has its own `concurrency`, so that a slow one does not delay the others. The tracks of a process that
    dies are claimed by others when their leases expire.
    """

    def __init__(self, deps: EnrichmentDeps, providers: Sequence[str], concurrency: int) -> None:
        self._deps = deps
        self._providers = tuple(providers)
        self._concurrency = concurrency
        self._id = new_id()
        self._busy: Counter[str] = Counter()
        self._running: set[asyncio.Task[None]] = set()
        self._notified = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start polling the queue."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once. Unfinished tracks are claimed again when their leases expire."""
        tasks = [task for task in (self._loop, *self._running) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def notify(self) -> None:
        """Poll the queue now."""
        self._notified.set()

    async def _run(self) -> None:
        while True:
            self._notified.clear()
            pause = _POLL_SECONDS
            try:
                for due in await self._claim():
                    self._start(due)
                database = self._deps.database
                backfilled = await enrichment.backfill_search_text(database)
                if backfilled or await enrichment.rewrite_search_text(database, self._id):
                    pause = _SHORTEST_PAUSE
            except Exception as error:  # noqa: BLE001 - the next poll may succeed
                self._log_failure("enrichment_poll_failed", error)
                pause = _PAUSE_AFTER_FAILURE
                await asyncio.sleep(_SHORTEST_PAUSE)
            # Limits the rate of polls, however often notify is called.
            await asyncio.sleep(_SHORTEST_PAUSE)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._notified.wait()

    async def _claim(self) -> list[ClaimedTrackRow]:
        slots = {name: self._concurrency - self._busy[name] for name in self._providers}
        free = {name: count for name, count in slots.items() if count > 0}
        return await enrichment.claim_due(self._deps.database, free) if free else []

    def _start(self, due: ClaimedTrackRow) -> None:
        self._busy[due.provider] += 1
        task = asyncio.create_task(self._enrich(due))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _enrich(self, due: ClaimedTrackRow) -> None:
        try:
            await enrich(self._deps, due)
        except Exception as error:  # noqa: BLE001 - must not stop the other tracks
            self._log_failure("enrichment_failed", error, track_id=str(due.id))
        finally:
            self._busy[due.provider] -= 1
            # A slot is free: more tracks of the provider may be due.
            self.notify()

    def _log_failure(self, event: str, error: Exception, **values: str) -> None:
        if isinstance(error, ServiceError):
            _log.warning(event, reason=error.reason, **values)
        else:
            _log.error(event, exc_info=error, **values)
