"""The statements that change the states of claims. Each writes the log of the states with the change.

Every change is conditional: on the state before and, for the work of a process, on the lease that it has set. PostgreSQL
evaluates the condition again on a row that it had to wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.ids import new_id
from servicekit.sql import Query
from services.users.domain.admin import Actor
from services.users.domain.errors import TargetAlreadyClaimedError
from services.users.store.verification import CLAIM, ClaimRow


class ClaimIdRow(NamedTuple):
    """The id of a claim."""

    id: UUID


# $4: seconds until the next re-check. $5: whether re-checks fail since "now", or as before ("keep"), or don't ("none").
# $6: checks to add to the count. $7: the lease, null without one. checking_until and recheck_at are never both set.
_TRANSITION = Query[ClaimRow, UUID, list[str], str, float, str, int, Micros | None, UUID, str, UUID | None](
    "users.change_verification_state",
    f"""
    WITH before AS (
        SELECT b.id, b.state FROM users.verification_requests b
        WHERE b.id = $1 AND b.state = ANY ($2)
            AND ($7::timestamptz IS NULL OR coalesce(b.checking_until, b.recheck_at) = $7)
        FOR NO KEY UPDATE
    ), r AS (
        UPDATE users.verification_requests AS changed
        SET state = $3,
            checking_until = NULL,
            attempt_count = changed.attempt_count + $6,
            verified_at = CASE WHEN $3 = 'VERIFIED' THEN clock_timestamp() ELSE changed.verified_at END,
            recheck_at = CASE WHEN $3 IN ('VERIFIED', 'STALE')
                              THEN clock_timestamp() + make_interval(secs => $4) END,
            stale_at = CASE WHEN $3 = 'STALE' THEN coalesce(changed.stale_at, clock_timestamp()) END,
            recheck_failed_at = CASE WHEN $3 <> 'STALE' OR $5 = 'none' THEN NULL
                                     WHEN $5 = 'now' THEN clock_timestamp()
                                     ELSE changed.recheck_failed_at END,
            updated_at = greatest(clock_timestamp(), changed.updated_at + interval '1 microsecond')
        FROM before
        WHERE changed.id = before.id
        RETURNING changed.*, before.state AS state_before
    ), logged AS (
        INSERT INTO users.verification_transitions
            (id, request_id, from_state, to_state, actor_kind, actor_id, created_at)
        SELECT $8, r.id, r.state_before, r.state, $9, $10, r.updated_at FROM r WHERE r.state_before <> r.state
    )
    SELECT {CLAIM} FROM r
    """,
    violations={"verification_requests_target_url_key": TargetAlreadyClaimedError},
)

_START_CHECK = Query[ClaimRow, UUID, float, UUID, UUID](
    "users.start_verification_check",
    f"""
    WITH r AS (
        UPDATE users.verification_requests AS changed
        SET state = 'CHECKING',
            checking_until = clock_timestamp() + make_interval(secs => $2),
            checked_at = clock_timestamp(),
            attempt_count = changed.attempt_count + 1,
            updated_at = greatest(clock_timestamp(), changed.updated_at + interval '1 microsecond')
        WHERE changed.id = $1 AND changed.state = 'PENDING' AND changed.expires_at > clock_timestamp()
        RETURNING changed.*
    ), logged AS (
        INSERT INTO users.verification_transitions
            (id, request_id, from_state, to_state, actor_kind, actor_id, created_at)
        SELECT $3, r.id, 'PENDING', r.state, 'USER', $4, r.updated_at FROM r
    )
    SELECT {CLAIM} FROM r
    """,
)


def _for_many(due: str, change: str, actor: str) -> str:
    """Return a statement that changes many claims; $1 has an id for each of their transitions."""
    return f"""
    WITH due AS (
        SELECT d.id, d.state FROM users.verification_requests d
        WHERE {due}
        LIMIT cardinality($1::uuid[])
        FOR NO KEY UPDATE SKIP LOCKED
    ), numbered AS (
        SELECT due.id, due.state, row_number() OVER () AS number FROM due
    ), r AS (
        UPDATE users.verification_requests AS changed
        SET {change},
            updated_at = greatest(clock_timestamp(), changed.updated_at + interval '1 microsecond')
        FROM numbered
        WHERE changed.id = numbered.id
        RETURNING changed.*, numbered.state AS state_before, numbered.number
    ), logged AS (
        INSERT INTO users.verification_transitions
            (id, request_id, from_state, to_state, actor_kind, actor_id, created_at)
        SELECT ($1::uuid[])[r.number], r.id, r.state_before, r.state, {actor}, r.updated_at
        FROM r WHERE r.state_before <> r.state
    )
    SELECT r.id FROM r
    """


_EXPIRED = "state = 'EXPIRED'"
_EXPIRE = Query[ClaimIdRow, list[UUID]](
    "users.expire_verifications",
    _for_many("d.state = 'PENDING' AND d.expires_at <= clock_timestamp()", _EXPIRED, "'SYSTEM', NULL::uuid"),
)
_EXPIRE_OF_PROFILE = Query[ClaimIdRow, list[UUID], UUID](
    "users.expire_verifications_of_profile",
    _for_many(
        "d.artist_profile_id = $2 AND d.state = 'PENDING' AND d.expires_at <= clock_timestamp()",
        _EXPIRED,
        "'SYSTEM', NULL::uuid",
    ),
)
_END_LEASES = Query[ClaimIdRow, list[UUID], int](
    "users.end_verification_leases",
    _for_many(
        "d.state = 'CHECKING' AND d.checking_until <= clock_timestamp()",
        "state = CASE WHEN changed.attempt_count >= $2 THEN 'FAILED' ELSE 'PENDING' END, checking_until = NULL",
        "'SYSTEM', NULL::uuid",
    ),
)
# $4: null, or the URLs that the profile has no longer.
_MAKE_STALE = Query[ClaimIdRow, list[UUID], UUID, UUID, list[str] | None](
    "users.make_verifications_stale",
    _for_many(
        "d.artist_profile_id = $2 AND d.state IN ('VERIFIED', 'STALE') AND ($4::text[] IS NULL OR d.target_url = ANY ($4))",
        "state = 'STALE', stale_at = coalesce(changed.stale_at, clock_timestamp()), recheck_at = clock_timestamp()",
        "'USER', $3",
    ),
)


async def transition(  # noqa: PLR0913 - one per column
    session: Session,
    claim_id: UUID,
    sources: Sequence[str],
    to: str,
    actor: Actor,
    *,
    lease: Micros | None = None,
    recheck_seconds: float = 0,
    first_failure: str = "none",
    attempts: int = 0,
) -> ClaimRow | None:
    """Change the state of a claim and log it; return None if its state, or its lease, is not the one given.

    To the same state changes its re-check alone. Raises TargetAlreadyClaimedError.
    """
    return await session.row(
        _TRANSITION,
        claim_id,
        [str(each) for each in sources],
        str(to),
        recheck_seconds,
        first_failure,
        attempts,
        lease,
        new_id(),
        actor.kind,
        actor.user_id,
    )


async def start_check(session: Session, claim_id: UUID, user_id: UUID, seconds: float) -> ClaimRow | None:
    """Lease a pending claim to this process for so many seconds; return None if it is not pending."""
    return await session.row(_START_CHECK, claim_id, seconds, new_id(), user_id)


async def expire(database: Database, limit: int) -> int:
    """Expire claims that nobody has proven in time; return how many."""
    return len(await database.rows(_EXPIRE, _ids(limit)))


async def expire_of_profile(session: Session, profile_id: UUID, limit: int) -> None:
    """Expire such claims of one profile."""
    await session.rows(_EXPIRE_OF_PROFILE, _ids(limit), profile_id)


async def end_leases(database: Database, max_attempts: int, limit: int) -> int:
    """Return claims whose process has died to PENDING, or to FAILED without attempts left; return how many."""
    return len(await database.rows(_END_LEASES, _ids(limit), max_attempts))


async def make_stale(
    session: Session, profile_id: UUID, user_id: UUID, target_urls: list[str] | None, limit: int
) -> int:
    """Make verified claims of a profile STALE, all of them or those of some URLs, due at once; return how many."""
    return len(await session.rows(_MAKE_STALE, _ids(limit), profile_id, user_id, target_urls))


def _ids(count: int) -> list[UUID]:
    return [new_id() for _ in range(count)]
