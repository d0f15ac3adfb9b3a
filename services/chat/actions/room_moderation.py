"""ModerationService: locking and archiving rooms, and the log of all acts."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from servicekit.pages import decode_number, encode_token, fingerprint, page_of
from servicekit.timestamps import to_text
from services.chat.actions.authorization import Authority, inspect, moderate
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import Change
from services.chat.domain.model import LogLine, Room, SystemEvent
from services.chat.domain.pagination import HEAD
from services.chat.domain.permissions import Actor, check_in_use
from services.chat.store import rooms
from services.chat.store import sanctions as store
from services.chat.store.rooms import Reader, RoomRow, Switch


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


async def list_moderation_logs(
    deps: Deps, caller: Caller, by: Authority, user_id: UUID | None, page_size: int, page_token: str
) -> tuple[list[LogLine], str]:
    """A page of the log, the newest line first, and the next page's token."""
    mark = fingerprint("ListModerationLogs", caller.user_id, by.room_id, by.as_admin, user_id)
    before_rev = decode_number(page_token, mark, HEAD)

    async def read(session: Reader) -> list[LogLine]:
        return await store.logs(
            session, by.room_id, user_id=user_id, before_rev=before_rev, limit=page_size + 1
        )

    found = await inspect(deps.database, caller, by, read, "READ_LOGS")
    return page_of(found, page_size, lambda last: encode_token(mark, (last.rev,)))


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
    return {switch.value: None if since is None else to_text(since)}
