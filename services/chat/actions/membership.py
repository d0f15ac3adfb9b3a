"""MembershipService: join_room, leave_room, list_members, set_member_role."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.pagination import decode_instant, encode_token, fingerprint, paginate
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction, write_in_room
from services.chat.domain.errors import LastOwnerError, MemberNotFoundError, RoomNotFoundError
from services.chat.domain.model import Member, MemberRole, ModerationAction, Position, Removal, SystemEvent
from services.chat.domain.permissions import Rank, check_manager, check_not_archived, check_outranks
from services.chat.domain.visibility import (
    check_not_banned,
    check_not_suspended,
    check_room_readable,
    check_room_viewable,
    check_room_visible,
)
from services.chat.store import membership as store

_FIRST = (Micros(0), UUID(int=0))


@dataclass(frozen=True, slots=True)
class MemberListing:
    """A ListMembers request; `role` None: of any role."""

    room_id: UUID
    role: MemberRole | None
    page_size: int
    page_token: str


async def join_room(deps: Deps, caller: Caller, room_id: UUID) -> tuple[Member, Position]:
    """Return the caller's membership. For a member this changes nothing, at no charge. Raises RateLimitedError."""
    charge = deps.limits.joins.deferred_hit(caller.user_id)

    async def operation(tx: RoomTransaction) -> Member:
        membership = check_room_visible(room_id, tx.membership)
        check_not_suspended(membership)
        check_not_banned(membership)
        if tx.member is not None:
            return tx.member
        check_not_archived(tx.room.archived_at)
        charge()
        # The first member of an unarchived room without members becomes its owner.
        role = MemberRole.MEMBER if tx.member_count else MemberRole.OWNER
        member = await store.join(
            tx.session, room_id, caller.user_id, role, last_seq=tx.last_seq, rev=tx.next_rev()
        )
        tx.count_members(1)
        tx.mark_user_changed(caller.user_id)
        await tx.post_system_message(SystemEvent.JOINED)
        return member

    return await write_in_room(deps, caller, room_id, operation)


async def leave_room(deps: Deps, caller: Caller, room_id: UUID) -> Position | None:
    """End the caller's membership, if there is one; the last owner raises LastOwnerError.

    Returns None for a hidden or missing room.
    """

    async def operation(tx: RoomTransaction) -> None:
        membership = check_room_viewable(room_id, tx.membership)
        check_not_suspended(membership)
        if membership.role is None:
            return
        if membership.role == MemberRole.OWNER and not await store.has_other_owner(
            tx.session, room_id, caller.user_id
        ):
            raise LastOwnerError
        await store.end(tx.session, room_id, caller.user_id, Removal.LEFT, tx.next_rev())
        tx.count_members(-1)
        tx.mark_user_changed(caller.user_id)

    # A private room is hidden once it was left: the repeated call must succeed, and not reveal which rooms exist.
    try:
        _, position = await write_in_room(deps, caller, room_id, operation)
    except RoomNotFoundError:
        return None
    return position


async def list_members(deps: Deps, caller: Caller, listing: MemberListing) -> tuple[list[Member], str]:
    """Return a page of a room's members in the order of joining, and the next page's token; one statement."""
    request_fingerprint = fingerprint("ListMembers", caller.user_id, listing.room_id, listing.role)
    size = listing.page_size
    access, found = await store.page(
        deps.database,
        listing.room_id,
        caller.user_id,
        role=listing.role,
        after=decode_instant(listing.page_token, request_fingerprint) or _FIRST,
        limit=size + 1,
    )
    check_room_readable(listing.room_id, access)
    return paginate(
        found, size, lambda last: encode_token(request_fingerprint, (last.joined_at,), (str(last.user_id),))
    )


async def set_member_role(
    deps: Deps, caller: Caller, room_id: UUID, user_id: UUID, role: MemberRole
) -> tuple[Member, Position]:
    """Set a member's role and return the member; the same role changes nothing.

    Raises MemberNotFoundError, and TargetProtectedError for the caller and other owners.
    """

    async def operation(tx: RoomTransaction) -> Member:
        actor = check_manager(room_id, tx.membership, caller, Rank.OWNER)
        check_not_archived(tx.room.archived_at)
        before = await store.member(tx.session, room_id, user_id)
        if before is None:
            raise MemberNotFoundError(user_id)
        # Before the check: a repeated call must succeed although the new owner is protected by now.
        if before.role is role:
            return before
        check_outranks(actor, user_id, before.role)
        after = before._replace(role=role, rev=tx.next_rev())
        await store.set_role(tx.session, after)
        tx.mark_user_changed(user_id)
        await tx.audit(
            actor,
            ModerationAction.SET_ROLE,
            user_id=user_id,
            before={"role": before.role},
            after={"role": role},
        )
        return after

    return await write_in_room(deps, caller, room_id, operation)
