"""Backfill of the normalized texts for search, where an older build did not write them."""

from __future__ import annotations

import asyncio
from uuid import UUID

from servicekit.database import Database
from services.chat.actions.room_transaction import MaintenanceTransaction, with_room_lock_as_system
from services.chat.domain.message_search import search_text
from services.chat.store import search_backfill as store
from services.chat.store.rooms import search_name

BATCH_SIZE = 100
"""The maximum number of messages or rooms per batch."""


async def messages_missing_search_text(database: Database) -> dict[UUID, list[tuple[int, str]]]:
    """Return some messages without a search text: seq and text, by room."""
    return await store.messages_missing_search_text(database, BATCH_SIZE)


async def backfill_messages(database: Database, room_id: UUID, messages: list[tuple[int, str]]) -> int:
    """Write the search texts of a room's messages; returns their number."""
    indexed = []
    # Before the room lock, and yielding: a long text takes milliseconds.
    for seq, text in messages:
        indexed.append((seq, text, search_text(text) or ""))
        await asyncio.sleep(0)

    async def operation(tx: MaintenanceTransaction) -> int:
        return await store.set_messages_search_text(tx.session, room_id, indexed)

    return await with_room_lock_as_system(database, room_id, operation)


async def backfill_rooms(database: Database, after: UUID) -> tuple[int, UUID | None]:
    """Write the search names of some rooms; returns their number, and the last room id, None at the end.

    Rooms whose name normalizes to nothing are skipped. No room lock: the statement changes only rows of rooms.
    """
    rows = await store.rooms_missing_search_name(database, after, BATCH_SIZE)
    indexed = [(row.id, row.name, form) for row in rows if (form := search_name(row.name))]
    written = await store.set_rooms_search_name(database, indexed) if indexed else 0
    return written, rows[-1].id if len(rows) == BATCH_SIZE else None
