"""SQL of rooms, and the columns of a caller's access to them."""

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
from services.chat.domain.visibility import CallerMembership

MAX_SEARCH_NAME_LENGTH = 200

# A sanction that has not ended, by the database's clock.
SANCTION_ACTIVE = "s.ended_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > statement_timestamp())"


def access_columns(room_id: str) -> str:
    """Return the columns of RoomAccess for the user $2, of room `r` with this id."""
    return f"""
       r.private, m.role,
       EXISTS (SELECT 1 FROM chat.room_invitations v
                WHERE v.room_id = {room_id} AND v.user_id = $2 AND v.ended_at IS NULL) AS invited,
       EXISTS (SELECT 1 FROM chat.sanctions s
                WHERE s.room_id = {room_id} AND s.user_id = $2 AND s.kind = 'BAN' AND {SANCTION_ACTIVE}) AS banned
    """


# Of one room: its id is compared with $1 at every table, so that partitions and shards of other rooms are left out.
ACCESS_COLUMNS = access_columns("$1")
# The columns of CallerMembership; $3 and $4 are the ends of platform-wide sanctions.
MEMBERSHIP_COLUMNS = f"""
       {ACCESS_COLUMNS},
       EXISTS (SELECT 1 FROM chat.sanctions s
                WHERE s.room_id = $1 AND s.user_id = $2 AND s.kind = 'MUTE' AND {SANCTION_ACTIVE}) AS muted,
       coalesce($3::timestamptz > statement_timestamp(), false) AS muted_on_platform,
       coalesce($4::timestamptz > statement_timestamp(), false) AS suspended
"""
ACCESS_FROM = """
  FROM chat.rooms r
  JOIN chat.room_counters c ON c.room_id = $1
  LEFT JOIN chat.room_memberships m ON m.room_id = $1 AND m.user_id = $2 AND m.left_at IS NULL
 WHERE r.id = $1
"""
# Rows behind this condition are not read for a caller without access, so the response time reveals nothing.
CAN_READ = "NOT access.banned AND (NOT access.private OR access.role IS NOT NULL)"


def muted_until(room_id: str, user: str) -> str:
    """Return the expression for when the mute of a user in a room expires; far away for one without an expiry."""
    return f"""
       (SELECT coalesce(s.expires_at, '9999-12-31T23:59:59Z'::timestamptz) FROM chat.sanctions s
         WHERE s.room_id = {room_id} AND s.user_id = {user} AND s.kind = 'MUTE' AND {SANCTION_ACTIVE}) AS muted_until
    """


# The columns of domain.model.Room.
ROOM_COLUMNS = """
       r.id, r.name, r.description, r.private, r.created_by, r.created_at, r.updated_at, r.rev,
       r.locked_at, r.archived_at, r.announcement, r.slow_mode_seconds, c.member_count
"""

Reader = Database | Session
"""Runs a read: the pool, or a transaction."""


class RoomRow(NamedTuple):
    """A room with the caller's membership, its counters, and when and at which rev a member joined.

    `muted_until` is when the caller's mute in the room expires; None without a mute.
    """

    membership: CallerMembership
    room: Room
    last_seq: int
    last_rev: int
    joined_at: Micros | None
    member_rev: int | None
    last_read_seq: int
    muted_until: Micros | None

    def member(self, user_id: UUID) -> Member | None:
        """Return the caller's membership as a value."""
        if self.membership.role is None or self.joined_at is None or self.member_rev is None:
            return None
        return Member(
            self.room.id, user_id, MemberRole(self.membership.role), self.joined_at, self.member_rev
        )


_ROOM = Query[RoomRow, UUID, UUID, Micros | None, Micros | None](
    "chat.room",
    f"""
    SELECT {MEMBERSHIP_COLUMNS}, {ROOM_COLUMNS}, c.last_seq, c.last_rev, m.joined_at, m.rev AS member_rev,
           coalesce(m.last_read_seq, 0) AS last_read_seq, {muted_until("$1", "$2")}
    {ACCESS_FROM}
    """,
)


class RoomFlag(enum.Enum):
    """A flag of a room; the value is its column, the time at which the flag was set."""

    LOCK = "locked_at"
    ARCHIVE = "archived_at"

    def set_at(self, room: Room) -> Micros | None:
        """Return when the flag was set; None when it is not."""
        return room.locked_at if self is RoomFlag.LOCK else room.archived_at


_LOCK_ROOM = Command[UUID, bool, int](
    "chat.lock_room",
    """
    UPDATE chat.rooms SET locked_at = CASE WHEN $2 THEN statement_timestamp() END, rev = $3,
                          updated_at = statement_timestamp()
     WHERE id = $1
    """,
)
_ARCHIVE_ROOM = Command[UUID, bool, int](
    "chat.archive_room",
    """
    UPDATE chat.rooms SET archived_at = CASE WHEN $2 THEN statement_timestamp() END, rev = $3,
                          updated_at = statement_timestamp()
     WHERE id = $1
    """,
)


class _UpdatedRow(NamedTuple):
    updated_at: Micros


_UPDATE = Query[_UpdatedRow, UUID, str, str, str, bool, int, int](
    "chat.update_room",
    """
    UPDATE chat.rooms SET name = $2, search_name = $3, description = $4, announcement = $5,
                          slow_mode_seconds = $6, rev = $7, updated_at = statement_timestamp()
     WHERE id = $1
    RETURNING updated_at
    """,
)


class _CreatedRow(NamedTuple):
    id: UUID


_CREATE = Query[_CreatedRow, UUID, str, str, bool, UUID, UUID | None, bytes | None, str, bool, int](
    "chat.create_room",
    """
    WITH room AS (
      INSERT INTO chat.rooms (id, name, description, private, created_by, request_id, payload_hash,
                              search_name, announcement, slow_mode_seconds, rev)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)
      ON CONFLICT DO NOTHING
      RETURNING id
    ), counters AS (
      INSERT INTO chat.room_counters (room_id, last_seq, last_rev, member_count) SELECT $1, 0, 2, 1 FROM room
    ), owner AS (
      INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)
      SELECT $1, $5, 'OWNER', statement_timestamp(), 2 FROM room
    ), rooms_of_user AS (
      INSERT INTO chat.user_counters (user_id, rooms_rev) SELECT $5, 1 FROM room
      ON CONFLICT (user_id) DO UPDATE SET rooms_rev = user_counters.rooms_rev + 1
    )
    SELECT id FROM room
    """,
)


class RequestedRoomRow(NamedTuple):
    """The room of an earlier call with a request id, None without one. `data_id` is a secret of the database."""

    data_id: UUID
    id: UUID | None
    payload_hash: bytes | None


_BY_REQUEST_ID = Query[RequestedRoomRow, UUID, UUID](
    "chat.room_by_request_id",
    """
    SELECT i.id AS data_id, r.id, r.payload_hash
      FROM chat.instance i LEFT JOIN chat.rooms r ON r.created_by = $1 AND r.request_id = $2
    """,
)


class _SuspendedRow(NamedTuple):
    suspended: bool


_SUSPENDED = Query[_SuspendedRow, Micros](
    "chat.suspended", "SELECT $1::timestamptz > statement_timestamp() AS suspended"
)


async def get_room(reader: Reader, room_id: UUID, caller: Caller) -> RoomRow | None:
    """Return a room with the caller's membership, in one snapshot."""
    return await reader.row(_ROOM, room_id, caller.user_id, caller.muted_until, caller.suspended_until)


async def create(  # noqa: PLR0913 - one per column
    session: Session,
    *,
    room_id: UUID,
    name: str,
    description: str,
    private: bool,
    announcement: bool,
    slow_mode_seconds: int,
    created_by: UUID,
    request_id: UUID | None,
    payload_hash: bytes | None,
) -> bool:
    """Insert a room and its owner; returns False when the creator has used the request id before."""
    row = await session.row(
        _CREATE,
        room_id,
        name,
        description,
        private,
        created_by,
        request_id,
        payload_hash,
        search_name(name),
        announcement,
        slow_mode_seconds,
    )
    return row is not None


async def by_request_id(session: Session, created_by: UUID, request_id: UUID) -> RequestedRoomRow:
    """Return the room that an earlier call with this request id created, and that call's payload hash."""
    return await session.one(_BY_REQUEST_ID, created_by, request_id)


async def is_suspended(session: Reader, suspended_until: Micros | None) -> bool:
    """Return whether a suspension is still active by the database's clock."""
    if suspended_until is None:
        return False
    row = await session.row(_SUSPENDED, suspended_until)
    return row is not None and row.suspended


async def set_flag(session: Session, room_id: UUID, flag: RoomFlag, *, on: bool, rev: int) -> None:
    """Set or clear a flag of a room. The caller holds the room lock."""
    await session.execute(_LOCK_ROOM if flag is RoomFlag.LOCK else _ARCHIVE_ROOM, room_id, on, rev)


async def update(session: Session, room: Room) -> Room:
    """Write a room's name, description, announcement, slow mode and rev. The caller holds the room lock."""
    updated = await session.one(
        _UPDATE,
        room.id,
        room.name,
        search_name(room.name),
        room.description,
        room.announcement,
        room.slow_mode_seconds,
        room.rev,
    )
    return room._replace(updated_at=updated.updated_at)


def search_name(name: str) -> str:
    """Return the normalized name that search compares, cut to what an index can hold."""
    return normalize_text(name)[:MAX_SEARCH_NAME_LENGTH]
