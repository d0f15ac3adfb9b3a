"""MembershipService: invite, accept, decline, revoke and list invitations."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.pagination import (
    MAX_TIMESTAMP,
    decode_instant,
    decode_number,
    encode_token,
    fingerprint,
    paginate,
)
from services.chat.actions.authorization import ActingAs, moderator_read
from services.chat.actions.deps import Deps
from services.chat.actions.membership import join_room
from services.chat.actions.room_transaction import RoomTransaction, write_in_room
from services.chat.domain.errors import RoomNotFoundError, TargetBannedError
from services.chat.domain.model import Invitation, Member, ModerationAction, Position
from services.chat.domain.pagination import MAX_SEQ
from services.chat.domain.permissions import Rank, check_manager, check_not_archived
from services.chat.domain.visibility import check_not_suspended, check_room_visible
from services.chat.store import invitations as store
from services.chat.store.invitations import MyInvitationRow
from services.chat.store.rooms import Reader

_LATEST = (Micros(MAX_TIMESTAMP), UUID(int=0))


async def accept_invitation(deps: Deps, caller: Caller, room_id: UUID) -> tuple[Member, Position]:
    """Join the room and return the membership, as join_room does."""
    return await join_room(deps, caller, room_id)


async def decline_invitation(deps: Deps, caller: Caller, room_id: UUID) -> Position | None:
    """End the caller's invitation; without one this changes nothing. Returns None for a hidden or missing room."""

    async def operation(tx: RoomTransaction) -> None:
        membership = check_room_visible(room_id, tx.membership)
        check_not_suspended(membership)
        if membership.invited:
            await store.end(tx.session, room_id, caller.user_id, tx.next_rev())

    # As in leave_room: the invitation may have been all that showed the room.
    try:
        _, position = await write_in_room(deps, caller, room_id, operation)
    except RoomNotFoundError:
        return None
    return position


async def invite_user(
    deps: Deps, caller: Caller, room_id: UUID, user_id: UUID
) -> tuple[Invitation | None, Position]:
    """Return the user's open invitation, a new one or an earlier one; None for a member.

    Raises TargetBannedError, and RateLimitedError for a new one.
    """
    charge = deps.limits.invitations.deferred_hit(caller.user_id)

    async def operation(tx: RoomTransaction) -> Invitation | None:
        actor = check_manager(room_id, tx.membership, caller, Rank.MODERATOR)
        check_not_archived(tx.room.archived_at)
        invitee = await store.invitee(tx.session, room_id, user_id)
        if invitee.member:
            return None
        if invitee.banned:
            raise TargetBannedError(user_id)
        earlier = await store.open_invitation(tx.session, room_id, user_id)
        if earlier is not None:
            return earlier
        charge()
        made = await store.invite(tx.session, room_id, user_id, caller.user_id, tx.next_rev())
        await tx.audit(actor, ModerationAction.INVITE_USER, user_id=user_id)
        return made

    return await write_in_room(deps, caller, room_id, operation)


async def revoke_invitation(deps: Deps, caller: Caller, room_id: UUID, user_id: UUID) -> Position:
    """End a user's invitation; without one this changes nothing."""

    async def operation(tx: RoomTransaction) -> None:
        actor = check_manager(room_id, tx.membership, caller, Rank.MODERATOR)
        earlier = await store.open_invitation(tx.session, room_id, user_id)
        if earlier is None:
            return
        await store.end(tx.session, room_id, user_id, tx.next_rev())
        await tx.audit(actor, ModerationAction.REVOKE_INVITATION, user_id=user_id)

    _, position = await write_in_room(deps, caller, room_id, operation)
    return position


async def list_invitations(
    deps: Deps, caller: Caller, room_id: UUID, page_size: int, page_token: str
) -> tuple[list[Invitation], str]:
    """Return a page of a room's open invitations, the newest first, and the next page's token."""
    request_fingerprint = fingerprint("ListInvitations", caller.user_id, room_id)
    before_rev = decode_number(page_token, request_fingerprint, MAX_SEQ)

    async def read(session: Reader) -> list[Invitation]:
        return await store.page(session, room_id, before_rev, page_size + 1)

    found = await moderator_read(deps.database, caller, ActingAs(room_id), read)
    return paginate(found, page_size, lambda last: encode_token(request_fingerprint, (last.rev,)))


async def list_my_invitations(
    deps: Deps, caller: Caller, page_size: int, page_token: str
) -> tuple[list[MyInvitationRow], str]:
    """Return a page of the caller's open invitations with their rooms, the newest first, and the next page's token."""
    request_fingerprint = fingerprint("ListMyInvitations", caller.user_id)
    before = decode_instant(page_token, request_fingerprint) or _LATEST
    found = await store.mine(deps.database, caller.user_id, before, page_size + 1)
    return paginate(
        found,
        page_size,
        lambda last: encode_token(request_fingerprint, (last.invitation.created_at,), (str(last.room.id),)),
    )
