"""ModerationService: lock and archive rooms."""

from __future__ import annotations

from servicekit.caller import Caller
from servicekit.timestamps import format_rfc3339
from services.chat.actions.authorization import ActingAs, run_as_moderator
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction
from services.chat.domain.model import ModerationAction, Position, Room, SystemEvent
from services.chat.domain.permissions import Actor, check_not_archived
from services.chat.store import rooms
from services.chat.store.rooms import RoomFlag


async def lock_room(deps: Deps, caller: Caller, acting_as: ActingAs, reason: str) -> tuple[Room, Position]:
    """Make a room read-only."""
    return await _set_flag(deps, caller, acting_as, reason, RoomFlag.LOCK, on=True)


async def unlock_room(deps: Deps, caller: Caller, acting_as: ActingAs, reason: str) -> tuple[Room, Position]:
    """Make a room writable again."""
    return await _set_flag(deps, caller, acting_as, reason, RoomFlag.LOCK, on=False)


async def archive_room(deps: Deps, caller: Caller, acting_as: ActingAs, reason: str) -> tuple[Room, Position]:
    """Archive a room: it rejects every change."""
    return await _set_flag(deps, caller, acting_as, reason, RoomFlag.ARCHIVE, on=True)


async def unarchive_room(
    deps: Deps, caller: Caller, acting_as: ActingAs, reason: str
) -> tuple[Room, Position]:
    """Unarchive a room."""
    return await _set_flag(deps, caller, acting_as, reason, RoomFlag.ARCHIVE, on=False)


async def _set_flag(
    deps: Deps, caller: Caller, acting_as: ActingAs, reason: str, flag: RoomFlag, *, on: bool
) -> tuple[Room, Position]:
    async def operation(tx: RoomTransaction, actor: Actor) -> Room:
        before = tx.room
        if flag is RoomFlag.LOCK:
            check_not_archived(before.archived_at)
        if (flag.set_at(before) is not None) is on:
            return before
        await rooms.set_flag(tx.session, acting_as.room_id, flag, on=on, rev=tx.next_rev())
        if flag is RoomFlag.LOCK:
            await tx.post_system_message(SystemEvent.LOCKED if on else SystemEvent.UNLOCKED)
        row = await rooms.get_room(tx.session, acting_as.room_id, caller)
        assert row is not None  # noqa: S101 - rooms are never removed
        await tx.audit(
            actor,
            ModerationAction(f"{'' if on else 'UN'}{flag.name}_ROOM"),
            reason=reason,
            before=_log_state(flag, before),
            after=_log_state(flag, row.room),
        )
        return row.room

    return await run_as_moderator(deps, caller, acting_as, operation)


def _log_state(flag: RoomFlag, room: Room) -> dict[str, object]:
    since = flag.set_at(room)
    return {f"{flag.name.lower()}_time": None if since is None else format_rfc3339(since)}
