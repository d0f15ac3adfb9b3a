"""RoomService: pin_message, unpin_message, list_pins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.pagination import MAX_TIMESTAMP, decode_instant, encode_token, fingerprint, paginate
from servicekit.timestamps import format_rfc3339
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction, write_in_room
from services.chat.domain.errors import MessageDeletedError, MessageNotFoundError, PinLimitError
from services.chat.domain.model import ModerationAction, Pin, Position, SystemEvent, Tally
from services.chat.domain.permissions import Actor, Rank, check_not_archived, check_pinner
from services.chat.domain.visibility import check_room_readable
from services.chat.store import message_list
from services.chat.store import pins as store
from services.chat.store.message_query import MessageRow
from services.chat.store.pins import PinTargetRow

MAX_PINS = 50
"""The maximum number of pins of a room."""
_LATEST = (Micros(MAX_TIMESTAMP), UUID(int=0))


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pin with its message and the reactions to it."""

    pin: Pin
    message: MessageRow
    tallies: Sequence[Tally]


async def pin_message(deps: Deps, caller: Caller, room_id: UUID, message_id: UUID) -> tuple[Pin, Position]:
    """Pin a message and return the pin; pinning it again changes nothing."""

    async def operation(tx: RoomTransaction) -> Pin:
        actor, row = await _begin(tx, message_id)
        if row.deleted:
            raise MessageDeletedError(message_id)
        if row.pin is not None:
            return row.pin
        if row.pins >= MAX_PINS:
            raise PinLimitError
        pin = await store.pin(tx.session, room_id, message_id, caller.user_id, tx.next_rev())
        await tx.post_system_message(SystemEvent.PINNED)
        await _record(tx, actor, ModerationAction.PIN_MESSAGE, row, message_id, before=None, after=pin)
        return pin

    return await write_in_room(deps, caller, room_id, operation)


async def unpin_message(deps: Deps, caller: Caller, room_id: UUID, message_id: UUID) -> Position:
    """Unpin a message; without a pin this changes nothing."""

    async def operation(tx: RoomTransaction) -> None:
        actor, row = await _begin(tx, message_id)
        if row.pin is None:
            return
        await store.unpin(tx.session, room_id, message_id, tx.next_rev())
        await _record(tx, actor, ModerationAction.UNPIN_MESSAGE, row, message_id, before=row.pin, after=None)

    _, position = await write_in_room(deps, caller, room_id, operation)
    return position


async def list_pins(
    deps: Deps, caller: Caller, room_id: UUID, page_size: int, page_token: str
) -> tuple[list[Pinned], str]:
    """Return a page of a room's pinned live messages, the newest pin first, and the next page's token.

    Two statements.
    """
    request_fingerprint = fingerprint("ListPins", caller.user_id, room_id)
    before = decode_instant(page_token, request_fingerprint) or _LATEST
    access, found = await store.active_pins(deps.database, room_id, caller.user_id, before, page_size + 1)
    check_room_readable(room_id, access)
    pins, token = paginate(
        found,
        page_size,
        lambda last: encode_token(request_fingerprint, (last.pinned_at,), (str(last.message_id),)),
    )
    if not pins:
        return [], ""
    batch = await message_list.by_ids(
        deps.database, room_id, caller.user_id, [pin.message_id for pin in pins]
    )
    # A message that was deleted between the two statements has no pin any more.
    live = {row.id: row for row in batch.messages if row.deleted_at is None}
    shown = [
        Pinned(pin, live[pin.message_id], batch.tallies.get(pin.message_id, ()))
        for pin in pins
        if pin.message_id in live
    ]
    return shown, token


async def _begin(tx: RoomTransaction, message_id: UUID) -> tuple[Actor, PinTargetRow]:
    """Authorize the caller; returns the actor, and the message with its pin."""
    actor = check_pinner(tx.room_id, tx.membership, tx.caller, Rank.MODERATOR)
    check_not_archived(tx.room.archived_at)
    row = await store.pin_target(tx.session, tx.room_id, message_id)
    if row is None:
        raise MessageNotFoundError(message_id)
    return actor, row


async def _record(
    tx: RoomTransaction,
    actor: Actor,
    action: ModerationAction,
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
    return {"pin_time": None if pin is None else format_rfc3339(pin.pinned_at)}
