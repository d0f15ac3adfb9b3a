"""MembershipService: join_room, leave_room, list_members, set_member_role."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.errors import CallerSuspendedError
from servicekit.pagination import decode_instant, encode_token, fingerprint, paginate
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import Change, change_room
from services.chat.domain.errors import BannedError, LastOwnerError, MemberNotFoundError
from services.chat.domain.model import Member, MemberRole, Removal, SystemEvent
from services.chat.domain.permissions import Rank, check_actor, check_in_use, check_outranks
from services.chat.domain.visibility import check_known, check_open, check_readable
from services.chat.store import membership as store

_FIRST = (Micros(0), UUID(int=0))


@dataclass(frozen=True, slots=True)
class MemberListing:
    """Which members of a room to list; `role` None: of any role."""

    room_id: UUID
    role: MemberRole | None
    page_size: int
    page_token: str


async def join_room(deps: Deps, caller: Caller, room_id: UUID) -> Member:
    """The caller's membership. A member who joins again changes nothing, at no charge; raises RateLimitedError."""
    charge = deps.limits.joins.deferred_hit(caller.user_id)

    async def act(change: Change) -> Member:
        standing = check_known(room_id, change.standing)
        if standing.suspended:
            raise CallerSuspendedError
        if standing.banned:
            raise BannedError
        member = standing.member(caller.user_id)
        if member is not None:
            return member
        check_in_use(standing.archived_at)
        charge()
        # Nobody was left, and it was archived, and it was brought back: somebody has to look after it.
        role = MemberRole.MEMBER if change.member_count else MemberRole.OWNER
        member = await store.join(
            change.session, room_id, caller.user_id, role, last_seq=change.last_seq, rev=change.next_rev()
        )
        change.count_members(1)
        change.touch_user(caller.user_id)
        await change.tell(SystemEvent.JOINED)
        return member

    return await change_room(deps.database, caller, room_id, act)


async def leave_room(deps: Deps, caller: Caller, room_id: UUID) -> None:
    """End the caller's membership. Who is no member changes nothing; the last owner raises LastOwnerError."""

    async def act(change: Change) -> None:
        standing = check_open(room_id, change.standing)
        if standing.suspended:
            raise CallerSuspendedError
        if standing.role is None:
            return
        if standing.role == MemberRole.OWNER and not await store.has_other_owner(
            change.session, room_id, caller.user_id
        ):
            raise LastOwnerError
        await store.end(change.session, room_id, caller.user_id, Removal.LEFT, change.next_rev())
        change.count_members(-1)
        change.touch_user(caller.user_id)

    await change_room(deps.database, caller, room_id, act)


async def list_members(deps: Deps, caller: Caller, asked: MemberListing) -> tuple[list[Member], str]:
    """A page of a room's members in the order in which they joined, and the next page's token; one statement."""
    mark = fingerprint("ListMembers", caller.user_id, asked.room_id, asked.role)
    size = asked.page_size
    facts, found = await store.page(
        deps.database,
        asked.room_id,
        caller.user_id,
        role=asked.role,
        after=decode_instant(asked.page_token, mark) or _FIRST,
        limit=size + 1,
    )
    check_readable(asked.room_id, facts)
    return paginate(found, size, lambda last: encode_token(mark, (last.joined_at,), (str(last.user_id),)))


async def set_member_role(
    deps: Deps, caller: Caller, room_id: UUID, user_id: UUID, role: MemberRole
) -> Member:
    """The member in the new role; the same role again changes nothing.

    Raises MemberNotFoundError, and TargetProtectedError for the caller and other owners.
    """

    async def act(change: Change) -> Member:
        actor = check_actor(room_id, change.standing, caller, Rank.OWNER, unmuted=True)
        check_in_use(change.standing.archived_at)
        before = await store.member(change.session, room_id, user_id)
        if before is None:
            raise MemberNotFoundError(user_id)
        check_outranks(actor, user_id, before.role)
        if before.role is role:
            return before
        after = before._replace(role=role, rev=change.next_rev())
        await store.set_role(change.session, after)
        change.touch_user(user_id)
        await change.record(
            actor, "SET_ROLE", user_id=user_id, before={"role": before.role}, after={"role": role}
        )
        return after

    return await change_room(deps.database, caller, room_id, act)
