"""Statements of re-checks: which claims are due, and since when their re-checks fail."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Query
from services.users.store.verification import CLAIM, ClaimRow

# The lease of a re-check is the time of the next one: if the process dies, the claim is due again.
_CLAIM_DUE = Query[ClaimRow, int, float](
    "users.claim_due_rechecks",
    f"""
    WITH due AS (
        SELECT d.id FROM users.verification_requests d
        WHERE d.state IN ('VERIFIED', 'STALE') AND d.recheck_at <= clock_timestamp()
        ORDER BY d.recheck_at
        LIMIT $1
        FOR NO KEY UPDATE SKIP LOCKED
    ), r AS (
        UPDATE users.verification_requests AS changed
        SET recheck_at = clock_timestamp() + make_interval(secs => $2)
        FROM due WHERE changed.id = due.id
        RETURNING changed.*
    )
    SELECT {CLAIM} FROM r
    """,
)


class FailingRow(NamedTuple):
    """The state of a claim, and for how many seconds its re-checks have failed; None: the last one did not."""

    state: str
    failing_for: float | None


_FAILING = Query[FailingRow, UUID, Micros](
    "users.verification_failing_for",
    """
    SELECT r.state, extract(epoch FROM clock_timestamp() - r.recheck_failed_at)::float8 AS failing_for
    FROM users.verification_requests r
    WHERE r.id = $1 AND r.recheck_at = $2
    FOR NO KEY UPDATE
    """,
)


async def claim_due(database: Database, limit: int, seconds: float) -> list[ClaimRow]:
    """Lease claims whose re-check is due to this process."""
    return await database.rows(_CLAIM_DUE, limit, seconds)


async def failing_for(session: Session, claim_id: UUID, lease: Micros) -> FailingRow | None:
    """Lock a claim and return since when its re-checks fail; None if the lease was lost."""
    return await session.row(_FAILING, claim_id, lease)
