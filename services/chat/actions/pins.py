"""RoomService: pin_message, unpin_message, list_pins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.timestamps import format_rfc3339
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction, with_room_lock
from services.chat.domain.errors import MessageDeletedError, MessageNotFoundError, PinLimitError
from services.chat.domain.model import Pin, SystemEvent, Tally
from services.chat.domain.permissions import Actor, Rank, check_actor, check_not_archived
from services.chat.domain.visibility import check_room_readable
from services.chat.store import message_list
from services.chat.store import pins as store
from services.chat.store.message_query import MessageRow
from services.chat.store.pins import PinTargetRow

MAX_PINS = 50
"""How many pins a room takes."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pin with its message and the reactions to it."""

    pin: Pin
    message: MessageRow
    tallies: Sequence[Tally]


async def pin_message(deps: Deps, caller: Caller, room_id: UUID, message_id: UUID) -> Pin:
    """The message's pin; pinning it again changes nothing."""

    async def operation(tx: RoomTransaction) -> Pin:
        actor, row = await _begin(tx, message_id)
        if row.deleted:
            raise MessageDeletedError(message_id)
        earlier = row.pin(message_id)
        if earlier is not None:
            return earlier
        if row.pins >= MAX_PINS:
            raise PinLimitError
        pin = await store.pin(tx.session, room_id, message_id, caller.user_id, tx.next_rev())
        await tx.post_system_message(SystemEvent.PINNED)
        await _record(tx, actor, "PIN_MESSAGE", row, message_id, before=None, after=pin)
        return pin

    return await with_room_lock(deps.database, caller, room_id, operation)


async def unpin_message(deps: Deps, caller: Caller, room_id: UUID, message_id: UUID) -> None:
    """End the message's pin; unpinning what is not pinned changes nothing."""

    async def operation(tx: RoomTransaction) -> None:
        actor, row = await _begin(tx, message_id)
        pin = row.pin(message_id)
        if pin is None:
            return
        await store.unpin(tx.session, room_id, message_id, tx.next_rev())
        await _record(tx, actor, "UNPIN_MESSAGE", row, message_id, before=pin, after=None)

    await with_room_lock(deps.database, caller, room_id, operation)


async def list_pins(deps: Deps, caller: Caller, room_id: UUID) -> list[Pinned]:
    """A room's pinned messages that are live, the newest pin first; two statements."""
    rows = await store.active_pins(deps.database, room_id, caller.user_id)
    check_room_readable(room_id, rows[0] if rows else None)
    pins = [pin for row in rows if (pin := row.pin()) is not None]
    if not pins:
        return []
    found = await message_list.by_ids(
        deps.database, room_id, caller.user_id, [pin.message_id for pin in pins]
    )
    # A message that was deleted since the first statement has no pin any more.
    live = {row.id: row for row in found.messages if row.deleted_at is None}
    return [
        Pinned(pin, live[pin.message_id], found.tallies.get(pin.message_id, ()))
        for pin in pins
        if pin.message_id in live
    ]


async def _begin(tx: RoomTransaction, message_id: UUID) -> tuple[Actor, PinTargetRow]:
    """Check the caller's right; gives who acts, and the message with its pin."""
    actor = check_actor(tx.room_id, tx.room, tx.caller, Rank.MODERATOR, writes=True, unmuted=True)
    check_not_archived(tx.room.archived_at)
    row = await store.pin_target(tx.session, tx.room_id, message_id)
    if row is None:
        raise MessageNotFoundError(message_id)
    return actor, row


async def _record(
    tx: RoomTransaction,
    actor: Actor,
    action: str,
    row: PinTargetRow,
    message_id: UUID,
    *,
    before: Pin | None,
    after: Pin | None,
) -> None:
    await tx.audit(
        actor,
        action,
        user_id=row.user_id,
        message_id=message_id,
        before=_state(before),
        after=_state(after),
    )


def _state(pin: Pin | None) -> dict[str, object]:
    return {"pinned_at": None if pin is None else format_rfc3339(pin.pinned_at)}
