"""SQL of read marks. They are the user's own: no lock, no rev, and nothing for anybody else."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database
from servicekit.sql import Query
from services.chat.store.rooms import FACTS, FACTS_FROM


class MarkRow(NamedTuple):
    """A read mark that moved."""

    last_read_seq: int


class PlaceRow(NamedTuple):
    """A room's facts and the caller's read mark there; None: no member."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    last_read_seq: int | None


# One that would not move is not written.
_FORWARD = Query[MarkRow, UUID, UUID, int](
    "chat.mark_read",
    """
    UPDATE chat.room_memberships m SET last_read_seq = least($3, c.last_seq)
      FROM chat.room_counters c
     WHERE m.room_id = $1 AND m.user_id = $2 AND m.left_at IS NULL AND c.room_id = $1
       AND m.last_read_seq < least($3, c.last_seq)
    RETURNING m.last_read_seq
    """,
)
_ANYWHERE = Query[MarkRow, UUID, UUID, int](
    "chat.mark_unread",
    """
    UPDATE chat.room_memberships m SET last_read_seq = least($3, c.last_seq)
      FROM chat.room_counters c
     WHERE m.room_id = $1 AND m.user_id = $2 AND m.left_at IS NULL AND c.room_id = $1
       AND m.last_read_seq <> least($3, c.last_seq)
    RETURNING m.last_read_seq
    """,
)
_PLACE = Query[PlaceRow, UUID, UUID](
    "chat.read_mark",
    f"SELECT {FACTS}, m.last_read_seq {FACTS_FROM}",
)


async def forward(database: Database, room_id: UUID, user_id: UUID, seq: int) -> int | None:
    """Move a read mark forward to `seq` or the newest message; None when it did not move."""
    row = await database.row(_FORWARD, room_id, user_id, seq)
    return None if row is None else row.last_read_seq


async def put(database: Database, room_id: UUID, user_id: UUID, seq: int) -> int | None:
    """Put a read mark to `seq` or the newest message; None when it did not move."""
    row = await database.row(_ANYWHERE, room_id, user_id, seq)
    return None if row is None else row.last_read_seq


async def place(database: Database, room_id: UUID, user_id: UUID) -> PlaceRow | None:
    """Where the caller's mark stands, with what decides whether they may know; None: no such room."""
    return await database.row(_PLACE, room_id, user_id)
