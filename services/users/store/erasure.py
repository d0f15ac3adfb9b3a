"""Statements of erasures: what starts one, its job, and the identities that it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Command, Query


class FormerIdentityRow(NamedTuple):
    """The subject and the address that a user had until they were erased."""

    subject: str
    email: str


class ErasureRow(NamedTuple):
    """An erasure as its requester sees it. `counts` is a JSON object of rows by step."""

    id: UUID
    step: str
    failures: int
    counts: str
    created_at: Micros
    finished_at: Micros | None


class DueErasureRow(NamedTuple):
    """An erasure whose next step may run."""

    id: UUID
    user_id: UUID
    mode: str
    step: str
    failures: int


class BacklogRow(NamedTuple):
    """The unfinished erasures, and whether there is work: a step that is due, or refusals that have expired."""

    unfinished: int
    retrying: int
    oldest_seconds: float
    has_work: bool


_COLUMNS = "id, step, failures, counts, created_at, finished_at"

# RETURNING has only the new values. The row is locked, so both readings of it are of one state.
_ANONYMISE_USER = Query[FormerIdentityRow, UUID](
    "users.anonymise_user",
    """
    UPDATE users.users AS u
    SET email = NULL, supabase_id = NULL, display_name = '', role = 'USER', muted_until = NULL,
        suspended_until = NULL, erased_at = clock_timestamp(),
        updated_at = greatest(clock_timestamp(), u.updated_at + interval '1 microsecond')
    FROM users.users AS former
    WHERE u.id = $1 AND former.id = u.id
    RETURNING coalesce(former.supabase_id, '') AS subject, coalesce(former.email, '') AS email
    """,
)
_REFUSE_IDENTITIES = Command[list[bytes], float](
    "users.refuse_identities",
    """
    INSERT INTO users.refused_identities (identity_hash, until)
    SELECT hash, clock_timestamp() + make_interval(secs => $2) FROM unnest($1::bytea[]) AS hash
    ON CONFLICT (identity_hash) DO UPDATE SET until = excluded.until
    """,
)
_ADD = Query[ErasureRow, UUID, UUID, str, str, float](
    "users.add_erasure",
    f"""
    INSERT INTO users.erasure_jobs (id, user_id, mode, step, due_at)
    VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
    RETURNING {_COLUMNS}
    """,
)
_OF_USER = Query[ErasureRow, UUID](
    "users.erasure_of_user", f"SELECT {_COLUMNS} FROM users.erasure_jobs WHERE user_id = $1"
)
_GET = Query[ErasureRow, UUID](
    "users.get_erasure", f"SELECT {_COLUMNS} FROM users.erasure_jobs WHERE id = $1"
)
# The worker's conditions compare with now(): an index serves them, as it does not for clock_timestamp().
_BACKLOG = Query[BacklogRow](
    "users.erasure_backlog",
    """
    SELECT count(*) AS unfinished,
           count(*) FILTER (WHERE failures > 0) AS retrying,
           coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds,
           coalesce(bool_or(due_at <= now()), false) OR EXISTS (
               SELECT FROM users.refused_identities WHERE until <= now()
           ) AS has_work
    FROM users.erasure_jobs
    WHERE finished_at IS NULL
    """,
)
_DUE = Query[DueErasureRow](
    "users.due_erasure",
    """
    SELECT id, user_id, mode, step, failures FROM users.erasure_jobs
    WHERE finished_at IS NULL AND due_at <= now()
    ORDER BY due_at LIMIT 1
    """,
)
# $2: the step that has run, $3: the next one, $4: the seconds after the start before which that must not run,
# $5: the rows. A runner that was superseded finds another step and changes nothing.
_ADVANCE = Command[UUID, str, str, float, int](
    "users.advance_erasure",
    """
    UPDATE users.erasure_jobs
    SET step = $3,
        failures = 0,
        due_at = greatest(clock_timestamp(), created_at + make_interval(secs => $4)),
        updated_at = clock_timestamp(),
        finished_at = CASE WHEN $3 = 'DONE' THEN clock_timestamp() END,
        counts = CASE WHEN $5 = 0 THEN counts
                      ELSE counts || jsonb_build_object($2, coalesce((counts ->> $2)::bigint, 0) + $5) END
    WHERE id = $1 AND step = $2
    """,
)
_DELAY = Command[UUID, str, int, float](
    "users.delay_erasure",
    """
    UPDATE users.erasure_jobs
    SET failures = $3, due_at = clock_timestamp() + make_interval(secs => $4), updated_at = clock_timestamp()
    WHERE id = $1 AND step = $2
    """,
)
# Deletes the verifications of the profile too, by their foreign keys.
_DELETE_ARTIST = Command[UUID](
    "users.delete_erased_artist", "DELETE FROM users.artist_profiles WHERE user_id = $1"
)
_DELETE_REFUSALS = Command[()](
    "users.delete_expired_refusals", "DELETE FROM users.refused_identities WHERE until <= now()"
)


async def anonymise_user(session: Session, user_id: UUID) -> FormerIdentityRow:
    """Remove everything personal from the row of a locked user; return the identity that it had."""
    return await session.one(_ANONYMISE_USER, user_id)


async def refuse_identities(session: Session, hashes: Sequence[bytes], seconds: float) -> None:
    """Refuse sign-ins with these identities for so long."""
    await session.execute(_REFUSE_IDENTITIES, list(hashes), seconds)


async def add(
    session: Session, erasure_id: UUID, user_id: UUID, mode: str, step: str, wait: float
) -> ErasureRow:
    """Insert the job of an erasure, whose first step is due after `wait` seconds."""
    return await session.one(_ADD, erasure_id, user_id, mode, step, wait)


async def of_user(session: Session, user_id: UUID) -> ErasureRow | None:
    """Return the erasure of a user."""
    return await session.row(_OF_USER, user_id)


async def get(database: Database, erasure_id: UUID) -> ErasureRow | None:
    """Return an erasure."""
    return await database.row(_GET, erasure_id)


async def backlog(database: Database) -> BacklogRow:
    """Return what is unfinished."""
    async with database.session() as session:
        return await session.one(_BACKLOG)


async def due(database: Database) -> DueErasureRow | None:
    """Return the erasure that has been due for longest."""
    return await database.row(_DUE)


async def advance(
    database: Database, erasure_id: UUID, step: str, following: str, wait: float, rows: int
) -> None:
    """Record that a step has run, and which one follows; `wait` counts from the start of the erasure."""
    await database.execute(_ADVANCE, erasure_id, step, following, wait, rows)


async def delay(database: Database, erasure_id: UUID, step: str, failures: int, seconds: float) -> None:
    """Record that a step has failed; it is due again after so many seconds."""
    await database.execute(_DELAY, erasure_id, step, failures, seconds)


async def delete_artist(database: Database, user_id: UUID) -> int:
    """Delete a user's artist profile and everything that claims it; return the number of profiles."""
    return await database.execute(_DELETE_ARTIST, user_id)


async def delete_expired_refusals(database: Database) -> int:
    """Delete the refusals that no longer count."""
    return await database.execute(_DELETE_REFUSALS)
