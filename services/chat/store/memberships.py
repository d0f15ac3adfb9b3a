"""SQL for memberships and invitations."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Query
from services.chat.domain.model import Member, MemberRole, Removal


class MemberRow(NamedTuple):
    """A membership."""

    room_id: UUID
    user_id: UUID
    role: str
    joined_at: Micros
    rev: int

    def member(self) -> Member:
        """The membership as a value."""
        return Member(self.room_id, self.user_id, MemberRole(self.role), self.joined_at, self.rev)


# The read mark stands at the newest message: what was said before one came is not news.
_JOIN = Query[MemberRow, UUID, UUID, int, int](
    "chat.join_room",
    """
    WITH invitation AS (
      UPDATE chat.room_invitations SET ended_at = clock_timestamp(), rev = $4
       WHERE room_id = $1 AND user_id = $2 AND ended_at IS NULL
    )
    INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, last_read_seq, rev)
    VALUES ($1, $2, 'MEMBER', clock_timestamp(), $3, $4)
    ON CONFLICT (room_id, user_id) DO UPDATE
       SET role = 'MEMBER', joined_at = excluded.joined_at, left_at = NULL, removal = NULL,
           last_message_at = room_memberships.last_message_at, last_read_seq = excluded.last_read_seq,
           rev = excluded.rev
    RETURNING room_id, user_id, role, joined_at, rev
    """,
)


async def join(session: Session, room_id: UUID, user_id: UUID, *, last_seq: int, rev: int) -> Member:
    """Make a user a member and end their invitation. The room must be locked."""
    row = await session.row(_JOIN, room_id, user_id, last_seq, rev)
    assert row is not None  # noqa: S101 - the statement always returns its row
    return row.member()


class EndedRow(NamedTuple):
    """How much of a user's place in a room there was to end."""

    memberships: int
    invitations: int


_END = Query[EndedRow, UUID, UUID, str, int](
    "chat.end_membership",
    """
    WITH membership AS (
      UPDATE chat.room_memberships SET left_at = clock_timestamp(), removal = $3, rev = $4
       WHERE room_id = $1 AND user_id = $2 AND left_at IS NULL
      RETURNING 1
    ), invitation AS (
      UPDATE chat.room_invitations SET ended_at = clock_timestamp(), rev = $4
       WHERE room_id = $1 AND user_id = $2 AND ended_at IS NULL
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM membership)::int AS memberships,
           (SELECT count(*) FROM invitation)::int AS invitations
    """,
)


async def end(session: Session, room_id: UUID, user_id: UUID, removal: Removal, rev: int) -> EndedRow:
    """End a membership and an open invitation. The room must be locked."""
    row = await session.row(_END, room_id, user_id, removal, rev)
    assert row is not None  # noqa: S101 - the statement always gives its row
    return row
