"""LiveService.SendTyping."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import RateLimitedError
from services.chat.actions.deps import Deps
from services.chat.domain.errors import RoomNotFoundError
from services.chat.domain.permissions import check_can_post, check_writer
from services.chat.store import rooms


async def send_typing(deps: Deps, caller: Caller, room_id: UUID) -> None:
    """Tell a room's watchers that the caller is typing, at most once in 3 seconds; one statement.

    Whoever may not post may not type either. Raises RateLimitedError for many calls, as other writes do.
    """
    deps.limits.room_writes.hit(caller.user_id)
    row = await rooms.get_room(deps.database, room_id, caller)
    if row is None:
        raise RoomNotFoundError(room_id)
    room = row.room
    role = check_writer(room_id, row.membership, room.archived_at, room.locked_at)
    check_can_post(role, announcement=room.announcement)
    try:
        deps.limits.typing.hit(caller.user_id)
    except RateLimitedError:
        return
    deps.hints.typing(room_id, caller.user_id)
