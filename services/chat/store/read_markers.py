"""SQL of read markers, which are private to a user: no lock, no rev, no log."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from servicekit.sql import Query
from services.chat.domain.visibility import RoomAccess
from services.chat.store.rooms import ACCESS_COLUMNS, ACCESS_FROM


class ReadMarkerRow(NamedTuple):
    """A read marker that moved."""

    last_read_seq: int


class ReadMarkerAccessRow(NamedTuple):
    """The caller's access and read marker; `last_read_seq` is None for a non-member."""

    access: RoomAccess
    last_read_seq: int | None


# Skips the write when the marker would not move.
_ADVANCE = Query[ReadMarkerRow, UUID, UUID, int](
    "chat.mark_read",
    """
    UPDATE chat.room_memberships m SET last_read_seq = least($3, c.last_seq)
      FROM chat.room_counters c
     WHERE m.room_id = $1 AND m.user_id = $2 AND m.left_at IS NULL AND c.room_id = $1
       AND m.last_read_seq < least($3, c.last_seq)
    RETURNING m.last_read_seq
    """,
)
_MOVE = Query[ReadMarkerRow, UUID, UUID, int](
    "chat.mark_unread",
    """
    UPDATE chat.room_memberships m SET last_read_seq = least($3, c.last_seq)
      FROM chat.room_counters c
     WHERE m.room_id = $1 AND m.user_id = $2 AND m.left_at IS NULL AND c.room_id = $1
       AND m.last_read_seq <> least($3, c.last_seq)
    RETURNING m.last_read_seq
    """,
)
_GET = Query[ReadMarkerAccessRow, UUID, UUID](
    "chat.read_marker",
    f"SELECT {ACCESS_COLUMNS}, m.last_read_seq {ACCESS_FROM}",
)


async def advance(database: Database, room_id: UUID, user_id: UUID, seq: int) -> int | None:
    """Advance a read marker to `seq`, at most to the newest message; None when it did not move."""
    row = await database.row(_ADVANCE, room_id, user_id, seq)
    return None if row is None else row.last_read_seq


async def move(database: Database, room_id: UUID, user_id: UUID, seq: int) -> int | None:
    """Set a read marker to `seq`, at most to the newest message; None when it did not move."""
    row = await database.row(_MOVE, room_id, user_id, seq)
    return None if row is None else row.last_read_seq


async def get(database: Database, room_id: UUID, user_id: UUID) -> ReadMarkerAccessRow | None:
    """Return the caller's read marker and access to the room; None when there is no such room."""
    return await database.row(_GET, room_id, user_id)
