"""SQL of pins."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.domain.model import Pin
from services.chat.store.message_query import ROOM_ACCESS
from services.chat.store.rooms import CAN_READ


class PinRow(NamedTuple):
    """A pin."""

    message_id: UUID
    pinned_by: UUID | None
    pinned_at: Micros
    rev: int

    def pin(self) -> Pin:
        """The pin as a value."""
        return Pin(*self)


class PinTargetRow(NamedTuple):
    """A message that somebody pins or unpins: its pin where it has one, and the room's number of pins."""

    user_id: UUID | None
    deleted: bool
    pinned_by: UUID | None
    pinned_at: Micros | None
    rev: int | None
    pins: int

    def pin(self, message_id: UUID) -> Pin | None:
        """The pin that stands; None when the message is not pinned."""
        if self.pinned_at is None or self.rev is None:
            return None
        return Pin(message_id, self.pinned_by, self.pinned_at, self.rev)


class ActivePinRow(NamedTuple):
    """The room's facts and one of its pins; `message_id` is None for none."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    message_id: UUID | None
    pinned_by: UUID | None
    pinned_at: Micros | None
    rev: int | None

    def pin(self) -> Pin | None:
        """The pin as a value."""
        if self.message_id is None or self.pinned_at is None or self.rev is None:
            return None
        return Pin(self.message_id, self.pinned_by, self.pinned_at, self.rev)


_ACTIVE_PINS = Query[ActivePinRow, UUID, UUID](
    "chat.active_pins",
    f"""
    {ROOM_ACCESS}
    SELECT f.private, f.role, f.invited, f.banned, p.message_id, p.pinned_by, p.pinned_at, p.rev
      FROM f LEFT JOIN chat.pins p ON p.room_id = $1 AND p.removed_at IS NULL AND {CAN_READ}
     ORDER BY p.pinned_at DESC, p.rev DESC
    """,
)
_PIN_TARGET = Query[PinTargetRow, UUID, UUID](
    "chat.pin_target",
    """
    SELECT n.user_id, n.deleted_at IS NOT NULL AS deleted, p.pinned_by, p.pinned_at, p.rev,
           (SELECT count(*) FROM chat.pins o WHERE o.room_id = $1 AND o.removed_at IS NULL)::int AS pins
      FROM chat.messages n
      LEFT JOIN chat.pins p ON p.room_id = n.room_id AND p.message_id = n.id AND p.removed_at IS NULL
     WHERE n.room_id = $1 AND n.id = $2
    """,
)
_PIN = Query[PinRow, UUID, UUID, UUID, int](
    "chat.pin_message",
    """
    INSERT INTO chat.pins (room_id, message_id, pinned_by, pinned_at, rev)
    VALUES ($1, $2, $3, clock_timestamp(), $4)
    ON CONFLICT (room_id, message_id) DO UPDATE
       SET pinned_by = excluded.pinned_by, pinned_at = excluded.pinned_at, removed_at = NULL,
           rev = excluded.rev
    RETURNING message_id, pinned_by, pinned_at, rev
    """,
)
_UNPIN = Command[UUID, UUID, int](
    "chat.unpin_message",
    """
    UPDATE chat.pins SET removed_at = clock_timestamp(), rev = $3
     WHERE room_id = $1 AND message_id = $2 AND removed_at IS NULL
    """,
)


async def active_pins(database: Database, room_id: UUID, user_id: UUID) -> list[ActivePinRow]:
    """A room's pins that stand, the newest first; at least one row when the room exists."""
    return await database.rows(_ACTIVE_PINS, room_id, user_id)


async def pin_target(session: Session, room_id: UUID, message_id: UUID) -> PinTargetRow | None:
    """The message with its pin; None when the room has no such message."""
    return await session.row(_PIN_TARGET, room_id, message_id)


async def pin(session: Session, room_id: UUID, message_id: UUID, user_id: UUID, rev: int) -> Pin:
    """Pin a message that is not pinned. The room must be locked."""
    row = await session.one(_PIN, room_id, message_id, user_id, rev)
    return row.pin()


async def unpin(session: Session, room_id: UUID, message_id: UUID, rev: int) -> None:
    """End the pin of a message that is pinned. The room must be locked."""
    await session.execute(_UNPIN, room_id, message_id, rev)
