"""Purges the content of deleted messages once the restore window has passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from services.chat.actions.room_transaction import MaintenanceTransaction, with_room_lock_as_system
from services.chat.store import message_purge as store

MAX_PURGED = 200
"""The maximum number of tombstones per transaction, which bounds the time under the room lock."""
MAX_DEPENDENTS = 200
"""The maximum number of revisions, mentions and reactions per transaction; with tallies twice as many rows."""


class PurgeResult(NamedTuple):
    """The number of rows that a transaction changed; `finished` when the content of its messages is purged."""

    changed: int
    finished: bool


async def expired_tombstones(database: Database) -> dict[UUID, list[int]]:
    """Return seqs of deleted messages past the restore window, by room."""
    return await store.expired_tombstones(database, MAX_PURGED)


async def purge_tombstones(database: Database, room_id: UUID, seqs: Sequence[int]) -> int:
    """Purge expired tombstones within one transaction; returns the number of changed rows."""

    async def operation(tx: MaintenanceTransaction) -> int:
        due = await store.due(tx.session, room_id, seqs)
        return (await purge(tx, [row.seq for row in due], [row.id for row in due])).changed

    return await with_room_lock_as_system(database, room_id, operation)


async def purge(tx: MaintenanceTransaction, seqs: Sequence[int], message_ids: Sequence[UUID]) -> PurgeResult:
    """Delete dependents (revisions, mentions, reactions) of deleted messages; once none are left, clear their content."""
    if not seqs:
        return PurgeResult(0, finished=True)
    dependents = await store.delete_dependents(tx.session, tx.room_id, message_ids, MAX_DEPENDENTS)
    if dependents:
        return PurgeResult(dependents, finished=False)
    purged = await store.purge(tx.session, tx.room_id, seqs, tx.last_rev + 1)
    tx.next_revs(purged)
    return PurgeResult(purged, finished=True)
