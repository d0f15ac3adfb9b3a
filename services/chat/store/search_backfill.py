"""SQL of the backfill of normalized texts for search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database, Session
from servicekit.sql import Command, Query


class UnindexedMessageRow(NamedTuple):
    """A live message without a search text."""

    room_id: UUID
    seq: int
    text: str | None


class UnindexedRoomRow(NamedTuple):
    """A room without a search name."""

    id: UUID
    name: str


_MESSAGES = Query[UnindexedMessageRow, int](
    "chat.messages_missing_search_text",
    """
    SELECT room_id, seq, text FROM chat.messages
     WHERE text IS NOT NULL AND search_text IS NULL AND deleted_at IS NULL
     ORDER BY room_id, seq LIMIT $1
    """,
)
# Only where the text is unchanged; an edit writes its own search text.
_SET_MESSAGES = Command[UUID, list[int], list[str], list[str]](
    "chat.set_messages_search_text",
    """
    UPDATE chat.messages m SET search_text = f.search_text
      FROM unnest($2::bigint[], $3::text[], $4::text[]) AS f(seq, text, search_text)
     WHERE m.room_id = $1 AND m.seq = f.seq AND m.text = f.text AND m.search_text IS NULL
       AND m.deleted_at IS NULL
    """,
)
_ROOMS = Query[UnindexedRoomRow, UUID, int](
    "chat.rooms_missing_search_name",
    "SELECT id, name FROM chat.rooms WHERE search_name = '' AND id > $1 ORDER BY id LIMIT $2",
)
_SET_ROOMS = Command[list[UUID], list[str], list[str]](
    "chat.set_rooms_search_name",
    """
    UPDATE chat.rooms r SET search_name = f.search_name
      FROM unnest($1::uuid[], $2::text[], $3::text[]) AS f(id, name, search_name)
     WHERE r.id = f.id AND r.name = f.name AND r.search_name = '' AND f.search_name <> ''
    """,
)


async def messages_missing_search_text(database: Database, limit: int) -> dict[UUID, list[tuple[int, str]]]:
    """Return the seqs and texts of messages without a search text, by room."""
    found: dict[UUID, list[tuple[int, str]]] = {}
    for row in await database.rows(_MESSAGES, limit):
        found.setdefault(row.room_id, []).append((row.seq, row.text or ""))
    return found


async def set_messages_search_text(
    session: Session, room_id: UUID, indexed: Sequence[tuple[int, str, str]]
) -> int:
    """Write the search texts of messages: seq, text and search text of each. The caller holds the room lock.

    Takes no rev: no response shows it.
    """
    seqs, texts, forms = (list(column) for column in zip(*indexed, strict=True))
    return await session.execute(_SET_MESSAGES, room_id, seqs, texts, forms)


async def rooms_missing_search_name(database: Database, after: UUID, limit: int) -> list[UnindexedRoomRow]:
    """Return rooms without a search name, sorted by id."""
    return await database.rows(_ROOMS, after, limit)


async def set_rooms_search_name(database: Database, indexed: Sequence[tuple[UUID, str, str]]) -> int:
    """Write the search names of rooms: id, name and search name of each."""
    ids, names, forms = (list(column) for column in zip(*indexed, strict=True))
    return await database.execute(_SET_ROOMS, ids, names, forms)
