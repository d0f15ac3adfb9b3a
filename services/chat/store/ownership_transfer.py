"""SQL of erasing a membership, and of ownership transfer."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Query


class ErasedRow(NamedTuple):
    """A membership before its erasure."""

    role: str
    member: bool


_ERASE = Query[ErasedRow, UUID, UUID, int](
    "chat.erase_membership",
    """
    UPDATE chat.room_memberships m
       SET left_at = coalesce(m.left_at, statement_timestamp()), removal = 'ERASED', last_read_seq = 0,
           last_message_at = NULL, rev = $3
      FROM (SELECT role, left_at IS NULL AS member FROM chat.room_memberships
             WHERE room_id = $1 AND user_id = $2 AND removal IS DISTINCT FROM 'ERASED') b
     WHERE m.room_id = $1 AND m.user_id = $2
    RETURNING b.role, b.member
    """,
)


class NewOwnerRow(NamedTuple):
    """The new owner of a room, with the previous role."""

    user_id: UUID
    role: str


class ArchivedRow(NamedTuple):
    """The time of archiving a room."""

    archived_at: Micros | None


# Uses two indexes, for any number of members: that of moderators, and that of all members in the order of joining.
_PROMOTE_SUCCESSOR = Query[NewOwnerRow, UUID, int](
    "chat.promote_successor",
    """
    UPDATE chat.room_memberships m SET role = 'OWNER', rev = $2
      FROM (SELECT user_id, role FROM chat.room_memberships
             WHERE room_id = $1 AND user_id = coalesce(
               (SELECT o.user_id FROM chat.room_memberships o
                 WHERE o.room_id = $1 AND o.left_at IS NULL AND o.role = 'MODERATOR'
                 ORDER BY o.joined_at, o.user_id LIMIT 1),
               (SELECT o.user_id FROM chat.room_memberships o
                 WHERE o.room_id = $1 AND o.left_at IS NULL ORDER BY o.joined_at, o.user_id LIMIT 1))) b
     WHERE m.room_id = $1 AND m.user_id = b.user_id
    RETURNING b.user_id, b.role
    """,
)
_ARCHIVE_EMPTY_ROOM = Query[ArchivedRow, UUID, int](
    "chat.archive_empty_room",
    """
    UPDATE chat.rooms SET archived_at = statement_timestamp(), rev = $2, updated_at = statement_timestamp()
     WHERE id = $1 AND archived_at IS NULL
    RETURNING archived_at
    """,
)


async def erase_membership(session: Session, room_id: UUID, user_id: UUID, rev: int) -> ErasedRow | None:
    """End a membership as erased, with its read marker; returns None when it was erased before. The caller holds the room lock."""
    return await session.row(_ERASE, room_id, user_id, rev)


async def promote_successor(session: Session, room_id: UUID, rev: int) -> NewOwnerRow | None:
    """Promote the longest-serving moderator, or else member, to owner; returns None without members.

    The caller holds the room lock, and the room has no owner.
    """
    return await session.row(_PROMOTE_SUCCESSOR, room_id, rev)


async def archive_empty_room(session: Session, room_id: UUID, rev: int) -> Micros | None:
    """Archive a room; returns None when it was archived before. The caller holds the room lock."""
    row = await session.row(_ARCHIVE_EMPTY_ROOM, room_id, rev)
    return None if row is None else row.archived_at
