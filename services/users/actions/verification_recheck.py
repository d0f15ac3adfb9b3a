"""What happens to claims by itself: re-checks of verified ones, expiry, and the end of leases whose process has died."""

from __future__ import annotations

from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from services.users.actions.deps import Crawler
from services.users.actions.verification_check import find_proof, jitter, record, refused, verify_proven
from services.users.domain.admin import SYSTEM, AdminActionType
from services.users.domain.errors import LookalikeNameError, TargetAlreadyClaimedError
from services.users.domain.verification import MAX_ATTEMPTS, Act, State, after_recheck
from services.users.domain.verification_check import Cause, Outcome
from services.users.store import verification, verification_check, verification_transition
from services.users.store import verification_recheck as store
from services.users.store.verification import ClaimRow

RECHECK_LEASE_SECONDS = 300.0
"""After which a claim is due again whose process has died during its re-check."""
_BATCH = 100
_MAX_CLAIMS = 200
_REVOKED = Act(SYSTEM, AdminActionType.REVOKE_VERIFICATION, "Re-checks of the page failed for 72 hours")


async def expire_claims(database: Database) -> int:
    """Expire a batch of claims that nobody has proven in time; return how many."""
    return await verification_transition.expire(database, _BATCH)


async def end_leases(database: Database) -> int:
    """Return a batch of claims to PENDING whose process has died during their check; return how many."""
    return await verification_transition.end_leases(database, MAX_ATTEMPTS, _BATCH)


async def due_rechecks(database: Database, limit: int) -> list[ClaimRow]:
    """Lease verified claims that are to be checked again to this process."""
    return await store.claim_due(database, limit, RECHECK_LEASE_SECONDS)


async def recheck(database: Database, crawler: Crawler, claim: ClaimRow) -> Outcome | None:
    """Check a leased claim again and record the outcome, which is returned; None if the lease was lost meanwhile."""
    assert claim.recheck_at is not None  # noqa: S101 - it is leased
    lease = claim.recheck_at
    outcome = await find_proof(crawler, claim)
    if outcome.failure is None and claim.state == State.STALE:
        try:
            verified = await verify_proven(database, claim, Cause.RECHECK, outcome, lease)
        except (TargetAlreadyClaimedError, LookalikeNameError) as error:
            outcome = refused(outcome, error)
        else:
            return outcome if verified else None
    found = outcome

    async def work(session: Session) -> Outcome | None:
        return found if await _record(session, claim, found, lease) else None

    return await database.run_in_transaction(work)


async def _record(session: Session, claim: ClaimRow, outcome: Outcome, lease: Micros) -> bool:
    # The profile first, as everywhere: it may have to become unverified.
    if await verification.lock_profile(session, claim.artist_profile_id, None) is None:
        return False
    row = await store.failing_for(session, claim.id, lease)
    if row is None:
        return False
    after = after_recheck(State(row.state), row.failing_for, outcome, jitter())
    changed = await verification_transition.transition(
        session,
        claim.id,
        [row.state],
        after.state,
        SYSTEM,
        lease=lease,
        recheck_seconds=after.due_seconds,
        first_failure=after.first_failure,
    )
    if changed is None:
        return False
    await verification_check.add_attempt(session, claim, Cause.RECHECK, outcome)
    if after.state is State.REVOKED:
        await verification_check.set_unverified(
            session, claim.artist_profile_id, keep=[str(State.VERIFIED), str(State.STALE)]
        )
        await record(session, _REVOKED, claim, after.state)
    return True


async def profile_changed(
    session: Session, profile_id: UUID, user_id: UUID, *, renamed: bool, replaced_urls: list[str]
) -> None:
    """Let verified claims of a locked profile be proven again, at once, whose name or URL has changed.

    `replaced_urls` are those that the profile had before. Under a new name the profile is not verified until then: the
    mark must not move to a name that nobody has compared.
    """
    if not (renamed or replaced_urls):
        return
    urls = None if renamed else replaced_urls
    stale = await verification_transition.make_stale(session, profile_id, user_id, urls, _MAX_CLAIMS)
    if stale:
        await verification_check.set_unverified(session, profile_id, keep=[str(State.VERIFIED)])
