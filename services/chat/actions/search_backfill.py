"""Writing the form that search compares, where an older build left it out."""

from __future__ import annotations

import asyncio
from uuid import UUID

from servicekit.database import Database
from services.chat.actions.room_transaction import Upkeep, keep_room
from services.chat.domain.searching import search_text
from services.chat.store import search_backfill as store
from services.chat.store.rooms import searchable

MAX_FOLDED = 100
"""How many messages, or rooms, are folded at once."""


async def unfolded_messages(database: Database) -> dict[UUID, list[tuple[int, str]]]:
    """Some messages without their form for search: seq and text, room by room."""
    return await store.unfolded_messages(database, MAX_FOLDED)


async def fold_messages(database: Database, room_id: UUID, messages: list[tuple[int, str]]) -> int:
    """Write the forms for search of messages of a room; returns how many were written."""
    folded = []
    # Before the lock, and not all in one go: a long text takes milliseconds.
    for seq, text in messages:
        folded.append((seq, text, search_text(text) or ""))
        await asyncio.sleep(0)

    async def act(change: Upkeep) -> int:
        return await store.fold_messages(change.session, room_id, folded)

    return await keep_room(database, room_id, act)


async def fold_rooms(database: Database, after: UUID) -> tuple[int, UUID | None]:
    """Write the forms for search of some rooms' names.

    Returns how many were written, and after which room to go on, None at the end. A name may have an empty
    form; such rooms are passed by. No room's lock is taken: a statement changes rooms' own rows alone.
    """
    rows = await store.unfolded_rooms(database, after, MAX_FOLDED)
    folded = [(row.id, row.name, form) for row in rows if (form := searchable(row.name))]
    written = await store.fold_rooms(database, folded) if folded else 0
    return written, rows[-1].id if len(rows) == MAX_FOLDED else None
