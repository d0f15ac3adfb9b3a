"""The actions of AdminService. They need the database alone: the `seda admin` command runs them too, as an operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from uuid import UUID

from servicekit.caller import Caller, Role
from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.pagination import decode_instant, encode_token, fingerprint, paginate
from services.users.domain.admin import (
    Actor,
    AdminAction,
    AdminActionFilter,
    AdminActionType,
    UserState,
    check_admin_remains,
    check_not_self,
    check_not_suspended,
    check_still_admin,
    logged_changes,
    mute,
    suspend,
    unmute,
    unsuspend,
)
from services.users.domain.errors import UserNotFoundError
from services.users.store import admin as store
from services.users.store import users
from services.users.store.admin import AdminActionRow
from services.users.store.users import MIN_ID, UserRow


async def set_role(database: Database, actor: Actor, user_id: UUID, role: Role, reason: str) -> UserRow:
    """Set a user's role and return the user. Raises what `_act` raises."""
    return await _act(
        database, actor, AdminActionType.SET_ROLE, user_id, reason, lambda user: user._replace(role=role)
    )


async def mute_user(database: Database, actor: Actor, user_id: UUID, until: Micros, reason: str) -> UserRow:
    """Mute a user and return the user. Raises ExpireTimePassedError and what `_act` raises."""
    return await _act(
        database, actor, AdminActionType.MUTE_USER, user_id, reason, lambda user: mute(user, until)
    )


async def unmute_user(database: Database, actor: Actor, user_id: UUID, reason: str) -> UserRow:
    """Lift a user's mute and return the user. Raises what `_act` raises."""
    return await _act(database, actor, AdminActionType.UNMUTE_USER, user_id, reason, unmute)


async def suspend_user(
    database: Database, actor: Actor, user_id: UUID, until: Micros, reason: str
) -> UserRow:
    """Suspend a user and return the user. Raises ExpireTimePassedError and what `_act` raises."""
    return await _act(
        database, actor, AdminActionType.SUSPEND_USER, user_id, reason, lambda user: suspend(user, until)
    )


async def unsuspend_user(database: Database, actor: Actor, user_id: UUID, reason: str) -> UserRow:
    """Lift a user's suspension and return the user. Raises what `_act` raises."""
    return await _act(database, actor, AdminActionType.UNSUSPEND_USER, user_id, reason, unsuspend)


async def list_admin_actions(
    database: Database, caller: Caller, wanted: AdminActionFilter, size: int, page_token: str
) -> tuple[list[AdminActionRow], str]:
    """Return a page of the audit log, newest first, and the next page's token. Raises PageTokenMismatchError."""
    binding = fingerprint("ListAdminActions", caller.user_id, *astuple(wanted))
    before = decode_instant(page_token, binding) or (wanted.end_at, MIN_ID)
    rows = await store.list_page(database, wanted, before, size + 1)
    return paginate(rows, size, lambda last: encode_token(binding, (last.created_at,), (str(last.id),)))


async def _act(
    database: Database,
    actor: Actor,
    action: AdminActionType,
    user_id: UUID,
    reason: str,
    change: Callable[[UserState], UserState],
) -> UserRow:
    """Change a user's state and record it, in one transaction. Without a change, write nothing.

    Raises SelfActionError, CallerSuspendedError, UserNotFoundError, LastAdminError or AccessDeniedError.
    """
    check_not_self(actor, user_id)

    async def work(session: Session) -> UserRow:
        by_id = await store.lock_with_admins(session, [each for each in (user_id, actor.user_id) if each])
        acting = None if actor.user_id is None else by_id.get(actor.user_id)
        check_not_suspended(actor, acting)
        before = by_id.get(user_id)
        if before is None:
            raise UserNotFoundError(user_id)
        after = change(before)
        if after == before:
            unchanged = await users.get(session, user_id)
            assert unchanged is not None  # noqa: S101 - the row is locked
            return unchanged
        # First: of two administrators who demote each other, the second one learns that the first one must stay.
        check_admin_remains(before, after, by_id.values())
        check_still_admin(actor, acting)
        changed = await store.set_state(session, after)
        old, new = logged_changes(before, after)
        await store.record_action(
            session,
            AdminAction(actor=actor, action=action, target_id=user_id, before=old, after=new, reason=reason),
        )
        return changed

    return await database.run_in_transaction(work)
