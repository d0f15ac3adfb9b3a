"""MembershipService: mark_read, mark_unread."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from services.chat.actions.deps import Deps
from services.chat.domain.errors import NotAMemberError
from services.chat.domain.visibility import check_room_viewable
from services.chat.store import read_markers as store


async def mark_read(deps: Deps, caller: Caller, room_id: UUID, seq: int) -> int:
    """Advance the caller's read marker to `seq`, at most to the newest message; returns the marker.

    One statement if it moves, else two. Raises RateLimitedError, RoomNotFoundError or NotAMemberError.
    """
    deps.limits.room_writes.hit(caller.user_id)
    moved = await store.advance(deps.database, room_id, caller.user_id, seq)
    return moved if moved is not None else await _current_marker(deps, caller, room_id)


async def mark_unread(deps: Deps, caller: Caller, room_id: UUID, from_seq: int) -> int:
    """Set the caller's read marker right before `from_seq`, at most to the newest message; returns the marker.

    Statements and errors as in mark_read.
    """
    deps.limits.room_writes.hit(caller.user_id)
    moved = await store.move(deps.database, room_id, caller.user_id, from_seq - 1)
    return moved if moved is not None else await _current_marker(deps, caller, room_id)


async def _current_marker(deps: Deps, caller: Caller, room_id: UUID) -> int:
    """Return a marker that did not move; raises for a hidden room or a non-member."""
    row = await store.get(deps.database, room_id, caller.user_id)
    check_room_viewable(room_id, None if row is None else row.access)
    if row is None or row.last_read_seq is None:
        raise NotAMemberError
    return row.last_read_seq
