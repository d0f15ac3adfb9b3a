"""Statements that read, find, list and update users. Erased users are never returned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Query
from services.users.domain.users import UserFilter

MIN_ID = UUID(int=0)
"""Sorts before every row of the same time."""


class UserRow(NamedTuple):
    """A user."""

    id: UUID
    email: str | None
    display_name: str
    role: str
    muted_until: Micros | None
    suspended_until: Micros | None
    created_at: Micros
    updated_at: Micros


class SummaryRow(NamedTuple):
    """The public summary of a user."""

    id: UUID
    display_name: str
    role: str


class UpdateRefusalRow(NamedTuple):
    """Why an update matched no row: whether the caller is suspended, and whether the user exists."""

    suspended: bool
    found: bool


COLUMNS = "id, email, display_name, role, muted_until, suspended_until, created_at, updated_at"

_GET = Query[UserRow, UUID](
    "users.get",
    f"SELECT {COLUMNS} FROM users.users WHERE id = $1 AND erased_at IS NULL",
)

_LOOKUP = Query[SummaryRow, list[UUID]](
    "users.lookup",
    "SELECT id, display_name, role FROM users.users WHERE id = ANY ($1) AND erased_at IS NULL",
)

# Erased users have neither address nor subject.
_FIND_BY_EMAIL = Query[UserRow, str](
    "users.find_by_email", f"SELECT {COLUMNS} FROM users.users WHERE email = $1"
)
_FIND_BY_SUBJECT = Query[UserRow, str](
    "users.find_by_subject", f"SELECT {COLUMNS} FROM users.users WHERE supabase_id = $1"
)

# Four statements: one with optional conditions could not use the indexes. Few users are muted or suspended, so their
# statements may filter by role.
_OLDER = f"""
    SELECT {COLUMNS} FROM users.users
    WHERE (created_at, id) < ($1, $2) AND created_at >= $3 AND erased_at IS NULL
"""
_NEWEST = "ORDER BY created_at DESC, id DESC LIMIT $4"
_LIST = Query[UserRow, Micros, UUID, Micros, int]("users.list", f"{_OLDER} {_NEWEST}")
_LIST_OF_ROLE = Query[UserRow, Micros, UUID, Micros, int, str](
    "users.list_of_role", f"{_OLDER} AND role = $5 {_NEWEST}"
)
_LIST_MUTED = Query[UserRow, Micros, UUID, Micros, int, str | None](
    "users.list_muted",
    f"{_OLDER} AND muted_until > now() AND ($5::text IS NULL OR role = $5) {_NEWEST}",
)
_LIST_SUSPENDED = Query[UserRow, Micros, UUID, Micros, int, str | None, bool](
    "users.list_suspended",
    f"""{_OLDER} AND suspended_until > now() AND ($5::text IS NULL OR role = $5)
        AND (NOT $6 OR muted_until > now()) {_NEWEST}""",
)

# $1: the user, $2: the caller, $3: the new name or null to keep it, $4: the state that the caller has read or null.
# A name that is already in place matches whatever the etag, and keeps the state: a retry of an update whose
# response was lost succeeds. PostgreSQL evaluates the conditions again on the row that it has locked.
_UPDATE = Query[UserRow, UUID, UUID, str | None, Micros | None](
    "users.update",
    f"""
    UPDATE users.users AS updated
    SET display_name = coalesce($3, updated.display_name),
        updated_at = CASE
            WHEN updated.display_name = coalesce($3, updated.display_name) THEN updated.updated_at
            ELSE greatest(clock_timestamp(), updated.updated_at + interval '1 microsecond')
        END
    WHERE updated.id = $1
        AND updated.erased_at IS NULL
        AND ($4::timestamptz IS NULL
            OR updated.updated_at = $4
            OR updated.display_name = coalesce($3, updated.display_name))
        AND NOT EXISTS (
            SELECT FROM users.users AS caller WHERE caller.id = $2 AND caller.suspended_until > clock_timestamp()
        )
    RETURNING {COLUMNS}
    """,
)

_UPDATE_REFUSAL = Query[UpdateRefusalRow, UUID, UUID](
    "users.update_refusal",
    """
    SELECT EXISTS (
               SELECT FROM users.users WHERE id = $2 AND suspended_until > clock_timestamp()
           ) AS suspended,
           EXISTS (SELECT FROM users.users WHERE id = $1 AND erased_at IS NULL) AS found
    """,
)


async def get(database: Database | Session, user_id: UUID) -> UserRow | None:
    """Return one user."""
    return await database.row(_GET, user_id)


async def lookup(database: Database, user_ids: Sequence[UUID]) -> list[SummaryRow]:
    """Return the summaries of the users that exist."""
    return await database.rows(_LOOKUP, list(user_ids))


async def find_by_email(database: Database, email: str) -> UserRow | None:
    """Return the user with this normalized address."""
    return await database.row(_FIND_BY_EMAIL, email)


async def find_by_subject(database: Database, subject: str) -> UserRow | None:
    """Return the user of a subject."""
    return await database.row(_FIND_BY_SUBJECT, subject)


async def list_page(
    database: Database, wanted: UserFilter, before: tuple[Micros, UUID], count: int
) -> list[UserRow]:
    """Return up to `count` users created before `before`, newest first."""
    page = (*before, wanted.start_at, count)
    if wanted.suspended:
        return await database.rows(_LIST_SUSPENDED, *page, wanted.role, wanted.muted)
    if wanted.muted:
        return await database.rows(_LIST_MUTED, *page, wanted.role)
    if wanted.role is not None:
        return await database.rows(_LIST_OF_ROLE, *page, wanted.role)
    return await database.rows(_LIST, *page)


async def update(
    database: Database, user_id: UUID, caller_id: UUID, display_name: str | None, updated_at: Micros | None
) -> UserRow | None:
    """Update a user on behalf of the caller; return None if it was refused (see update_refusal)."""
    return await database.row(_UPDATE, user_id, caller_id, display_name, updated_at)


async def update_refusal(database: Database, user_id: UUID, caller_id: UUID) -> UpdateRefusalRow | None:
    """Return why an update was refused; a reason may be gone by now."""
    return await database.row(_UPDATE_REFUSAL, user_id, caller_id)
