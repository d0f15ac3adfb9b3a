"""MembershipService: mark_read, mark_unread."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from services.chat.actions.deps import Deps
from services.chat.domain.errors import NotAMemberError
from services.chat.domain.visibility import check_room_viewable
from services.chat.store import read_markers as store


async def mark_read(deps: Deps, caller: Caller, room_id: UUID, seq: int) -> int:
    """Move the caller's read marker forward to `seq`, at most to the newest message; returns where it stands.

    One statement when it moves, two when it does not. Raises RoomNotFoundError or NotAMemberError.
    """
    moved = await store.advance(deps.database, room_id, caller.user_id, seq)
    return moved if moved is not None else await _current_marker(deps, caller, room_id)


async def mark_unread(deps: Deps, caller: Caller, room_id: UUID, from_seq: int) -> int:
    """Put the caller's read marker right before `from_seq`, wherever it stood; returns where it stands.

    It is at most the newest message. Statements and errors as those of mark_read.
    """
    moved = await store.move(deps.database, room_id, caller.user_id, from_seq - 1)
    return moved if moved is not None else await _current_marker(deps, caller, room_id)


async def _current_marker(deps: Deps, caller: Caller, room_id: UUID) -> int:
    """Where a mark stands that did not move; the errors of who has none."""
    current = check_room_viewable(room_id, await store.get(deps.database, room_id, caller.user_id))
    if current.last_read_seq is None:
        raise NotAMemberError
    return current.last_read_seq
