"""SQL for rooms and memberships."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.domain.model import Member, MemberRole, Room, SystemEvent

# An effective ban or mute: not ended, and the database's clock is before its end.
IN_FORCE = "s.ended_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())"

FACTS = f"""
       r.private, m.role,
       EXISTS (SELECT 1 FROM chat.room_invitations v
                WHERE v.room_id = r.id AND v.user_id = $2 AND v.ended_at IS NULL) AS invited,
       EXISTS (SELECT 1 FROM chat.sanctions s
                WHERE s.room_id = r.id AND s.user_id = $2 AND s.kind = 'BAN' AND {IN_FORCE}) AS banned
"""  # noqa: S608 - only constants of this module
FACTS_FROM = """
  FROM chat.rooms r
  JOIN chat.room_counters c ON c.room_id = r.id
  LEFT JOIN chat.room_memberships m ON m.room_id = r.id AND m.user_id = $2 AND m.left_at IS NULL
 WHERE r.id = $1
"""


class RoomRow(NamedTuple):
    """A room with what decides who may see it. `$1` is the room, `$2` the caller."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    id: UUID
    name: str
    description: str
    created_by: UUID
    created_at: Micros
    updated_at: Micros
    rev: int
    locked_at: Micros | None
    archived_at: Micros | None
    announcement: bool
    slow_mode_seconds: int
    last_seq: int
    last_rev: int
    joined_at: Micros | None
    member_rev: int | None

    def room(self) -> Room:
        """The room's own fields."""
        return Room(
            id=self.id,
            name=self.name,
            description=self.description,
            private=self.private,
            created_by=self.created_by,
            created_at=self.created_at,
            updated_at=self.updated_at,
            rev=self.rev,
            locked_at=self.locked_at,
            archived_at=self.archived_at,
            announcement=self.announcement,
            slow_mode_seconds=self.slow_mode_seconds,
        )

    def member(self, user_id: UUID) -> Member | None:
        """The caller's membership."""
        if self.role is None or self.joined_at is None or self.member_rev is None:
            return None
        return Member(self.id, user_id, MemberRole(self.role), self.joined_at, self.member_rev)


_ROOM = Query[RoomRow, UUID, UUID](
    "chat.room",
    f"""
    SELECT {FACTS}, r.id, r.name, r.description, r.created_by, r.created_at, r.updated_at, r.rev,
           r.locked_at, r.archived_at, r.announcement, r.slow_mode_seconds, c.last_seq, c.last_rev,
           m.joined_at, m.rev AS member_rev
    {FACTS_FROM}
    """,
)


class _CreatedRow(NamedTuple):
    id: UUID


_CREATE = Query[_CreatedRow, UUID, str, str, bool, UUID, UUID | None, bytes | None](
    "chat.create_room",
    """
    WITH room AS (
      INSERT INTO chat.rooms (id, name, description, private, created_by, request_id, payload_hash, rev)
      VALUES ($1, $2, $3, $4, $5, $6, $7, 1)
      ON CONFLICT (created_by, request_id) WHERE request_id IS NOT NULL DO NOTHING
      RETURNING id
    ), counters AS (
      INSERT INTO chat.room_counters (room_id, last_seq, last_rev) SELECT id, 0, 2 FROM room
    ), owner AS (
      INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)
      SELECT id, $5, 'OWNER', clock_timestamp(), 2 FROM room
    ), rooms_of_user AS (
      INSERT INTO chat.user_counters (user_id, rooms_rev) SELECT $5, 1 FROM room
      ON CONFLICT (user_id) DO UPDATE SET rooms_rev = user_counters.rooms_rev + 1
    )
    SELECT id FROM room
    """,
)


class _EarlierRow(NamedTuple):
    id: UUID
    payload_hash: bytes | None


_EARLIER = Query[_EarlierRow, UUID, UUID](
    "chat.earlier_room",
    "SELECT id, payload_hash FROM chat.rooms WHERE created_by = $1 AND request_id = $2",
)


class LockRow(NamedTuple):
    """A locked room's numbers."""

    room_id: UUID
    last_seq: int
    last_rev: int


_LOCK = Query[LockRow, list[UUID]](
    "chat.lock_rooms",
    """
    SELECT room_id, last_seq, last_rev FROM chat.room_counters
     WHERE room_id = ANY($1) ORDER BY room_id FOR UPDATE
    """,
)
_LOCK_FREE = Query[LockRow, list[UUID]](
    "chat.lock_free_rooms",
    """
    SELECT room_id, last_seq, last_rev FROM chat.room_counters
     WHERE room_id = ANY($1) ORDER BY room_id FOR UPDATE SKIP LOCKED
    """,
)
_JOIN = Command[UUID, UUID, int, int, UUID, str](
    "chat.join_room",
    """
    WITH member AS (
      INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, last_read_seq, rev)
      VALUES ($1, $2, 'MEMBER', clock_timestamp(), $3, $4 + 1)
      ON CONFLICT (room_id, user_id) DO UPDATE
         SET role = 'MEMBER', joined_at = excluded.joined_at, left_at = NULL, rev = excluded.rev
    ), invitation AS (
      UPDATE chat.room_invitations SET ended_at = clock_timestamp(), rev = $4 + 1
       WHERE room_id = $1 AND user_id = $2 AND ended_at IS NULL
    ), message AS (
      INSERT INTO chat.messages (room_id, seq, id, user_id, type, system_event, created_at, rev)
      VALUES ($1, $3 + 1, $5, $2, 'SYSTEM', $6, clock_timestamp(), $4 + 2)
    ), counters AS (
      UPDATE chat.room_counters SET last_seq = $3 + 1, last_rev = $4 + 2 WHERE room_id = $1
    )
    INSERT INTO chat.user_counters (user_id, rooms_rev) VALUES ($2, 1)
    ON CONFLICT (user_id) DO UPDATE SET rooms_rev = user_counters.rooms_rev + 1
    """,
)


class _SuspendedRow(NamedTuple):
    suspended: bool


_SUSPENDED = Query[_SuspendedRow, Micros](
    "chat.suspended", "SELECT $1::timestamptz > clock_timestamp() AS suspended"
)


async def room(session: Database | Session, room_id: UUID, user_id: UUID) -> RoomRow | None:
    """A room with the caller's place in it; one statement, one snapshot."""
    return await session.row(_ROOM, room_id, user_id)


async def create(  # noqa: PLR0913 - one per column
    session: Session,
    *,
    room_id: UUID,
    name: str,
    description: str,
    private: bool,
    created_by: UUID,
    request_id: UUID | None,
    payload_hash: bytes | None,
) -> bool:
    """Insert a room and its owner; False when the creator has used the request id before."""
    row = await session.row(
        _CREATE, room_id, name, description, private, created_by, request_id, payload_hash
    )
    return row is not None


async def earlier(session: Session, created_by: UUID, request_id: UUID) -> tuple[UUID, bytes | None] | None:
    """The room that an earlier call with this request id created, and what that call asked for."""
    row = await session.row(_EARLIER, created_by, request_id)
    return None if row is None else (row.id, row.payload_hash)


async def lock(session: Session, room_ids: list[UUID], *, wait: bool) -> dict[UUID, LockRow]:
    """Lock rooms, in the order of their ids. Without `wait`, rooms that somebody else holds are left out."""
    rows = await session.rows(_LOCK if wait else _LOCK_FREE, room_ids)
    return {row.room_id: row for row in rows}


async def join(session: Session, numbers: LockRow, user_id: UUID, message_id: UUID) -> None:
    """Make the user a member and tell the room. The room must be locked."""
    await session.execute(
        _JOIN, numbers.room_id, user_id, numbers.last_seq, numbers.last_rev, message_id, SystemEvent.JOINED
    )


async def is_suspended(session: Session | Database, suspended_until: Micros | None) -> bool:
    """Whether a suspension is still in force on the database's clock."""
    if suspended_until is None:
        return False
    row = await session.row(_SUSPENDED, suspended_until)
    return row is not None and row.suspended
