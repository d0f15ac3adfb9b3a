"""Taking away for good what deleted messages said, once nobody may bring it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from services.chat.actions.room_transaction import Upkeep, keep_room
from services.chat.store import message_purge as store

MAX_EMPTIED = 200
"""How many stubs one transaction empties. Less than a lock is worth: the room waits meanwhile."""
MAX_STRIPPED = 200
"""How many revisions, mentions and reactions one transaction removes; with their tallies twice as many rows."""


class Hollowed(NamedTuple):
    """How many rows a transaction removed or emptied, and whether nothing is left of the messages it was for."""

    changed: int
    finished: bool


async def old_stubs(database: Database) -> dict[UUID, list[int]]:
    """Some messages that were deleted too long ago to be restored: their seqs, room by room."""
    return await store.old_stubs(database, MAX_EMPTIED)


async def empty_stubs(database: Database, room_id: UUID, seqs: Sequence[int]) -> int:
    """Empty old stubs as far as one transaction goes; returns how many rows it removed or emptied."""

    async def act(change: Upkeep) -> int:
        due = await store.due(change.session, room_id, seqs)
        return (await hollow(change, [row.seq for row in due], [row.id for row in due])).changed

    return await keep_room(database, room_id, act)


async def hollow(change: Upkeep, seqs: Sequence[int], message_ids: Sequence[UUID]) -> Hollowed:
    """Remove what hangs on deleted messages or, when nothing does any more, what they said."""
    if not seqs:
        return Hollowed(0, finished=True)
    stripped = await store.strip(change.session, change.room_id, message_ids, MAX_STRIPPED)
    if stripped:
        return Hollowed(stripped, finished=False)
    emptied = await store.empty(change.session, change.room_id, seqs, change.last_rev + 1)
    change.next_revs(emptied)
    return Hollowed(emptied, finished=True)
