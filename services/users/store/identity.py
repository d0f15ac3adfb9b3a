"""Statements that find and create users by the subject of their token. Erased users have no subject."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.users.domain.errors import EmailTakenError
from services.users.domain.identity import TokenIdentity


class IdentityRow(NamedTuple):
    """The columns of a user that make a Caller, and the e-mail address."""

    id: UUID
    email: str | None
    role: str
    muted_until: Micros | None
    suspended_until: Micros | None


class SubjectRow(NamedTuple):
    """Whether an identity is refused, and the user of its subject."""

    refused: bool
    user: IdentityRow | None


def _refused(hashes: str) -> str:
    return f"""
        EXISTS (
            SELECT FROM users.refused_identities
            WHERE identity_hash = ANY ({hashes}) AND until > clock_timestamp()
        )
    """


_BY_SUBJECT = Query[SubjectRow, str, list[bytes]](
    "users.by_subject",
    f"""
    SELECT {_refused("$2")} AS refused, u.id, u.email, u.role, u.muted_until, u.suspended_until
    FROM (VALUES ($1::text)) AS token (subject)
    LEFT JOIN users.users AS u ON u.supabase_id = token.subject
    """,
)


_BY_ID = Query[IdentityRow, UUID](
    "users.by_id",
    "SELECT id, email, role, muted_until, suspended_until FROM users.users WHERE id = $1 AND erased_at IS NULL",
)


class TokenSubjectRow(NamedTuple):
    """The subject of a user's tokens."""

    subject: str | None


_SUBJECT = Query[TokenSubjectRow, UUID](
    "users.subject", "SELECT supabase_id AS subject FROM users.users WHERE id = $1"
)

# No conflict target: two first sign-ins of one user can conflict on either unique key. Identities are refused here
# as well, for a sign-in that began before an erasure and goes on after it.
_ADD = Query[IdentityRow, UUID, str, str, list[bytes]](
    "users.add",
    f"""
    INSERT INTO users.users (id, supabase_id, email, display_name)
    SELECT $1, $2, $3, '' WHERE NOT {_refused("$4")}
    ON CONFLICT DO NOTHING
    RETURNING id, email, role, muted_until, suspended_until
    """,
)

# updated_at always grows, even if the clock does not: etags are made of it.
_SET_EMAIL = Query[IdentityRow, str, str, list[bytes]](
    "users.set_email",
    f"""
    UPDATE users.users
    SET email = $2, updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE supabase_id = $1 AND NOT {_refused("$3")}
    RETURNING id, email, role, muted_until, suspended_until
    """,
    violations={"users_email_key": EmailTakenError},
)


async def find_by_subject(database: Database, token: TokenIdentity) -> SubjectRow:
    """Return the user of a subject, and whether the token's identity is refused."""
    async with database.session() as session:
        return await session.one(_BY_SUBJECT, token.subject, token.hashes)


async def find_by_id(database: Database, user_id: UUID) -> IdentityRow | None:
    """Return an existing user."""
    return await database.row(_BY_ID, user_id)


async def subject(database: Database, user_id: UUID) -> str | None:
    """Return the subject of an existing user's tokens; None once erased."""
    row = await database.row(_SUBJECT, user_id)
    return None if row is None else row.subject


async def add(database: Database, user_id: UUID, token: TokenIdentity) -> IdentityRow | None:
    """Insert a user; return None if another row holds the subject or the address, or if one of them is refused."""
    return await database.row(_ADD, user_id, token.subject, token.email, token.hashes)


async def set_email(database: Database, token: TokenIdentity) -> IdentityRow | None:
    """Change a user's address; return None if there is no such user or one is refused. Raises EmailTakenError."""
    return await database.row(_SET_EMAIL, token.subject, token.email, token.hashes)
