"""ModerationService: locking and archiving rooms, and the log of all acts."""

from __future__ import annotations

from servicekit.caller import Caller
from servicekit.timestamps import format_rfc3339
from services.chat.actions.authorization import ActingAs, run_as_moderator
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction
from services.chat.domain.model import Room, SystemEvent
from services.chat.domain.permissions import Actor, check_not_archived
from services.chat.store import rooms
from services.chat.store.rooms import RoomFlag, RoomRow


async def lock_room(deps: Deps, caller: Caller, acting_as: ActingAs, reason: str) -> Room:
    """Let nobody post in a room."""
    return await _set_flag(deps, caller, acting_as, reason, RoomFlag.LOCK, on=True)


async def unlock_room(deps: Deps, caller: Caller, acting_as: ActingAs, reason: str) -> Room:
    """Let members post again."""
    return await _set_flag(deps, caller, acting_as, reason, RoomFlag.LOCK, on=False)


async def archive_room(deps: Deps, caller: Caller, acting_as: ActingAs, reason: str) -> Room:
    """Put a room away: it takes no changes."""
    return await _set_flag(deps, caller, acting_as, reason, RoomFlag.ARCHIVE, on=True)


async def unarchive_room(deps: Deps, caller: Caller, acting_as: ActingAs, reason: str) -> Room:
    """Bring an archived room back."""
    return await _set_flag(deps, caller, acting_as, reason, RoomFlag.ARCHIVE, on=False)


async def _set_flag(
    deps: Deps, caller: Caller, acting_as: ActingAs, reason: str, flag: RoomFlag, *, on: bool
) -> Room:
    async def operation(tx: RoomTransaction, actor: Actor) -> Room:
        before = tx.room
        if flag is RoomFlag.LOCK:
            check_not_archived(before.archived_at)
        if (flag.set_at(before) is not None) is on:
            return before.room()
        await rooms.set_flag(tx.session, acting_as.room_id, flag, on=on, rev=tx.next_rev())
        if flag is RoomFlag.LOCK:
            await tx.post_system_message(SystemEvent.LOCKED if on else SystemEvent.UNLOCKED)
        after = await rooms.room(tx.session, acting_as.room_id, caller)
        assert after is not None  # noqa: S101 - rooms are never removed
        await tx.audit(
            actor,
            f"{'' if on else 'UN'}{flag.name}_ROOM",
            reason=reason,
            before=_log_state(flag, before),
            after=_log_state(flag, after),
        )
        return after.room()

    return await run_as_moderator(deps.database, caller, acting_as, operation)


def _log_state(flag: RoomFlag, row: RoomRow) -> dict[str, object]:
    since = flag.set_at(row)
    return {flag.value: None if since is None else format_rfc3339(since)}
