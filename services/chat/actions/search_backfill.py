"""Writing the form that search compares, where an older build left it out."""

from __future__ import annotations

import asyncio
from uuid import UUID

from servicekit.database import Database
from services.chat.actions.room_transaction import MaintenanceTransaction, with_room_lock_as_system
from services.chat.domain.searching import search_text
from services.chat.store import search_backfill as store
from services.chat.store.rooms import search_name

BATCH_SIZE = 100
"""How many messages, or rooms, are indexed at once."""


async def messages_missing_search_text(database: Database) -> dict[UUID, list[tuple[int, str]]]:
    """Some messages without their form for search: seq and text, room by room."""
    return await store.messages_missing_search_text(database, BATCH_SIZE)


async def backfill_messages(database: Database, room_id: UUID, messages: list[tuple[int, str]]) -> int:
    """Write the forms for search of messages of a room; returns how many were written."""
    indexed = []
    # Before the lock, and not all in one go: a long text takes milliseconds.
    for seq, text in messages:
        indexed.append((seq, text, search_text(text) or ""))
        await asyncio.sleep(0)

    async def operation(tx: MaintenanceTransaction) -> int:
        return await store.set_messages_search_text(tx.session, room_id, indexed)

    return await with_room_lock_as_system(database, room_id, operation)


async def backfill_rooms(database: Database, after: UUID) -> tuple[int, UUID | None]:
    """Write the forms for search of some rooms' names.

    Returns how many were written, and after which room to go on, None at the end. A name may have an empty
    form; such rooms are passed by. No room's lock is taken: a statement changes rooms' own rows alone.
    """
    rows = await store.rooms_missing_search_name(database, after, BATCH_SIZE)
    indexed = [(row.id, row.name, form) for row in rows if (form := search_name(row.name))]
    written = await store.set_rooms_search_name(database, indexed) if indexed else 0
    return written, rows[-1].id if len(rows) == BATCH_SIZE else None
