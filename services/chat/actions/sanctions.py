"""ModerationService: mutes, kicks and bans."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.ids import new_id
from servicekit.pagination import decode_number, encode_token, fingerprint, paginate
from servicekit.timestamps import format_rfc3339
from services.chat.actions.authorization import ActingAs, audited_read, run_as_moderator
from services.chat.actions.deps import Deps
from services.chat.actions.message_delete import Deleted, count_remaining, delete_newest
from services.chat.actions.ownership_transfer import transfer_ownership
from services.chat.actions.room_transaction import RoomTransaction
from services.chat.domain.errors import MemberNotFoundError
from services.chat.domain.model import MemberRole, ModerationAction, Position, Removal, Sanction, SanctionKind
from services.chat.domain.pagination import MAX_SEQ
from services.chat.domain.permissions import Actor, check_outranks
from services.chat.store import membership
from services.chat.store import sanctions as store
from services.chat.store.message_delete import AuthorFilter
from services.chat.store.rooms import Reader
from services.chat.store.sanctions import TargetMembershipRow


@dataclass(frozen=True, slots=True)
class SanctionRequest:
    """A moderator's request about a user. `seconds`: the duration; None: until it is lifted."""

    acting_as: ActingAs
    user_id: UUID
    reason: str
    seconds: float | None = None


async def mute_member(deps: Deps, caller: Caller, request: SanctionRequest) -> tuple[Sanction, Position]:
    """Mute a member or former member; replaces an active mute. Raises MemberNotFoundError for anybody else."""

    async def operation(tx: RoomTransaction, actor: Actor) -> Sanction:
        target = await _check_target(tx, actor, request.user_id)
        if not target.known:
            raise MemberNotFoundError(request.user_id)
        return await _sanction(tx, actor, request, SanctionKind.MUTE)

    return await run_as_moderator(deps, caller, request.acting_as, operation)


async def unmute_member(
    deps: Deps, caller: Caller, request: SanctionRequest
) -> tuple[Sanction | None, Position]:
    """Lift a mute; returns None without one."""
    return await _end_sanction(deps, caller, request, SanctionKind.MUTE)


async def kick_member(deps: Deps, caller: Caller, request: SanctionRequest) -> Position:
    """Kick a member; a non-member is ignored, so that a repeated call succeeds."""

    async def operation(tx: RoomTransaction, actor: Actor) -> None:
        target = await _check_target(tx, actor, request.user_id)
        if target.role is None:
            return
        await _remove(tx, request.user_id, target, Removal.KICKED)
        await tx.audit(
            actor,
            ModerationAction.KICK_MEMBER,
            user_id=request.user_id,
            reason=request.reason,
            before={"role": target.role},
        )
        await _transfer_if_ownerless(tx, actor, request, target)

    _, position = await run_as_moderator(deps, caller, request.acting_as, operation)
    return position


async def ban_member(
    deps: Deps, caller: Caller, request: SanctionRequest, delete_window: float | None
) -> tuple[Sanction, Deleted, Position]:
    """End a membership and ban the user; replaces an active ban.

    `delete_window` is in seconds; the user's messages of that time are deleted, up to 500. Raises MemberNotFoundError
    for a user who was never a member nor invited, except with as_admin: platform administrators know whom to keep out.
    """
    author_filter = AuthorFilter(request.acting_as.room_id, request.user_id, window_seconds=delete_window)

    async def operation(tx: RoomTransaction, actor: Actor) -> tuple[Sanction, int]:
        target = await _check_target(tx, actor, request.user_id)
        if not target.known and not actor.as_admin:
            raise MemberNotFoundError(request.user_id)
        if target.role is not None or target.invited:
            await _remove(tx, request.user_id, target, Removal.BANNED)
        sanction = await _sanction(tx, actor, request, SanctionKind.BAN)
        await _transfer_if_ownerless(tx, actor, request, target)
        if not delete_window:
            return sanction, 0
        return sanction, await delete_newest(tx, actor, author_filter, request.reason)

    (sanction, count), position = await run_as_moderator(deps, caller, request.acting_as, operation)
    return sanction, await count_remaining(deps, author_filter, count), position


async def unban_member(
    deps: Deps, caller: Caller, request: SanctionRequest
) -> tuple[Sanction | None, Position]:
    """Lift a ban; returns None without one."""
    return await _end_sanction(deps, caller, request, SanctionKind.BAN)


async def list_sanctions(
    deps: Deps, caller: Caller, acting_as: ActingAs, user_id: UUID | None, page_size: int, page_token: str
) -> tuple[list[Sanction], str]:
    """Return a page of active sanctions, the newest first, and the next page's token."""
    request_fingerprint = fingerprint(
        "ListSanctions", caller.user_id, acting_as.room_id, acting_as.as_admin, user_id
    )
    before_rev = decode_number(page_token, request_fingerprint, MAX_SEQ)

    async def read(session: Reader) -> list[Sanction]:
        return await store.sanctions(
            session, acting_as.room_id, user_id=user_id, before_rev=before_rev, limit=page_size + 1
        )

    found = await audited_read(deps, caller, acting_as, read, ModerationAction.READ_SANCTIONS)
    return paginate(found, page_size, lambda last: encode_token(request_fingerprint, (last.rev,)))


async def _check_target(tx: RoomTransaction, actor: Actor, user_id: UUID) -> TargetMembershipRow:
    target = await store.target_membership(tx.session, tx.room_id, user_id)
    check_outranks(actor, user_id, target.role)
    return target


async def _remove(tx: RoomTransaction, user_id: UUID, target: TargetMembershipRow, removal: Removal) -> None:
    await membership.end(tx.session, tx.room_id, user_id, removal, tx.next_rev())
    if target.role is not None:
        tx.count_members(-1)
    tx.mark_user_changed(user_id)


async def _transfer_if_ownerless(
    tx: RoomTransaction, actor: Actor, request: SanctionRequest, target: TargetMembershipRow
) -> None:
    """Transfer the room after its last owner was removed, which only platform administrators can do."""
    if target.role != MemberRole.OWNER:
        return
    transfer = await transfer_ownership(tx, request.user_id)
    if transfer is None:
        return
    if transfer.new_owner is not None:
        await tx.audit(
            actor,
            ModerationAction.SET_ROLE,
            user_id=transfer.new_owner.user_id,
            reason=request.reason,
            before={"role": transfer.new_owner.role},
            after={"role": MemberRole.OWNER},
        )
    elif transfer.archived_at is not None:
        await tx.audit(
            actor,
            ModerationAction.ARCHIVE_ROOM,
            reason=request.reason,
            before={"archive_time": None},
            after={"archive_time": format_rfc3339(transfer.archived_at)},
        )


async def _sanction(
    tx: RoomTransaction, actor: Actor, request: SanctionRequest, kind: SanctionKind
) -> Sanction:
    closing_rev = tx.next_rev()
    made = await store.insert_sanction(
        tx.session,
        tx.room_id,
        sanction_id=new_id(),
        user_id=request.user_id,
        kind=kind,
        reason=request.reason,
        issued_by=actor.user_id,
        seconds=request.seconds,
        closing_rev=closing_rev,
        rev=tx.next_rev(),
    )
    await tx.audit(
        actor,
        ModerationAction.MUTE_MEMBER if kind is SanctionKind.MUTE else ModerationAction.BAN_MEMBER,
        user_id=request.user_id,
        reason=request.reason,
        after=_log_state(made),
    )
    return made


async def _end_sanction(
    deps: Deps, caller: Caller, request: SanctionRequest, kind: SanctionKind
) -> tuple[Sanction | None, Position]:
    async def operation(tx: RoomTransaction, actor: Actor) -> Sanction | None:
        await _check_target(tx, actor, request.user_id)
        lifted = await store.end_sanction(tx.session, tx.room_id, request.user_id, kind, tx.last_rev + 1)
        if lifted is None:
            return None
        tx.next_rev()
        await tx.audit(
            actor,
            ModerationAction.UNMUTE_MEMBER if kind is SanctionKind.MUTE else ModerationAction.UNBAN_MEMBER,
            user_id=request.user_id,
            reason=request.reason,
            before=_log_state(lifted),
        )
        return lifted

    return await run_as_moderator(deps, caller, request.acting_as, operation)


def _log_state(sanction: Sanction) -> dict[str, object]:
    return {
        "sanction_id": str(sanction.id),
        "kind": sanction.kind,
        "expire_time": None if sanction.expires_at is None else format_rfc3339(sanction.expires_at),
    }
