"""Statements that start and read claims."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Query


class ClaimRow(NamedTuple):
    """A claim of a page by an artist profile."""

    id: UUID
    user_id: UUID
    artist_profile_id: UUID
    target_url: str
    target_kind: str
    target_host: str
    claim_code: str
    state: str
    attempt_count: int
    expires_at: Micros
    checking_until: Micros | None
    checked_at: Micros | None
    verified_at: Micros | None
    recheck_at: Micros | None
    stale_at: Micros | None
    created_at: Micros
    updated_at: Micros


CLAIM = """
    r.id, r.user_id, r.artist_profile_id, r.target_url, r.target_kind, r.target_host, r.claim_code, r.state,
    r.attempt_count, r.expires_at, r.checking_until, r.checked_at, r.verified_at, r.recheck_at, r.stale_at,
    r.created_at, r.updated_at
"""


class AttemptRow(NamedTuple):
    """A check of a claim."""

    id: UUID
    cause: str
    stage: str
    failure: str | None
    proof: str | None
    status_code: int | None
    created_at: Micros


_ATTEMPT = "a.id, a.cause, a.stage, a.failure, a.proof, a.status_code, a.created_at"


class ProfileRow(NamedTuple):
    """A locked profile, and whether the user who acts is suspended."""

    id: UUID
    user_id: UUID
    artist_name: str
    suspended: bool


class StartRow(NamedTuple):
    """What decides about a new claim: see StartContext of the domain. `open_id`: the open claim of the target."""

    open_id: UUID | None
    active: int
    started_today: int
    oldest_start_age: float


class ProfileIdRow(NamedTuple):
    """The profile of a claim."""

    artist_profile_id: UUID


# $2: null, or the user whose claim it must be.
_PROFILE_OF = Query[ProfileIdRow, UUID, UUID | None](
    "users.artist_profile_of_verification",
    """
    SELECT r.artist_profile_id FROM users.verification_requests r
    WHERE r.id = $1 AND ($2::uuid IS NULL OR r.user_id = $2)
    """,
)

_LOCK_PROFILE = Query[ProfileRow, UUID, UUID | None](
    "users.lock_artist_profile",
    """
    SELECT p.id, p.user_id, p.artist_name,
           EXISTS (
               SELECT FROM users.users u WHERE u.id = $2 AND u.suspended_until > clock_timestamp()
           ) AS suspended
    FROM users.artist_profiles p
    WHERE p.id = $1
    FOR NO KEY UPDATE OF p
    """,
)

# The newest ten starts of a day: another one is possible when the oldest of them is a day old.
_START_CONTEXT = Query[StartRow, UUID, UUID, str, int](
    "users.verification_start_context",
    """
    SELECT (
               SELECT r.id FROM users.verification_requests r
               WHERE r.artist_profile_id = $1 AND r.target_url = $3
                   AND r.state IN ('PENDING', 'CHECKING', 'VERIFIED', 'STALE')
           ) AS open_id,
           (
               SELECT count(*)::int FROM users.verification_requests r
               WHERE r.artist_profile_id = $1 AND r.state IN ('PENDING', 'CHECKING')
           ) AS active,
           count(*)::int AS started_today,
           coalesce(extract(epoch FROM clock_timestamp() - min(today.created_at)), 0)::float8 AS oldest_start_age
    FROM (
        SELECT r.created_at FROM users.verification_requests r
        WHERE r.user_id = $2 AND r.created_at > clock_timestamp() - interval '1 day'
        ORDER BY r.created_at DESC
        LIMIT $4
    ) AS today
    """,
)

_START = Query[ClaimRow, UUID, UUID, UUID, str, str, str, int, UUID](
    "users.start_verification",
    f"""
    WITH r AS (
        INSERT INTO users.verification_requests
            (id, user_id, artist_profile_id, target_url, target_kind, claim_code, expires_at, created_at,
             updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(days => $7), clock_timestamp(),
                clock_timestamp())
        RETURNING *
    ), logged AS (
        INSERT INTO users.verification_transitions
            (id, request_id, from_state, to_state, actor_kind, actor_id, created_at)
        SELECT $8, r.id, NULL, r.state, 'USER', r.user_id, r.created_at FROM r
    )
    SELECT {CLAIM} FROM r
    """,
)

_GET = Query[ClaimRow, UUID](
    "users.get_verification", f"SELECT {CLAIM} FROM users.verification_requests r WHERE r.id = $1"
)

_LAST_ATTEMPT = Query[AttemptRow, UUID](
    "users.last_verification_attempt",
    f"""
    SELECT {_ATTEMPT} FROM users.verification_attempts a WHERE a.request_id = $1
    ORDER BY a.created_at DESC, a.id DESC LIMIT 1
    """,
)

_ATTEMPTS = Query[AttemptRow, UUID, UUID, int](
    "users.list_verification_attempts",
    f"""
    SELECT {_ATTEMPT} FROM users.verification_attempts a WHERE a.request_id = $1 AND a.id < $2
    ORDER BY a.id DESC LIMIT $3
    """,
)

# An index has the claims in these states alone: their targets differ, so there are few.
_UNFINISHED = Query[ClaimRow, UUID](
    "users.unfinished_verifications",
    f"""
    SELECT {CLAIM} FROM users.verification_requests r
    WHERE r.artist_profile_id = $1 AND r.state IN ('PENDING', 'CHECKING', 'VERIFIED', 'STALE')
    ORDER BY r.id LIMIT 100
    """,
)

_NEWEST = "ORDER BY r.id DESC LIMIT $2"
_LIST_OWN = Query[ClaimRow, UUID, int, UUID](
    "users.list_own_verifications",
    f"SELECT {CLAIM} FROM users.verification_requests r WHERE r.id < $1 AND r.user_id = $3 {_NEWEST}",
)
_LIST_OWN_IN_STATE = Query[ClaimRow, UUID, int, UUID, str](
    "users.list_own_verifications_in_state",
    f"""
    SELECT {CLAIM} FROM users.verification_requests r
    WHERE r.id < $1 AND r.user_id = $3 AND r.state = $4 {_NEWEST}
    """,
)
_LIST_ALL = Query[ClaimRow, UUID, int](
    "users.list_verifications",
    f"SELECT {CLAIM} FROM users.verification_requests r WHERE r.id < $1 {_NEWEST}",
)
_LIST_ALL_IN_STATE = Query[ClaimRow, UUID, int, str](
    "users.list_verifications_in_state",
    f"SELECT {CLAIM} FROM users.verification_requests r WHERE r.id < $1 AND r.state = $3 {_NEWEST}",
)


async def unfinished_claims(database: Database, artist_profile_id: UUID) -> list[ClaimRow]:
    """Return a profile's claims that are verified or wait for a proof, the oldest first, up to 100."""
    return await database.rows(_UNFINISHED, artist_profile_id)


async def profile_of(session: Session, claim_id: UUID, user_id: UUID | None) -> UUID | None:
    """Return the profile of a claim, of a user's own if one is given."""
    row = await session.row(_PROFILE_OF, claim_id, user_id)
    return None if row is None else row.artist_profile_id


async def lock_profile(session: Session, profile_id: UUID, actor_id: UUID | None) -> ProfileRow | None:
    """Lock a profile, before its claims: changes of a profile and of its claims come one after another."""
    return await session.row(_LOCK_PROFILE, profile_id, actor_id)


async def start_context(
    session: Session, profile_id: UUID, user_id: UUID, target_url: str, max_starts: int
) -> StartRow:
    """Return what decides about a new claim of a locked profile."""
    return await session.one(_START_CONTEXT, profile_id, user_id, target_url, max_starts)


async def start(session: Session, row: tuple[UUID, UUID, UUID, str, str, str, int, UUID]) -> ClaimRow:
    """Insert a claim: id, user, profile, target's URL and kind, code, days until it expires, transition's id."""
    return await session.one(_START, *row)


async def get(database: Database | Session, claim_id: UUID) -> ClaimRow | None:
    """Return one claim."""
    return await database.row(_GET, claim_id)


async def last_attempt(database: Database, claim_id: UUID) -> AttemptRow | None:
    """Return the newest check of a claim."""
    return await database.row(_LAST_ATTEMPT, claim_id)


async def attempts(database: Database, claim_id: UUID, before: UUID, limit: int) -> list[AttemptRow]:
    """Return checks of a claim, the newest first."""
    return await database.rows(_ATTEMPTS, claim_id, before, limit)


async def list_own(
    database: Database, user_id: UUID, state: str | None, before: UUID, limit: int
) -> list[ClaimRow]:
    """Return claims of a user, the newest first; in one state or in any."""
    if state is None:
        return await database.rows(_LIST_OWN, before, limit, user_id)
    return await database.rows(_LIST_OWN_IN_STATE, before, limit, user_id, state)


async def list_all(database: Database, state: str | None, before: UUID, limit: int) -> list[ClaimRow]:
    """Return claims of all users, the newest first; in one state or in any."""
    if state is None:
        return await database.rows(_LIST_ALL, before, limit)
    return await database.rows(_LIST_ALL_IN_STATE, before, limit, state)
