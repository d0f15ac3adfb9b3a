"""MembershipService: join_room."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Session
from servicekit.errors import CallerSuspendedError
from servicekit.ids import new_id
from services.chat.actions.deps import Deps
from services.chat.domain.errors import BannedError, RoomArchivedError, RoomNotFoundError
from services.chat.domain.model import Member
from services.chat.domain.visibility import check_known
from services.chat.store import rooms as store


async def join_room(deps: Deps, caller: Caller, room_id: UUID) -> Member:
    """The caller's membership. A member who joins again changes nothing."""

    async def work(session: Session) -> Member:
        numbers = (await store.lock(session, [room_id], wait=True)).get(room_id)
        row = await store.room(session, room_id, caller.user_id)
        check_known(room_id, row)
        if row is None or numbers is None:
            raise RoomNotFoundError(room_id)
        if row.banned:
            raise BannedError
        member = row.member(caller.user_id)
        if member is not None:
            return member
        if await store.is_suspended(session, caller.suspended_until):
            raise CallerSuspendedError
        if row.archived_at is not None:
            raise RoomArchivedError
        await store.join(session, numbers, caller.user_id, new_id())
        joined = await store.room(session, room_id, caller.user_id)
        member = joined.member(caller.user_id) if joined is not None else None
        assert member is not None  # noqa: S101 - written two lines above, in this transaction
        return member

    return await deps.database.transact(work)
