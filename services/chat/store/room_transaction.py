"""SQL of the room lock, the counters and SYSTEM messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Session
from servicekit.sql import Command, Query
from services.chat.domain.model import SystemEvent
from services.chat.store.rooms import SANCTION_ACTIVE


class CountersRow(NamedTuple):
    """The counters of a locked room."""

    room_id: UUID
    last_seq: int
    last_rev: int
    member_count: int


# The sub-select hides the array's length from the planner. With a known length the custom plan always looks cheaper than
# the generic one, and PostgreSQL would plan the statement at every call.
_LOCK = Query[CountersRow, list[UUID]](
    "chat.lock_rooms",
    """
    SELECT room_id, last_seq, last_rev, member_count FROM chat.room_counters
     WHERE room_id = ANY ((SELECT $1::uuid[])::uuid[]) ORDER BY room_id FOR UPDATE
    """,
)
_LOCK_SKIP_LOCKED = Query[CountersRow, list[UUID]](
    "chat.lock_rooms_skip_locked",
    """
    SELECT room_id, last_seq, last_rev, member_count FROM chat.room_counters
     WHERE room_id = ANY ((SELECT $1::uuid[])::uuid[]) ORDER BY room_id FOR UPDATE SKIP LOCKED
    """,
)
# Does not wait for a room that is hidden from all of the users, so the response time reveals nothing. The operation
# checks visibility again under the lock.
_LOCK_VISIBLE = Query[CountersRow, UUID, list[UUID], bool](
    "chat.lock_visible_room",
    f"""
    SELECT c.room_id, c.last_seq, c.last_rev, c.member_count
      FROM chat.room_counters c JOIN chat.rooms r ON r.id = $1
     WHERE c.room_id = $1
       AND (NOT r.private OR $3 OR EXISTS (
              SELECT 1 FROM unnest((SELECT $2::uuid[])) AS u(id)
               WHERE (EXISTS (SELECT 1 FROM chat.room_memberships m
                               WHERE m.room_id = $1 AND m.user_id = u.id AND m.left_at IS NULL)
                   OR EXISTS (SELECT 1 FROM chat.room_invitations v
                               WHERE v.room_id = $1 AND v.user_id = u.id AND v.ended_at IS NULL))
                 AND NOT EXISTS (SELECT 1 FROM chat.sanctions s WHERE s.room_id = $1 AND s.user_id = u.id
                                    AND s.kind = 'BAN' AND {SANCTION_ACTIVE})))
       FOR UPDATE OF c
    """,
)
_SET_COUNTERS = Command[UUID, int, int, int](
    "chat.set_room_counters",
    "UPDATE chat.room_counters SET last_seq = $2, last_rev = $3, member_count = $4 WHERE room_id = $1",
)
# In the order of ids, so that transactions of two rooms on the same users can't deadlock.
_BUMP_ROOM_LIST_VERSION = Command[list[UUID]](
    "chat.bump_room_list_version",
    """
    INSERT INTO chat.user_counters (user_id, rooms_rev) SELECT u, 1
      FROM unnest((SELECT $1::uuid[])) AS u ORDER BY u
    ON CONFLICT (user_id) DO UPDATE SET rooms_rev = user_counters.rooms_rev + 1
    """,
)
_INSERT_SYSTEM_MESSAGE = Command[UUID, int, int, UUID, UUID, str](
    "chat.insert_system_message",
    """
    INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, system_event, created_at)
    VALUES ($1, $2, $3, $4, $5, 'SYSTEM', $6, statement_timestamp())
    """,
)


async def lock_rooms(session: Session, room_ids: list[UUID], *, wait: bool) -> dict[UUID, CountersRow]:
    """Lock rooms in the order of ids. Without `wait`, locked rooms are skipped."""
    rows = await session.rows(_LOCK if wait else _LOCK_SKIP_LOCKED, room_ids)
    return {row.room_id: row for row in rows}


async def lock_visible_room(
    session: Session, room_id: UUID, user_ids: Sequence[UUID], *, skip_visibility: bool = False
) -> CountersRow | None:
    """Wait for the lock of a room that is visible to one of the users; returns None at once for a hidden or missing one.

    `skip_visibility`: lock a hidden room, too.
    """
    return await session.row(_LOCK_VISIBLE, room_id, list(user_ids), skip_visibility)


async def set_counters(
    session: Session, room_id: UUID, *, last_seq: int, last_rev: int, members: int
) -> None:
    """Write a locked room's counters."""
    await session.execute(_SET_COUNTERS, room_id, last_seq, last_rev, members)


async def bump_room_list_version(session: Session, user_ids: Collection[UUID]) -> None:
    """Bump the version of the users' room lists, after a change of a membership."""
    await session.execute(_BUMP_ROOM_LIST_VERSION, sorted(user_ids))


async def insert_system_message(
    session: Session,
    room_id: UUID,
    *,
    seq: int,
    rev: int,
    message_id: UUID,
    user_id: UUID,
    event: SystemEvent,
) -> None:
    """Insert a SYSTEM message."""
    await session.execute(_INSERT_SYSTEM_MESSAGE, room_id, seq, rev, message_id, user_id, event)
