"""RoomService: pin_message, unpin_message, list_pins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.timestamps import format_rfc3339
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import Change, change_room
from services.chat.domain.errors import MessageDeletedError, MessageNotFoundError, PinLimitError
from services.chat.domain.model import Pin, SystemEvent, Tally
from services.chat.domain.permissions import Actor, Rank, check_actor, check_in_use
from services.chat.domain.visibility import check_readable
from services.chat.store import message_list
from services.chat.store import pins as store
from services.chat.store.message_query import MessageRow
from services.chat.store.pins import PinnedRow

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

    async def act(change: Change) -> Pin:
        actor, row = await _begin(change, message_id)
        if row.deleted:
            raise MessageDeletedError(message_id)
        earlier = row.pin(message_id)
        if earlier is not None:
            return earlier
        if row.pins >= MAX_PINS:
            raise PinLimitError
        pin = await store.pin(change.session, room_id, message_id, caller.user_id, change.next_rev())
        await change.tell(SystemEvent.PINNED)
        await _record(change, actor, "PIN_MESSAGE", row, message_id, before=None, after=pin)
        return pin

    return await change_room(deps.database, caller, room_id, act)


async def unpin_message(deps: Deps, caller: Caller, room_id: UUID, message_id: UUID) -> None:
    """End the message's pin; unpinning what is not pinned changes nothing."""

    async def act(change: Change) -> None:
        actor, row = await _begin(change, message_id)
        pin = row.pin(message_id)
        if pin is None:
            return
        await store.unpin(change.session, room_id, message_id, change.next_rev())
        await _record(change, actor, "UNPIN_MESSAGE", row, message_id, before=pin, after=None)

    await change_room(deps.database, caller, room_id, act)


async def list_pins(deps: Deps, caller: Caller, room_id: UUID) -> list[Pinned]:
    """A room's pinned messages that are live, the newest pin first; two statements."""
    rows = await store.standing(deps.database, room_id, caller.user_id)
    check_readable(room_id, rows[0] if rows else None)
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


async def _begin(change: Change, message_id: UUID) -> tuple[Actor, PinnedRow]:
    """Check the caller's right; gives who acts, and the message with its pin."""
    actor = check_actor(
        change.room_id, change.standing, change.caller, Rank.MODERATOR, writes=True, unmuted=True
    )
    check_in_use(change.standing.archived_at)
    row = await store.pinned(change.session, change.room_id, message_id)
    if row is None:
        raise MessageNotFoundError(message_id)
    return actor, row


async def _record(
    change: Change,
    actor: Actor,
    action: str,
    row: PinnedRow,
    message_id: UUID,
    *,
    before: Pin | None,
    after: Pin | None,
) -> None:
    await change.record(
        actor,
        action,
        user_id=row.user_id,
        message_id=message_id,
        before=_state(before),
        after=_state(after),
    )


def _state(pin: Pin | None) -> dict[str, object]:
    return {"pinned_at": None if pin is None else format_rfc3339(pin.pinned_at)}
