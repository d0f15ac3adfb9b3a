"""SQL of the rewriting of normalized texts for search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database, Session
from servicekit.sql import Command, Query


class IndexedMessageRow(NamedTuple):
    """A message with its search text, in whatever form; both are None without a text."""

    room_id: UUID
    seq: int
    text: str | None
    search_text: str | None


class IndexedRoomRow(NamedTuple):
    """A room with its search name, in whatever form."""

    id: UUID
    name: str
    search_name: str


_NEXT_MESSAGES = Query[IndexedMessageRow, UUID, int, int](
    "chat.next_messages_with_search_text",
    """
    SELECT room_id, seq, text, search_text FROM chat.messages
     WHERE (room_id, seq) > ($1, $2) ORDER BY room_id, seq LIMIT $3
    """,
)
# Deleted ones too: they may be restored.
_REPLACE_MESSAGES = Command[UUID, list[int], list[str], list[str]](
    "chat.replace_messages_search_text",
    """
    UPDATE chat.messages m SET search_text = f.search_text
      FROM unnest($2::bigint[], $3::text[], $4::text[]) AS f(seq, text, search_text)
     WHERE m.room_id = $1 AND m.seq = f.seq AND m.text = f.text AND m.search_text IS NOT NULL
    """,
)
_NEXT_ROOMS = Query[IndexedRoomRow, UUID, int](
    "chat.next_rooms_with_search_name",
    "SELECT id, name, search_name FROM chat.rooms WHERE id > $1 ORDER BY id LIMIT $2",
)
_REPLACE_ROOMS = Command[list[UUID], list[str], list[str]](
    "chat.replace_rooms_search_name",
    """
    UPDATE chat.rooms r SET search_name = f.search_name
      FROM unnest($1::uuid[], $2::text[], $3::text[]) AS f(id, name, search_name)
     WHERE r.id = f.id AND r.name = f.name
    """,
)


async def next_messages(database: Database, room_id: UUID, seq: int, limit: int) -> list[IndexedMessageRow]:
    """Return all kinds of messages after one, sorted by room and seq."""
    return await database.rows(_NEXT_MESSAGES, room_id, seq, limit)


async def replace_messages_search_text(
    session: Session, room_id: UUID, indexed: Sequence[tuple[int, str, str]]
) -> int:
    """Replace the search texts of messages: seq, text and search text of each. The caller holds the room lock."""
    seqs, texts, forms = (list(column) for column in zip(*indexed, strict=True))
    return await session.execute(_REPLACE_MESSAGES, room_id, seqs, texts, forms)


async def next_rooms(database: Database, after: UUID, limit: int) -> list[IndexedRoomRow]:
    """Return rooms after one, sorted by id."""
    return await database.rows(_NEXT_ROOMS, after, limit)


async def replace_rooms_search_name(database: Database, indexed: Sequence[tuple[UUID, str, str]]) -> int:
    """Replace the search names of rooms: id, name and search name of each."""
    ids, names, forms = (list(column) for column in zip(*indexed, strict=True))
    return await database.execute(_REPLACE_ROOMS, ids, names, forms)
