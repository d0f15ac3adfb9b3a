"""`seda admin`: administrative actions by an operator. `grant` is how the first administrator comes to be."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from ops.database.operator import checked_email, checked_reason, find_user, users_database
from ops.dev_tokens import development_subject
from ops.errors import CliError
from servicekit.caller import Role
from servicekit.clock import Micros, SystemClock
from servicekit.database import Database
from servicekit.ids import new_id
from servicekit.pagination import MAX_TIMESTAMP
from services.users.actions import admin
from services.users.domain.admin import OPERATOR, UNTIL_LIFTED, AdminActionFilter
from services.users.domain.identity import TokenIdentity
from services.users.store import admin as admin_store
from services.users.store import identity, users
from services.users.store.users import MIN_ID, UserRow

ROLES = tuple(str(each) for each in Role)
DEVELOPMENT = "development"
DEFAULT_REASON = "Granted by an operator"

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Granted:
    """What `grant` did. `before` is None for a user that it created; equal roles mean that nothing was written.

    `subject` is that of the user's tokens, which the issuer's own list of users has beside the address.
    """

    user_id: UUID
    subject: str
    before: str | None
    after: str

    @property
    def changed(self) -> bool:
        """Whether anything was written."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Sanctioned:
    """A user after a mute or suspension was set or lifted. `changed`: whether anything was written."""

    user_id: UUID
    mute_expire_time: dt.datetime | None
    suspend_expire_time: dt.datetime | None
    changed: bool


@dataclass(frozen=True, slots=True)
class LoggedAction:
    """An entry of the audit log."""

    id: UUID
    create_time: dt.datetime
    actor_kind: str
    actor_id: UUID | None
    action: str
    target_id: UUID
    before: Mapping[str, object]
    after: Mapping[str, object]
    reason: str
    call_id: str


async def grant(
    admin_dsn: str, email: str, role: str, *, environment: str, reason: str = DEFAULT_REASON
) -> Granted:
    """Give the user with this address a platform role, recorded in users.admin_actions as an OPERATOR's act.

    In development an unknown address becomes a user, with the subject that a development token for it has. Raises
    CliError USER_UNKNOWN elsewhere, LAST_ADMIN, EMAIL_INVALID, ROLE_INVALID, REASON_INVALID and NOT_INITIALISED.
    """
    address, reason = checked_email(email), checked_reason(reason)
    if role not in ROLES:
        raise CliError("ROLE_INVALID", f"There is no role {role}.", fix=f"Use one of {', '.join(ROLES)}.")
    async with users_database(admin_dsn, "admin grant") as database:
        found = await users.find_by_email(database, address)
        row = await _create(database, address, environment) if found is None else found
        await admin.set_role(database, OPERATOR, row.id, Role(role), reason)
        subject = await identity.subject(database, row.id)
        return Granted(row.id, subject or "", None if found is None else found.role, role)


async def _create(database: Database, address: str, environment: str) -> UserRow:
    if environment != DEVELOPMENT:
        raise CliError(
            "USER_UNKNOWN",
            "No user with this address has signed in yet.",
            why=f"Only with SEDA_ENV={DEVELOPMENT} are users created here.",
            fix="Let the person sign in once first, then run this again.",
        )
    # Adds nobody if the person has just signed in, or was erased a moment ago.
    await identity.add(database, new_id(), TokenIdentity(development_subject(address), address))
    return await find_user(database, address)


async def mute(admin_dsn: str, user: str, duration: dt.timedelta | None, reason: str) -> Sanctioned:
    """Mute the user with this address or id for a time, or until it is lifted. Raises CliError."""
    reason = checked_reason(reason)
    return await _act(
        admin_dsn,
        "admin mute",
        user,
        lambda database, user_id: admin.mute_user(database, OPERATOR, user_id, _end(duration), reason),
    )


async def unmute(admin_dsn: str, user: str, reason: str) -> Sanctioned:
    """Lift the mute of the user with this address or id. Raises CliError."""
    reason = checked_reason(reason)
    return await _act(
        admin_dsn,
        "admin unmute",
        user,
        lambda database, user_id: admin.unmute_user(database, OPERATOR, user_id, reason),
    )


async def suspend(admin_dsn: str, user: str, duration: dt.timedelta | None, reason: str) -> Sanctioned:
    """Suspend the user with this address or id for a time, or until it is lifted. Raises CliError."""
    reason = checked_reason(reason)
    return await _act(
        admin_dsn,
        "admin suspend",
        user,
        lambda database, user_id: admin.suspend_user(database, OPERATOR, user_id, _end(duration), reason),
    )


async def unsuspend(admin_dsn: str, user: str, reason: str) -> Sanctioned:
    """Lift the suspension of the user with this address or id. Raises CliError."""
    reason = checked_reason(reason)
    return await _act(
        admin_dsn,
        "admin unsuspend",
        user,
        lambda database, user_id: admin.unsuspend_user(database, OPERATOR, user_id, reason),
    )


async def list_actions(admin_dsn: str, target: str | None, limit: int) -> list[LoggedAction]:
    """Return the newest entries of the audit log, of all or of one user, by address or id. Raises CliError."""
    async with users_database(admin_dsn, "admin list") as database:
        target_id = None if target is None else (await find_user(database, target)).id
        wanted = AdminActionFilter(None, target_id, None, Micros(0), Micros(MAX_TIMESTAMP))
        rows = await admin_store.list_page(database, wanted, (wanted.end_at, MIN_ID), limit)
    return [
        LoggedAction(
            id=row.id,
            create_time=_instant(row.created_at),
            actor_kind=row.actor_kind,
            actor_id=row.actor_id,
            action=row.action,
            target_id=row.target_id,
            before=json.loads(row.before),
            after=json.loads(row.after),
            reason=row.reason,
            call_id=row.request_id,
        )
        for row in rows
    ]


async def _act(
    admin_dsn: str, purpose: str, user: str, action: Callable[[Database, UUID], Awaitable[UserRow]]
) -> Sanctioned:
    async with users_database(admin_dsn, purpose) as database:
        before = await find_user(database, user)
        after = await action(database, before.id)
    muted, suspended = (
        None if each is None else _instant(each) for each in (after.muted_until, after.suspended_until)
    )
    return Sanctioned(after.id, muted, suspended, changed=after.updated_at != before.updated_at)


def _end(duration: dt.timedelta | None) -> Micros:
    if duration is None:
        return UNTIL_LIFTED
    return Micros(SystemClock().now() + duration // dt.timedelta(microseconds=1))


def _instant(at: Micros) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=at)
