"""Statements that find and create users by the subject of their token. Erased users have no subject."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.users.domain.errors import EmailTakenError


class IdentityRow(NamedTuple):
    """The columns of a user that make a Caller, and the e-mail address."""

    id: UUID
    email: str | None
    role: str
    muted_until: Micros | None
    suspended_until: Micros | None


_BY_SUBJECT = Query[IdentityRow, str](
    "users.by_subject",
    "SELECT id, email, role, muted_until, suspended_until FROM users.users WHERE supabase_id = $1",
)

# No conflict target: two first sign-ins of one user can conflict on either unique key.
_ADD = Query[IdentityRow, UUID, str, str](
    "users.add",
    """
    INSERT INTO users.users (id, supabase_id, email, display_name) VALUES ($1, $2, $3, '')
    ON CONFLICT DO NOTHING
    RETURNING id, email, role, muted_until, suspended_until
    """,
)

# updated_at always grows, even if the clock does not: etags are made of it.
_SET_EMAIL = Query[IdentityRow, str, str](
    "users.set_email",
    """
    UPDATE users.users
    SET email = $2, updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE supabase_id = $1
    RETURNING id, email, role, muted_until, suspended_until
    """,
    violations={"users_email_key": EmailTakenError},
)


async def find_by_subject(database: Database, subject: str) -> IdentityRow | None:
    """Return the user of a subject."""
    return await database.row(_BY_SUBJECT, subject)


async def add(database: Database, user_id: UUID, subject: str, email: str) -> IdentityRow | None:
    """Insert a user; return None if another row holds the subject or the address."""
    return await database.row(_ADD, user_id, subject, email)


async def set_email(database: Database, subject: str, email: str) -> IdentityRow | None:
    """Change a user's address; return None if there is no such user. Raises EmailTakenError."""
    return await database.row(_SET_EMAIL, subject, email)
