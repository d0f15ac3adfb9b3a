"""Tells the tracks service which tracks were posted in public rooms, so that everybody finds them."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import islice
from typing import Protocol
from uuid import UUID

import structlog

from servicekit.cache import Cache
from servicekit.errors import ServiceError

_log = structlog.get_logger("track_lister")
MAX_QUEUED = 10_000
_BATCH = 100
_RECENT = 10_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_STOP_SECONDS = 1.0


class TrackCatalog(Protocol):
    """The catalog of tracks."""

    async def mark_listed(self, track_ids: list[UUID]) -> None:
        """Let everybody find up to 100 tracks. Raises ServiceError."""


class TrackLister:
    """Implements services.chat.actions.deps.TrackListings.

    Best effort: a track is lost when the queue is full or the process dies, until it is posted again.
    """

    def __init__(self, catalog: TrackCatalog) -> None:
        self._catalog = catalog
        # A queue without duplicates.
        self._queued: dict[UUID, None] = {}
        self._recent: Cache[UUID, bool] = Cache(_RECENT)
        self._added = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start sending."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send what is queued if the tracks service responds at once, then stop."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
        with contextlib.suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                while self._queued:
                    await self._send()

    def add(self, track_id: UUID) -> None:
        """Queue a track. Never waits and never fails."""
        if track_id in self._recent or track_id in self._queued:
            return
        if len(self._queued) >= MAX_QUEUED:
            _log.warning("track_listing_dropped", track_id=str(track_id))
            return
        self._queued[track_id] = None
        self._added.set()

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            await self._added.wait()
            self._added.clear()
            try:
                while self._queued:
                    await self._send()
                    pause = _FIRST_PAUSE
            except Exception as error:  # noqa: BLE001 - the tracks stay queued, the next try may succeed
                _log.warning("track_listing_failed", error=str(error), queued=len(self._queued))
                self._added.set()
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _send(self) -> None:
        batch = list(islice(self._queued, _BATCH))
        await self._catalog.mark_listed(batch)
        for track_id in batch:
            del self._queued[track_id]
            self._recent.put(track_id, True)
