"""Rewriting of the normalized texts for search that earlier builds wrote in another form."""

from __future__ import annotations

import asyncio
from uuid import UUID

from search_text import VERSION
from servicekit.database import Database
from services.chat.actions.room_transaction import MaintenanceTransaction, with_room_lock_as_system
from services.chat.actions.search_backfill import BATCH_SIZE
from services.chat.domain.message_search import search_text
from services.chat.store import backfills
from services.chat.store import search_rewrite as store
from services.chat.store.rooms import search_name

_MESSAGES, _ROOMS = "messages.search_text", "rooms.search_name"
OutdatedMessages = dict[UUID, list[tuple[int, str, str]]]
"""Seq, text and present search text of messages, by room."""


async def next_outdated_messages(database: Database) -> tuple[OutdatedMessages, backfills.Position | None]:
    """Return those of the next messages whose search text has an old form, and the position after all of them.

    The position is None while no message is left to visit. The caller saves it when it has rewritten the messages.
    """
    position = await backfills.position(database, _MESSAGES, VERSION)
    if position is None:
        return {}, None
    rows = await store.next_messages(database, position.after_id, position.after_seq, BATCH_SIZE)
    found: OutdatedMessages = {}
    for row in rows:
        if row.text is not None and row.search_text is not None:
            form = search_text(row.text) or ""
            if form != row.search_text:
                found.setdefault(row.room_id, []).append((row.seq, row.text, form))
            # A long text takes milliseconds.
            await asyncio.sleep(0)
    if len(rows) < BATCH_SIZE:
        return found, position.next_pass()
    return found, position._replace(after_id=rows[-1].room_id, after_seq=rows[-1].seq)


async def rewrite_messages(database: Database, room_id: UUID, messages: list[tuple[int, str, str]]) -> int:
    """Write the search texts of a room's messages; returns their number."""

    async def operation(tx: MaintenanceTransaction) -> int:
        return await store.replace_messages_search_text(tx.session, room_id, messages)

    return await with_room_lock_as_system(database, room_id, operation)


async def save_messages(database: Database, position: backfills.Position) -> None:
    """Store the position among the messages."""
    await backfills.save(database, _MESSAGES, VERSION, position)


async def rewrite_rooms(database: Database) -> int | None:
    """Rewrite the search names of the next rooms; returns their number, None while no room is left to visit."""
    position = await backfills.position(database, _ROOMS, VERSION)
    if position is None:
        return None
    rows = await store.next_rooms(database, position.after_id, BATCH_SIZE)
    forms = [(row.id, row.name, search_name(row.name)) for row in rows]
    outdated = [form for row, form in zip(rows, forms, strict=True) if form[2] != row.search_name]
    written = await store.replace_rooms_search_name(database, outdated) if outdated else 0
    after = position.next_pass() if len(rows) < BATCH_SIZE else position._replace(after_id=rows[-1].id)
    await backfills.save(database, _ROOMS, VERSION, after)
    return written
