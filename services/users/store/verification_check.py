"""Statements of checks: what decides whether one may start, its attempt, and what a verified claim gives its profile."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Session
from servicekit.ids import new_id
from servicekit.sql import Command, Query
from services.users.domain.verification_check import Cause, Outcome
from services.users.store.verification import ClaimRow


class CheckRow(NamedTuple):
    """What decides whether a check may start: see CheckContext of the domain."""

    state: str
    expired: bool
    last_check_age: float | None
    failures: int
    oldest_failure_age: float
    verified_elsewhere: bool


class LockRow(NamedTuple):
    """A lock is taken."""

    locked: bool


# The failures of the last hour at the claim's host, the newest $2 of them, and the user's other checks in progress there:
# each may become a failure.
_CHECK_CONTEXT = Query[CheckRow, UUID, int](
    "users.verification_check_context",
    """
    SELECT r.state,
           r.state = 'PENDING' AND r.expires_at <= clock_timestamp() AS expired,
           extract(epoch FROM clock_timestamp() - r.checked_at)::float8 AS last_check_age,
           failed.number + (
               SELECT count(*)::int FROM users.verification_requests o
               WHERE o.user_id = r.user_id AND o.target_host = r.target_host AND o.state = 'CHECKING' AND o.id <> r.id
           ) AS failures,
           coalesce(extract(epoch FROM clock_timestamp() - failed.oldest), 0)::float8 AS oldest_failure_age,
           EXISTS (
               SELECT FROM users.verification_requests o
               WHERE o.target_url = r.target_url AND o.state IN ('VERIFIED', 'STALE') AND o.id <> r.id
           ) AS verified_elsewhere
    FROM users.verification_requests r
    CROSS JOIN LATERAL (
        SELECT count(*)::int AS number, min(newest.created_at) AS oldest
        FROM (
            SELECT a.created_at FROM users.verification_attempts a
            WHERE a.user_id = r.user_id AND a.host = r.target_host AND a.cause = 'OWNER'
                AND a.failure <> 'SERVICE_UNAVAILABLE' AND a.created_at > clock_timestamp() - interval '1 hour'
            ORDER BY a.created_at DESC
            LIMIT $2
        ) AS newest
    ) AS failed
    WHERE r.id = $1
    """,
)

# Until the end of the transaction: of two profiles with names that look alike, verified at once, one must see the other.
_LOCK_NAMES = Query[LockRow](
    "users.lock_verified_names", "SELECT pg_advisory_xact_lock(7420001) IS NOT NULL AS locked"
)

_ADD_ATTEMPT = Command[UUID, UUID, str, str, str | None, str | None, int | None, str, UUID](
    "users.add_verification_attempt",
    """
    INSERT INTO users.verification_attempts
        (id, request_id, cause, stage, failure, proof, status_code, host, user_id, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp())
    """,
)

_SET_VERIFIED = Command[UUID, str, str](
    "users.set_artist_verified",
    """
    UPDATE users.artist_profiles
    SET verified = true,
        verified_at = coalesce(verified_at, clock_timestamp()),
        website_url = CASE WHEN $2 = 'WEBSITE' THEN $3 ELSE website_url END,
        spotify_url = CASE WHEN $2 = 'SPOTIFY' THEN $3 ELSE spotify_url END,
        soundcloud_url = CASE WHEN $2 = 'SOUNDCLOUD' THEN $3 ELSE soundcloud_url END,
        updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE id = $1
    """,
)

# $2: the states of claims that keep the profile verified.
_SET_UNVERIFIED = Command[UUID, list[str]](
    "users.set_artist_unverified",
    """
    UPDATE users.artist_profiles AS p
    SET verified = false, verified_at = NULL,
        updated_at = greatest(clock_timestamp(), p.updated_at + interval '1 microsecond')
    WHERE p.id = $1 AND p.verified
        AND NOT EXISTS (
            SELECT FROM users.verification_requests r WHERE r.artist_profile_id = p.id AND r.state = ANY ($2)
        )
    """,
)


async def check_context(session: Session, claim_id: UUID, max_failures: int) -> CheckRow | None:
    """Return what decides whether a check may start; the claim's profile is locked."""
    return await session.row(_CHECK_CONTEXT, claim_id, max_failures)


async def lock_names(session: Session) -> None:
    """Let one transaction at a time make a name verified."""
    await session.row(_LOCK_NAMES)


async def add_attempt(session: Session, claim: ClaimRow, cause: Cause, outcome: Outcome) -> None:
    """Insert the outcome of a check."""
    await session.execute(
        _ADD_ATTEMPT,
        new_id(),
        claim.id,
        cause,
        outcome.stage,
        outcome.failure,
        outcome.proof,
        outcome.status_code or None,
        claim.target_host,
        claim.user_id,
    )


async def set_verified(session: Session, claim: ClaimRow) -> None:
    """Make the profile of a claim verified, and put the claimed URL into its field."""
    await session.execute(_SET_VERIFIED, claim.artist_profile_id, claim.target_kind, claim.target_url)


async def set_unverified(session: Session, profile_id: UUID, *, keep: list[str]) -> bool:
    """Make a profile unverified unless it has a claim in one of these states; return whether it changed."""
    return await session.execute(_SET_UNVERIFIED, profile_id, keep) > 0
