"""ModerationService: mutes, kicks and bans."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.ids import new_id
from servicekit.pagination import decode_number, encode_token, fingerprint, paginate
from servicekit.timestamps import format_rfc3339
from services.chat.actions.authorization import Authority, inspect, moderate
from services.chat.actions.deps import Deps
from services.chat.actions.message_delete import Deleted, and_remaining, delete_newest
from services.chat.actions.ownership_transfer import hand_on
from services.chat.actions.room_transaction import Change
from services.chat.domain.errors import MemberNotFoundError
from services.chat.domain.model import MemberRole, Removal, Sanction, SanctionKind
from services.chat.domain.pagination import HEAD
from services.chat.domain.permissions import Actor, check_outranks
from services.chat.store import membership
from services.chat.store import sanctions as store
from services.chat.store.message_delete import Authored
from services.chat.store.rooms import Reader, Switch
from services.chat.store.sanctions import TargetRow


@dataclass(frozen=True, slots=True)
class Order:
    """What a moderator orders about a user. `seconds`: for how long; None: until it is lifted."""

    by: Authority
    user_id: UUID
    reason: str
    seconds: float | None = None


async def mute_member(deps: Deps, caller: Caller, order: Order) -> Sanction:
    """Forbid a user to write in a room; replaces a mute that holds."""

    async def act(change: Change, actor: Actor) -> Sanction:
        await _target(change, actor, order.user_id)
        return await _sanction(change, actor, order, SanctionKind.MUTE)

    return await moderate(deps.database, caller, order.by, act)


async def unmute_member(deps: Deps, caller: Caller, order: Order) -> Sanction | None:
    """Lift a mute; None when there was none."""
    return await _lift(deps, caller, order, SanctionKind.MUTE)


async def kick_member(deps: Deps, caller: Caller, order: Order) -> None:
    """End a membership; raises MemberNotFoundError."""

    async def act(change: Change, actor: Actor) -> None:
        target = await _target(change, actor, order.user_id)
        if target.role is None:
            raise MemberNotFoundError(order.user_id)
        await _remove(change, order.user_id, target, Removal.KICKED)
        await change.record(
            actor,
            "KICK_MEMBER",
            user_id=order.user_id,
            reason=order.reason,
            before={"role": target.role},
        )
        await _hand_on(change, actor, order, target)

    await moderate(deps.database, caller, order.by, act)


async def ban_member(
    deps: Deps, caller: Caller, order: Order, delete_window: float | None
) -> tuple[Sanction, Deleted]:
    """End a membership and forbid the user to come back; replaces a ban that holds.

    `delete_window` is in seconds; what they wrote within it is deleted, up to 500 messages.
    """
    which = Authored(order.by.room_id, order.user_id, window_seconds=delete_window)

    async def act(change: Change, actor: Actor) -> tuple[Sanction, int]:
        target = await _target(change, actor, order.user_id)
        if target.role is not None or target.invited:
            await _remove(change, order.user_id, target, Removal.BANNED)
        sanction = await _sanction(change, actor, order, SanctionKind.BAN)
        await _hand_on(change, actor, order, target)
        if not delete_window:
            return sanction, 0
        return sanction, await delete_newest(change, actor, which, order.reason)

    sanction, deleted = await moderate(deps.database, caller, order.by, act)
    return sanction, await and_remaining(deps, which, deleted)


async def unban_member(deps: Deps, caller: Caller, order: Order) -> Sanction | None:
    """Lift a ban; None when there was none."""
    return await _lift(deps, caller, order, SanctionKind.BAN)


async def list_sanctions(
    deps: Deps, caller: Caller, by: Authority, user_id: UUID | None, page_size: int, page_token: str
) -> tuple[list[Sanction], str]:
    """A page of the sanctions in force, the newest first, and the next page's token."""
    mark = fingerprint("ListSanctions", caller.user_id, by.room_id, by.as_admin, user_id)
    before_rev = decode_number(page_token, mark, HEAD)

    async def read(session: Reader) -> list[Sanction]:
        return await store.sanctions(
            session, by.room_id, user_id=user_id, before_rev=before_rev, limit=page_size + 1
        )

    found = await inspect(deps.database, caller, by, read, "READ_SANCTIONS")
    return paginate(found, page_size, lambda last: encode_token(mark, (last.rev,)))


async def _target(change: Change, actor: Actor, user_id: UUID) -> TargetRow:
    target = await store.target(change.session, change.room_id, user_id)
    check_outranks(actor, user_id, target.role)
    return target


async def _remove(change: Change, user_id: UUID, target: TargetRow, removal: Removal) -> None:
    await membership.end(change.session, change.room_id, user_id, removal, change.next_rev())
    if target.role is not None:
        change.count_members(-1)
    change.touch_user(user_id)


async def _hand_on(change: Change, actor: Actor, order: Order, target: TargetRow) -> None:
    """Let no room stay without an owner: only a platform administrator can have removed the last one."""
    if target.role != MemberRole.OWNER:
        return
    followed = await hand_on(change, order.user_id)
    if followed is None:
        return
    if followed.heir is not None:
        await change.record(
            actor,
            "SET_ROLE",
            user_id=followed.heir.user_id,
            reason=order.reason,
            before={"role": followed.heir.role},
            after={"role": MemberRole.OWNER},
        )
    elif followed.archived_at is not None:
        since = Switch.ARCHIVE.value
        await change.record(
            actor,
            "ARCHIVE_ROOM",
            reason=order.reason,
            before={since: None},
            after={since: format_rfc3339(followed.archived_at)},
        )


async def _sanction(change: Change, actor: Actor, order: Order, kind: SanctionKind) -> Sanction:
    closing_rev = change.next_rev()
    made = await store.sanction(
        change.session,
        change.room_id,
        sanction_id=new_id(),
        user_id=order.user_id,
        kind=kind,
        reason=order.reason,
        issued_by=actor.user_id,
        seconds=order.seconds,
        closing_rev=closing_rev,
        rev=change.next_rev(),
    )
    await change.record(
        actor,
        "MUTE_MEMBER" if kind is SanctionKind.MUTE else "BAN_MEMBER",
        user_id=order.user_id,
        reason=order.reason,
        after=_facts(made),
    )
    return made


async def _lift(deps: Deps, caller: Caller, order: Order, kind: SanctionKind) -> Sanction | None:
    async def act(change: Change, actor: Actor) -> Sanction | None:
        await _target(change, actor, order.user_id)
        lifted = await store.end_sanction(
            change.session, change.room_id, order.user_id, kind, change.last_rev + 1
        )
        if lifted is None:
            return None
        change.next_rev()
        await change.record(
            actor,
            "UNMUTE_MEMBER" if kind is SanctionKind.MUTE else "UNBAN_MEMBER",
            user_id=order.user_id,
            reason=order.reason,
            before=_facts(lifted),
        )
        return lifted

    return await moderate(deps.database, caller, order.by, act)


def _facts(sanction: Sanction) -> dict[str, object]:
    return {
        "sanction_id": str(sanction.id),
        "kind": sanction.kind,
        "expires_at": None if sanction.expires_at is None else format_rfc3339(sanction.expires_at),
    }
