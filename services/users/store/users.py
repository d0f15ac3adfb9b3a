"""Statements about users.users. Erased users are in none of the answers."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.sql import Query
from services.users.domain.errors import EmailTakenError


class IdentityRow(NamedTuple):
    """What signing in needs of a user."""

    id: UUID
    email: str | None
    role: str
    muted_until: Micros | None
    suspended_until: Micros | None


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
    """What stands beside a message."""

    id: UUID
    display_name: str
    role: str


class UpdateRefusalRow(NamedTuple):
    """Why a change found no row to change."""

    suspended: bool
    found: bool


# An erased user has no subject any more, so that none of the three statements by subject meets one.
BY_SUBJECT = Query[IdentityRow, str](
    "users.by_subject",
    "SELECT id, email, role, muted_until, suspended_until FROM users.users WHERE supabase_id = $1",
)

# No row when another row holds the subject or the address. Neither key is named as the one to conflict on:
# two first sign-ins of one user can meet on either.
ADD = Query[IdentityRow, UUID, str, str](
    "users.add",
    """
    INSERT INTO users.users (id, supabase_id, email, display_name) VALUES ($1, $2, $3, '')
    ON CONFLICT DO NOTHING
    RETURNING id, email, role, muted_until, suspended_until
    """,
)

# updated_at always grows, also when the clock does not: etags are made of it.
SET_EMAIL = Query[IdentityRow, str, str](
    "users.set_email",
    """
    UPDATE users.users
    SET email = $2, updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE supabase_id = $1
    RETURNING id, email, role, muted_until, suspended_until
    """,
    violations={"users_email_key": EmailTakenError},
)

BY_ID = Query[UserRow, UUID](
    "users.by_id",
    """
    SELECT id, email, display_name, role, muted_until, suspended_until, created_at, updated_at
    FROM users.users
    WHERE id = $1 AND erased_at IS NULL
    """,
)

LOOKUP = Query[SummaryRow, list[UUID]](
    "users.lookup",
    "SELECT id, display_name, role FROM users.users WHERE id = ANY ($1) AND erased_at IS NULL",
)

# Changes $1 on behalf of $2, whose own row says whether they are suspended now; $4 is the state the caller
# has seen, if they care.
SET_DISPLAY_NAME = Query[UserRow, UUID, UUID, str, Micros | None](
    "users.set_display_name",
    """
    UPDATE users.users AS changed
    SET display_name = $3,
        updated_at = greatest(clock_timestamp(), changed.updated_at + interval '1 microsecond')
    WHERE changed.id = $1
        AND changed.erased_at IS NULL
        AND ($4::timestamptz IS NULL OR changed.updated_at = $4)
        AND NOT EXISTS (
            SELECT FROM users.users AS caller WHERE caller.id = $2 AND caller.suspended_until > clock_timestamp()
        )
    RETURNING id, email, display_name, role, muted_until, suspended_until, created_at, updated_at
    """,
)

UPDATE_REFUSAL = Query[UpdateRefusalRow, UUID, UUID](
    "users.update_refusal",
    """
    SELECT EXISTS (
               SELECT FROM users.users WHERE id = $2 AND suspended_until > clock_timestamp()
           ) AS suspended,
           EXISTS (SELECT FROM users.users WHERE id = $1 AND erased_at IS NULL) AS found
    """,
)
