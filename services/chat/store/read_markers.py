"""SQL of read markers. They are the user's own: no lock, no rev, and nothing for anybody else."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from servicekit.sql import Query
from services.chat.store.rooms import ACCESS_COLUMNS, ACCESS_FROM


class ReadMarkerRow(NamedTuple):
    """A read marker that moved."""

    last_read_seq: int


class ReadMarkerAccessRow(NamedTuple):
    """A room's facts and the caller's read marker there; None: no member."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    last_read_seq: int | None


# One that would not move is not written.
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
    """Move a read marker forward to `seq` or the newest message; None when it did not move."""
    row = await database.row(_ADVANCE, room_id, user_id, seq)
    return None if row is None else row.last_read_seq


async def move(database: Database, room_id: UUID, user_id: UUID, seq: int) -> int | None:
    """Put a read marker to `seq` or the newest message; None when it did not move."""
    row = await database.row(_MOVE, room_id, user_id, seq)
    return None if row is None else row.last_read_seq


async def get(database: Database, room_id: UUID, user_id: UUID) -> ReadMarkerAccessRow | None:
    """Where the caller's mark stands, with what decides whether they may know; None: no such room."""
    return await database.row(_GET, room_id, user_id)
