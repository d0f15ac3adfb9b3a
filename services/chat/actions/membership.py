"""MembershipService: join_room."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import CallerSuspendedError
from services.chat.actions.changing import Change, change_room
from services.chat.actions.deps import Deps
from services.chat.domain.acting import check_in_use
from services.chat.domain.errors import BannedError
from services.chat.domain.model import Member, SystemEvent
from services.chat.domain.visibility import check_known
from services.chat.store import memberships as store


async def join_room(deps: Deps, caller: Caller, room_id: UUID) -> Member:
    """The caller's membership. A member who joins again changes nothing."""

    async def act(change: Change) -> Member:
        standing = check_known(room_id, change.standing)
        if standing.banned:
            raise BannedError
        member = standing.member(caller.user_id)
        if member is not None:
            return member
        if standing.suspended:
            raise CallerSuspendedError
        check_in_use(standing.archived_at)
        member = await store.join(
            change.session, room_id, caller.user_id, last_seq=change.last_seq, rev=change.next_rev()
        )
        change.count_members(1)
        change.touch_user(caller.user_id)
        await change.tell(SystemEvent.JOINED)
        return member

    return await change_room(deps.database, caller, room_id, act)
