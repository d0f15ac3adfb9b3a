"""ModerationService: locking and archiving rooms, and the log of all acts."""

from __future__ import annotations

from servicekit.caller import Caller
from servicekit.timestamps import format_rfc3339
from services.chat.actions.authorization import Authority, moderate
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import Change
from services.chat.domain.model import Room, SystemEvent
from services.chat.domain.permissions import Actor, check_in_use
from services.chat.store import rooms
from services.chat.store.rooms import RoomRow, Switch


async def lock_room(deps: Deps, caller: Caller, by: Authority, reason: str) -> Room:
    """Let nobody post in a room."""
    return await _switch(deps, caller, by, reason, Switch.LOCK, on=True)


async def unlock_room(deps: Deps, caller: Caller, by: Authority, reason: str) -> Room:
    """Let members post again."""
    return await _switch(deps, caller, by, reason, Switch.LOCK, on=False)


async def archive_room(deps: Deps, caller: Caller, by: Authority, reason: str) -> Room:
    """Put a room away: it takes no changes."""
    return await _switch(deps, caller, by, reason, Switch.ARCHIVE, on=True)


async def unarchive_room(deps: Deps, caller: Caller, by: Authority, reason: str) -> Room:
    """Bring an archived room back."""
    return await _switch(deps, caller, by, reason, Switch.ARCHIVE, on=False)


async def _switch(
    deps: Deps, caller: Caller, by: Authority, reason: str, switch: Switch, *, on: bool
) -> Room:
    async def act(change: Change, actor: Actor) -> Room:
        before = change.standing
        if switch is Switch.LOCK:
            check_in_use(before.archived_at)
        if (switch.since(before) is not None) is on:
            return before.room()
        await rooms.switch(change.session, by.room_id, switch, on=on, rev=change.next_rev())
        if switch is Switch.LOCK:
            await change.tell(SystemEvent.LOCKED if on else SystemEvent.UNLOCKED)
        after = await rooms.room(change.session, by.room_id, caller)
        assert after is not None  # noqa: S101 - rooms are never removed
        await change.record(
            actor,
            f"{'' if on else 'UN'}{switch.name}_ROOM",
            reason=reason,
            before=_facts(switch, before),
            after=_facts(switch, after),
        )
        return after.room()

    return await moderate(deps.database, caller, by, act)


def _facts(switch: Switch, row: RoomRow) -> dict[str, object]:
    since = switch.since(row)
    return {switch.value: None if since is None else format_rfc3339(since)}
