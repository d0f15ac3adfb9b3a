"""The users service's actions for an operator, who has the administrator's DSN and no token."""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote
from uuid import UUID

import asyncpg

from ops.database.connection import connected
from ops.errors import CliError
from servicekit.database import Database, PoolOptions
from servicekit.errors import ServiceError
from servicekit.text import TextError, clean_text
from services.users.domain.errors import EmailRequiredError, LastAdminError
from services.users.domain.identity import normalize_email
from services.users.store import users
from services.users.store.users import UserRow

_LONGEST_REASON = 512
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OWNER = "SELECT relowner::regrole::text FROM pg_catalog.pg_class WHERE oid = to_regclass('users.users')"


@asynccontextmanager
async def users_database(admin_dsn: str, purpose: str) -> AsyncIterator[Database]:
    """Open the users service's database as the owner of its tables.

    Raises CliError: NOT_INITIALISED, DATABASE_UNREACHABLE, or the reason of an action's error inside the block.
    """
    role = quote(await _check_owner(admin_dsn, purpose))
    options = PoolOptions(f"seda {purpose}", min_size=1, max_size=1, slow_statement_ms=math.inf)
    database = Database(f"{admin_dsn}{'&' if '?' in admin_dsn else '?'}role={role}", options)
    await database.open()
    try:
        yield database
    except LastAdminError as error:
        raise CliError(
            error.reason,
            "This is the last administrator.",
            why="Only an administrator who is not suspended can appoint another one through the API.",
            fix="Make another user ADMIN first.",
        ) from None
    except ServiceError as error:
        retry = error.retry_after is not None
        raise CliError(error.reason, f"{error.message}.", retry=retry) from error
    finally:
        await database.close()


async def _check_owner(admin_dsn: str, purpose: str) -> str:
    async with connected(admin_dsn, purpose) as connection:
        # Quoted where it has to be.
        owner = await connection.fetchval(_OWNER)
        if not isinstance(owner, str):
            raise CliError(
                "NOT_INITIALISED",
                "The database has no table users.users.",
                why="It was not migrated.",
                fix="seda db init && seda migrate deploy",
            )
        try:
            await connection.execute(f"SET ROLE {owner}")
        except asyncpg.PostgresError as error:
            raise CliError(
                "DATABASE_UNREACHABLE",
                "The user in DATABASE_URL may not act as the owner of the table users.users.",
                why=str(error),
                fix="Use the DSN with which the database was migrated.",
            ) from None
        return str(await connection.fetchval("SELECT current_user"))


async def find_user(database: Database, email_or_id: str) -> UserRow:
    """Return the user with an e-mail address or id. Raises CliError EMAIL_INVALID or USER_UNKNOWN."""
    if _UUID.fullmatch(email_or_id):
        row = await users.get(database, UUID(email_or_id))
    else:
        row = await users.find_by_email(database, checked_email(email_or_id))
    if row is None:
        raise CliError(
            "USER_UNKNOWN",
            "No user with this address or id has signed in yet.",
            fix="Let the person sign in once first, then run this again.",
        )
    return row


def checked_email(email: str) -> str:
    """Return the address in its stored form. Raises CliError EMAIL_INVALID."""
    try:
        return normalize_email(email)
    except EmailRequiredError:
        raise CliError(
            "EMAIL_INVALID", "This is not an e-mail address.", fix="Example: ada@example.org"
        ) from None


def checked_reason(reason: str) -> str:
    """Return the reason as the API would store it. Raises CliError REASON_INVALID."""
    why = ""
    if len(reason) <= _LONGEST_REASON:
        try:
            reason = clean_text(reason, single_line=True)
        except TextError as error:
            why = f"It {error}."
        if reason.strip() and not why:
            return reason
    raise CliError("REASON_INVALID", f"A reason has 1 to {_LONGEST_REASON} characters.", why=why)
