"""Statements that read and update users by id. Erased users are never returned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Query


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


_GET = Query[UserRow, UUID](
    "users.get",
    """
    SELECT id, email, display_name, role, muted_until, suspended_until, created_at, updated_at
    FROM users.users
    WHERE id = $1 AND erased_at IS NULL
    """,
)

_LOOKUP = Query[SummaryRow, list[UUID]](
    "users.lookup",
    "SELECT id, display_name, role FROM users.users WHERE id = ANY ($1) AND erased_at IS NULL",
)

# $1: the user, $2: the caller, $3: the new name or null to keep it, $4: the state that the caller has read or null.
# A name that is already in place matches whatever the etag, and keeps the state: a retry of an update whose
# response was lost succeeds. PostgreSQL evaluates the conditions again on the row that it has locked.
_UPDATE = Query[UserRow, UUID, UUID, str | None, Micros | None](
    "users.update",
    """
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
    RETURNING id, email, display_name, role, muted_until, suspended_until, created_at, updated_at
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


async def update(
    database: Database, user_id: UUID, caller_id: UUID, display_name: str | None, updated_at: Micros | None
) -> UserRow | None:
    """Update a user on behalf of the caller; return None if it was refused (see update_refusal)."""
    return await database.row(_UPDATE, user_id, caller_id, display_name, updated_at)


async def update_refusal(database: Database, user_id: UUID, caller_id: UUID) -> UpdateRefusalRow | None:
    """Return why an update was refused; a reason may be gone by now."""
    return await database.row(_UPDATE_REFUSAL, user_id, caller_id)
