"""SQL for rooms and memberships."""

from __future__ import annotations

import enum
from typing import NamedTuple
from uuid import UUID

from search_text import normalize_text
from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.domain.model import Member, MemberRole, Room
from services.chat.domain.room_update import RoomChange

MAX_SEARCH_NAME_LENGTH = 200

# An effective ban or mute: not ended, and the database's clock is before its end.
SANCTION_ACTIVE = "s.ended_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())"

ACCESS_COLUMNS = f"""
       r.private, m.role,
       EXISTS (SELECT 1 FROM chat.room_invitations v
                WHERE v.room_id = r.id AND v.user_id = $2 AND v.ended_at IS NULL) AS invited,
       EXISTS (SELECT 1 FROM chat.sanctions s
                WHERE s.room_id = r.id AND s.user_id = $2 AND s.kind = 'BAN' AND {SANCTION_ACTIVE}) AS banned
"""
# With what decides whether the caller may write there; $3 and $4 are the ends of platform-wide measures.
MEMBERSHIP_COLUMNS = f"""
       {ACCESS_COLUMNS},
       EXISTS (SELECT 1 FROM chat.sanctions s
                WHERE s.room_id = r.id AND s.user_id = $2 AND s.kind = 'MUTE' AND {SANCTION_ACTIVE}) AS muted,
       coalesce($3::timestamptz > clock_timestamp(), false) AS muted_on_platform,
       coalesce($4::timestamptz > clock_timestamp(), false) AS suspended
"""
ACCESS_FROM = """
  FROM chat.rooms r
  JOIN chat.room_counters c ON c.room_id = r.id
  LEFT JOIN chat.room_memberships m ON m.room_id = r.id AND m.user_id = $2 AND m.left_at IS NULL
 WHERE r.id = $1
"""
# What is behind it is not even read for a caller who may not see it, so that the time it takes tells nothing.
CAN_READ = "NOT f.banned AND (NOT f.private OR f.role IS NOT NULL)"

# The fields of domain.model.Room, in their order.
ROOM_COLUMNS = """
       r.id, r.name, r.description, r.private, r.created_by, r.created_at, r.updated_at, r.rev,
       r.locked_at, r.archived_at, r.announcement, r.slow_mode_seconds, c.member_count
"""

Reader = Database | Session
"""What runs a read: the pool, or a transaction."""


class RoomRow(NamedTuple):
    """A room with what decides what its caller may see and do there."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    muted: bool
    muted_on_platform: bool
    suspended: bool
    id: UUID
    name: str
    description: str
    created_by: UUID | None
    created_at: Micros
    updated_at: Micros
    rev: int
    locked_at: Micros | None
    archived_at: Micros | None
    announcement: bool
    slow_mode_seconds: int
    last_seq: int
    last_rev: int
    member_count: int
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
            member_count=self.member_count,
        )

    def with_update(self, change: RoomChange, fields: frozenset[str], rev: int) -> RoomRow:
        """The room with some fields of a change and a new rev."""
        return self._replace(
            name=change.name if "name" in fields else self.name,
            description=change.description if "description" in fields else self.description,
            announcement=change.announcement if "announcement" in fields else self.announcement,
            slow_mode_seconds=change.slow_mode_seconds if "slow_mode" in fields else self.slow_mode_seconds,
            rev=rev,
        )

    def member(self, user_id: UUID) -> Member | None:
        """The caller's membership."""
        if self.role is None or self.joined_at is None or self.member_rev is None:
            return None
        return Member(self.id, user_id, MemberRole(self.role), self.joined_at, self.member_rev)


_ROOM = Query[RoomRow, UUID, UUID, Micros | None, Micros | None](
    "chat.room",
    f"""
    SELECT {MEMBERSHIP_COLUMNS},
           r.id, r.name, r.description, r.created_by, r.created_at, r.updated_at, r.rev,
           r.locked_at, r.archived_at, r.announcement, r.slow_mode_seconds, c.last_seq, c.last_rev,
           c.member_count, m.joined_at, m.rev AS member_rev
    {ACCESS_FROM}
    """,
)


class RoomFlag(enum.Enum):
    """A state of a room that is on or off; the value is its column, which says since when it is on."""

    LOCK = "locked_at"
    ARCHIVE = "archived_at"

    def set_at(self, row: RoomRow) -> Micros | None:
        """Since when it is on; None when it is off."""
        return row.locked_at if self is RoomFlag.LOCK else row.archived_at


_LOCK_ROOM = Command[UUID, bool, int](
    "chat.lock_room",
    """
    UPDATE chat.rooms SET locked_at = CASE WHEN $2 THEN clock_timestamp() END, rev = $3,
                          updated_at = clock_timestamp()
     WHERE id = $1
    """,
)
_ARCHIVE_ROOM = Command[UUID, bool, int](
    "chat.archive_room",
    """
    UPDATE chat.rooms SET archived_at = CASE WHEN $2 THEN clock_timestamp() END, rev = $3,
                          updated_at = clock_timestamp()
     WHERE id = $1
    """,
)


class _UpdatedRow(NamedTuple):
    updated_at: Micros


_UPDATE = Query[_UpdatedRow, UUID, str, str, str, bool, int, int](
    "chat.update_room",
    """
    UPDATE chat.rooms SET name = $2, search_name = $3, description = $4, announcement = $5,
                          slow_mode_seconds = $6, rev = $7, updated_at = clock_timestamp()
     WHERE id = $1
    RETURNING updated_at
    """,
)


class _CreatedRow(NamedTuple):
    id: UUID


_CREATE = Query[_CreatedRow, UUID, str, str, bool, UUID, UUID | None, bytes | None, str](
    "chat.create_room",
    """
    WITH room AS (
      INSERT INTO chat.rooms (id, name, description, private, created_by, request_id, payload_hash,
                              search_name, rev)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)
      ON CONFLICT (created_by, request_id) WHERE request_id IS NOT NULL DO NOTHING
      RETURNING id
    ), counters AS (
      INSERT INTO chat.room_counters (room_id, last_seq, last_rev, member_count) SELECT id, 0, 2, 1 FROM room
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


class _RequestRow(NamedTuple):
    id: UUID
    payload_hash: bytes | None


_BY_REQUEST_ID = Query[_RequestRow, UUID, UUID](
    "chat.room_by_request_id",
    "SELECT id, payload_hash FROM chat.rooms WHERE created_by = $1 AND request_id = $2",
)


class _SuspendedRow(NamedTuple):
    suspended: bool


_SUSPENDED = Query[_SuspendedRow, Micros](
    "chat.suspended", "SELECT $1::timestamptz > clock_timestamp() AS suspended"
)


async def room(session: Reader, room_id: UUID, caller: Caller) -> RoomRow | None:
    """A room with the caller's place in it; one statement, one snapshot."""
    return await session.row(_ROOM, room_id, caller.user_id, caller.muted_until, caller.suspended_until)


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
        _CREATE, room_id, name, description, private, created_by, request_id, payload_hash, search_name(name)
    )
    return row is not None


async def by_request_id(
    session: Session, created_by: UUID, request_id: UUID
) -> tuple[UUID, bytes | None] | None:
    """The room that an earlier call with this request id created, and what that call asked for."""
    row = await session.row(_BY_REQUEST_ID, created_by, request_id)
    return None if row is None else (row.id, row.payload_hash)


async def is_suspended(session: Reader, suspended_until: Micros | None) -> bool:
    """Whether a suspension is still in force on the database's clock."""
    if suspended_until is None:
        return False
    row = await session.row(_SUSPENDED, suspended_until)
    return row is not None and row.suspended


async def set_flag(session: Session, room_id: UUID, which: RoomFlag, *, on: bool, rev: int) -> None:
    """Turn a state of a room on or off. The room must be locked."""
    await session.execute(_LOCK_ROOM if which is RoomFlag.LOCK else _ARCHIVE_ROOM, room_id, on, rev)


async def update(session: Session, row: RoomRow) -> Room:
    """Write a room's name, description, announcement, slow mode and rev. The room must be locked."""
    updated = await session.one(
        _UPDATE,
        row.id,
        row.name,
        search_name(row.name),
        row.description,
        row.announcement,
        row.slow_mode_seconds,
        row.rev,
    )
    return row._replace(updated_at=updated.updated_at).room()


def search_name(name: str) -> str:
    """The form of a name that search compares; a name that folds into more is found by its first letters."""
    # What an index of PostgreSQL holds is bounded, and a few letters fold into many.
    return normalize_text(name)[:MAX_SEARCH_NAME_LENGTH]
