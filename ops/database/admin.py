"""`seda admin grant`: give a user a platform role from outside, which is how the first administrator comes to be."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from uuid_utils.compat import uuid7

from ops.database.connection import connected
from ops.dev_tokens import development_subject
from ops.errors import CliError

ROLES = ("USER", "MODERATOR", "ADMIN")
DEVELOPMENT = "development"
DEFAULT_REASON = "Granted by an operator"

_LONGEST_EMAIL = 254
_LONGEST_REASON = 512


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


async def grant(
    admin_dsn: str, email: str, role: str, *, environment: str, reason: str = DEFAULT_REASON
) -> Granted:
    """Give the user with this address a platform role, recorded in users.admin_actions as an OPERATOR's act.

    In development an unknown address becomes a user, with the subject that a development token for it has. Raises
    CliError USER_UNKNOWN elsewhere, LAST_ADMIN, EMAIL_INVALID, ROLE_INVALID, REASON_INVALID and NOT_INITIALISED.
    """
    address = _normal(email)
    if role not in ROLES:
        raise CliError("ROLE_INVALID", f"There is no role {role}.", fix=f"Use one of {', '.join(ROLES)}.")
    if not 1 <= len(reason) <= _LONGEST_REASON:
        raise CliError("REASON_INVALID", f"A reason has 1 to {_LONGEST_REASON} characters.")
    async with (
        connected(admin_dsn, "admin grant", role=await _owner(admin_dsn)) as connection,
        connection.transaction(),
    ):
        # Taken before anything is read: two operators that demote the last two administrators must not both find
        # that another one is left.
        admins = await connection.fetch(
            "SELECT id FROM users.users WHERE role = 'ADMIN' AND erased_at IS NULL ORDER BY id FOR UPDATE"
        )
        row = await connection.fetchrow(
            "SELECT id, supabase_id, role FROM users.users WHERE email = $1 FOR UPDATE", address
        )
        if row is None:
            return await _create(connection, address, role, reason, environment)
        granted = Granted(row["id"], row["supabase_id"], row["role"], role)
        if granted.changed:
            if granted.before == "ADMIN" and len(admins) == 1:
                raise CliError(
                    "LAST_ADMIN",
                    "This is the last administrator.",
                    why="Only an administrator can appoint another one through the API.",
                    fix="Make another user ADMIN first.",
                )
            await connection.execute(
                "UPDATE users.users SET role = $2, updated_at = now() WHERE id = $1", granted.user_id, role
            )
            await _record(connection, granted, reason)
        return granted


async def _owner(dsn: str) -> str:
    async with connected(dsn, "admin grant") as connection:
        owner = await connection.fetchval(
            "SELECT pg_get_userbyid(relowner)::text FROM pg_catalog.pg_class WHERE oid = to_regclass('users.users')"
        )
    if not isinstance(owner, str):
        raise CliError(
            "NOT_INITIALISED",
            "The database has no table users.users.",
            why="It was not migrated.",
            fix="seda db init && seda migrate deploy",
        )
    return owner


async def _create(
    connection: asyncpg.Connection, address: str, role: str, reason: str, environment: str
) -> Granted:
    if environment != DEVELOPMENT:
        raise CliError(
            "USER_UNKNOWN",
            "No user with this address has signed in yet.",
            why=f"Only with SEDA_ENV={DEVELOPMENT} are users created here.",
            fix="Let the person sign in once first, then run this again.",
        )
    granted = Granted(uuid7(), development_subject(address), None, role)
    await connection.execute(
        # The name stays empty until the person chooses one: an address is not to be shown to others.
        "INSERT INTO users.users (id, email, supabase_id, display_name, role) VALUES ($1, $2, $3, '', $4)",
        granted.user_id,
        address,
        granted.subject,
        role,
    )
    await _record(connection, granted, reason)
    return granted


async def _record(connection: asyncpg.Connection, granted: Granted, reason: str) -> None:
    """Write a line of the audit log."""
    before = {} if granted.before is None else {"role": granted.before}
    await connection.execute(
        "INSERT INTO users.admin_actions (id, actor_kind, action, target_id, before, after, reason, request_id)"
        " VALUES ($1, 'OPERATOR', 'SET_ROLE', $2, $3, $4, $5, $6)",
        uuid7(),
        granted.user_id,
        json.dumps(before),
        json.dumps({"role": granted.after}),
        reason,
        str(uuid7()),
    )


def _normal(email: str) -> str:
    address = unicodedata.normalize("NFC", email.strip()).lower()
    name, at, host = address.rpartition("@")
    if not (name and at and host) or len(address) > _LONGEST_EMAIL or not address.isprintable():
        raise CliError("EMAIL_INVALID", "This is not an e-mail address.", fix="Example: ada@example.org")
    return address
