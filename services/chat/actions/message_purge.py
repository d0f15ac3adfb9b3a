"""Taking away for good what deleted messages said, once nobody may bring it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from services.chat.actions.room_transaction import MaintenanceTransaction, with_room_lock_as_system
from services.chat.store import message_purge as store

MAX_PURGED = 200
"""How many stubs one transaction empties. Less than a lock is worth: the room waits meanwhile."""
MAX_DEPENDENTS = 200
"""How many revisions, mentions and reactions one transaction removes; with their tallies twice as many rows."""


class PurgeResult(NamedTuple):
    """How many rows a transaction removed or purged, and whether nothing is left of the messages it was for."""

    changed: int
    finished: bool


async def expired_tombstones(database: Database) -> dict[UUID, list[int]]:
    """Some messages that were deleted too long ago to be restored: their seqs, room by room."""
    return await store.expired_tombstones(database, MAX_PURGED)


async def purge_tombstones(database: Database, room_id: UUID, seqs: Sequence[int]) -> int:
    """Empty old stubs as far as one transaction goes; returns how many rows it removed or emptied."""

    async def operation(tx: MaintenanceTransaction) -> int:
        due = await store.due(tx.session, room_id, seqs)
        return (await purge(tx, [row.seq for row in due], [row.id for row in due])).changed

    return await with_room_lock_as_system(database, room_id, operation)


async def purge(tx: MaintenanceTransaction, seqs: Sequence[int], message_ids: Sequence[UUID]) -> PurgeResult:
    """Remove what hangs on deleted messages or, when nothing does any more, what they said."""
    if not seqs:
        return PurgeResult(0, finished=True)
    dependents = await store.delete_dependents(tx.session, tx.room_id, message_ids, MAX_DEPENDENTS)
    if dependents:
        return PurgeResult(dependents, finished=False)
    purged = await store.purge(tx.session, tx.room_id, seqs, tx.last_rev + 1)
    tx.next_revs(purged)
    return PurgeResult(purged, finished=True)
