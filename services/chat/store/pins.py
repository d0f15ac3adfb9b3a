"""SQL of pins."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.domain.model import Pin
from services.chat.domain.visibility import RoomAccess
from services.chat.store.message_query import ROOM_ACCESS
from services.chat.store.rooms import CAN_READ


class PinTargetRow(NamedTuple):
    """A message to pin or unpin: its active pin, and the room's number of active pins."""

    user_id: UUID | None
    deleted: bool
    pins: int
    pin: Pin | None


class ActivePinRow(NamedTuple):
    """The caller's access to the room, and one of its active pins; `pin` is None when there are none."""

    access: RoomAccess
    pin: Pin | None


_ACTIVE_PINS = Query[ActivePinRow, UUID, UUID, Micros, UUID, int](
    "chat.active_pins",
    f"""
    {ROOM_ACCESS}
    SELECT access.private, access.role, access.invited, access.banned, p.message_id, p.pinned_by, p.pinned_at, p.rev
      FROM access LEFT JOIN chat.pins p ON p.room_id = $1 AND p.removed_at IS NULL AND {CAN_READ}
                                       AND (p.pinned_at, p.message_id) < ($3, $4)
     ORDER BY p.pinned_at DESC, p.message_id DESC LIMIT $5
    """,
)
_PIN_TARGET = Query[PinTargetRow, UUID, UUID](
    "chat.pin_target",
    """
    SELECT n.user_id, n.deleted_at IS NOT NULL AS deleted,
           (SELECT count(*) FROM chat.pins o WHERE o.room_id = $1 AND o.removed_at IS NULL)::int AS pins,
           p.message_id, p.pinned_by, p.pinned_at, p.rev
      FROM chat.messages n
      LEFT JOIN chat.pins p ON p.room_id = $1 AND p.message_id = n.id AND p.removed_at IS NULL
     WHERE n.room_id = $1 AND n.id = $2
    """,
)
_PIN = Query[Pin, UUID, UUID, UUID, int](
    "chat.pin_message",
    """
    INSERT INTO chat.pins (room_id, message_id, pinned_by, pinned_at, rev)
    VALUES ($1, $2, $3, statement_timestamp(), $4)
    ON CONFLICT (room_id, message_id) DO UPDATE
       SET pinned_by = excluded.pinned_by, pinned_at = excluded.pinned_at, removed_at = NULL,
           rev = excluded.rev
    RETURNING message_id, pinned_by, pinned_at, rev
    """,
)
_UNPIN = Command[UUID, UUID, int](
    "chat.unpin_message",
    """
    UPDATE chat.pins SET removed_at = statement_timestamp(), rev = $3
     WHERE room_id = $1 AND message_id = $2 AND removed_at IS NULL
    """,
)


async def active_pins(
    database: Database, room_id: UUID, user_id: UUID, before: tuple[Micros, UUID], limit: int
) -> tuple[RoomAccess | None, list[Pin]]:
    """Return the caller's access and active pins, the newest first; no access when there is no such room."""
    rows = await database.rows(_ACTIVE_PINS, room_id, user_id, *before, limit)
    return rows[0].access if rows else None, [row.pin for row in rows if row.pin is not None]


async def pin_target(session: Session, room_id: UUID, message_id: UUID) -> PinTargetRow | None:
    """Return the message with its pin; None when the room has no such message."""
    return await session.row(_PIN_TARGET, room_id, message_id)


async def pin(session: Session, room_id: UUID, message_id: UUID, user_id: UUID, rev: int) -> Pin:
    """Pin a message that is not pinned. The caller holds the room lock."""
    return await session.one(_PIN, room_id, message_id, user_id, rev)


async def unpin(session: Session, room_id: UUID, message_id: UUID, rev: int) -> None:
    """Remove the pin of a pinned message. The caller holds the room lock."""
    await session.execute(_UNPIN, room_id, message_id, rev)
