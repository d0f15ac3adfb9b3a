"""The janitor: purges expired tombstones, backfills search texts, and rewrites those of earlier builds.

One process at a time runs it, under a lease; when that process dies, another one takes over after the lease has expired
by the database's clock. Transactions are small, with a pause after each, so that other writers wait only briefly.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from uuid import UUID

import structlog

from servicekit.database import Database
from servicekit.errors import ConflictError, ServiceError
from servicekit.ids import new_id
from services.chat.actions.message_purge import expired_tombstones, purge_tombstones
from services.chat.actions.search_backfill import (
    backfill_messages,
    backfill_rooms,
    messages_missing_search_text,
)
from services.chat.actions.search_rewrite import (
    next_outdated_messages,
    rewrite_messages,
    rewrite_rooms,
    save_messages,
)
from services.chat.store import leases

_log = structlog.get_logger("janitor")
LEASE = "janitor"
LEASE_SECONDS = 30.0
"""How long the work stops after its process died; a transaction takes far less."""
_PAUSE = 0.05


class _LeaseLostError(Exception):
    """The lease has expired, and another process holds it."""


class Janitor:
    """Runs every `interval` seconds, the first time after that long. `pause` is in seconds, too."""

    def __init__(self, database: Database, interval: float, pause: float = _PAUSE) -> None:
        self._database = database
        self._interval = interval
        self._pause = pause
        self._id = new_id()
        self._changed = 0
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the loop."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once; an open transaction is rolled back, and the next run repeats it."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    async def run_once(self) -> bool:
        """Do all due work; returns False when another process holds the lease."""
        if not await self._acquire_lease():
            return False
        self._changed = 0
        try:
            await self._purge()
            await self._backfill_messages()
            await self._backfill_rooms()
            await self._rewrite_messages()
            await self._rewrite_rooms()
        except _LeaseLostError:
            _log.warning("janitor_lease_lost")
        finally:
            with contextlib.suppress(ServiceError):
                await leases.release(self._database, LEASE, self._id)
        if self._changed:
            _log.info("janitor_finished", changed=self._changed)
        return True

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.run_once()
            except ServiceError as error:
                _log.warning("janitor_failed", reason=error.reason)
            except Exception as error:  # noqa: BLE001 - the next run may succeed
                _log.error("janitor_failed", exc_info=error)

    async def _acquire_lease(self) -> bool:
        return await leases.acquire(self._database, LEASE, self._id, LEASE_SECONDS)

    async def _purge(self) -> None:
        while found := await expired_tombstones(self._database):
            before = self._changed
            for room_id, seqs in found.items():
                await self._run_step(room_id, purge_tombstones(self._database, room_id, seqs))
            if self._changed == before:
                # All rooms are locked by others; the next run retries.
                return

    async def _backfill_messages(self) -> None:
        while found := await messages_missing_search_text(self._database):
            before = self._changed
            for room_id, messages in found.items():
                await self._run_step(room_id, backfill_messages(self._database, room_id, messages))
            if self._changed == before:
                return

    async def _backfill_rooms(self) -> None:
        after: UUID | None = UUID(int=0)
        while after is not None:
            written, after = await backfill_rooms(self._database, after)
            await self._yield_and_renew(written)

    async def _rewrite_messages(self) -> None:
        while True:
            found, position = await next_outdated_messages(self._database)
            if position is None:
                return
            for room_id, messages in found.items():
                # A room that is busy in both passes keeps an old form.
                await self._run_step(room_id, rewrite_messages(self._database, room_id, messages))
            await save_messages(self._database, position)
            await self._yield_and_renew(0)

    async def _rewrite_rooms(self) -> None:
        while (written := await rewrite_rooms(self._database)) is not None:
            await self._yield_and_renew(written)

    async def _run_step(self, room_id: UUID, work: Awaitable[int]) -> None:
        """Run one transaction of a room; skip a room that stays locked too long."""
        changed = 0
        try:
            changed = await work
        except ConflictError as error:
            _log.warning("janitor_room_busy", room_id=str(room_id), reason=error.reason)
        await self._yield_and_renew(changed)

    async def _yield_and_renew(self, changed: int) -> None:
        """Pause for other writers after a transaction, then renew the lease."""
        self._changed += changed
        await asyncio.sleep(self._pause)
        if not await self._acquire_lease():
            raise _LeaseLostError
