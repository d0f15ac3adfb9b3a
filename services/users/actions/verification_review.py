"""Decisions of administrators about claims. The `seda admin verification` command makes them too, as an operator."""

from __future__ import annotations

from uuid import UUID

from servicekit.database import Database, Session
from services.users.actions.verification_check import record, verify
from services.users.domain.admin import Actor, check_not_suspended, check_still_admin
from services.users.domain.errors import VerificationNotFoundError, VerificationStateError
from services.users.domain.verification import Act, Decision, State
from services.users.store import admin, verification, verification_check
from services.users.store.verification import ClaimRow
from services.users.store.verification_transition import transition

_KEEP_VERIFIED = [str(State.VERIFIED), str(State.STALE)]


async def review_verification(
    database: Database, actor: Actor, claim_id: UUID, decision: Decision, reason: str
) -> ClaimRow:
    """Approve, reject or revoke a claim and record it, in one transaction; what is decided so already stays as it is.

    Raises VerificationNotFoundError, VerificationStateError, TargetAlreadyClaimedError, LookalikeNameError,
    CallerSuspendedError or AccessDeniedError.
    """
    act = Act(actor, decision.action, reason)

    async def work(session: Session) -> ClaimRow:
        if actor.user_id is not None:
            acting = (await admin.lock_with_admins(session, [actor.user_id])).get(actor.user_id)
            check_not_suspended(actor, acting)
            check_still_admin(actor, acting)
        profile_id = await verification.profile_of(session, claim_id, None)
        profile = None if profile_id is None else await verification.lock_profile(session, profile_id, None)
        claim = None if profile is None else await verification.get(session, claim_id)
        if claim is None or profile is None:
            raise VerificationNotFoundError(claim_id)
        if claim.state == decision.result:
            return claim
        if claim.state not in decision.sources:
            raise VerificationStateError(claim.state)
        if decision is Decision.APPROVE:
            changed = await verify(session, profile, claim, act)
        else:
            changed = await _close(session, claim, act, decision.result)
        if changed is None:
            raise VerificationStateError(claim.state)
        return changed

    return await database.run_in_transaction(work)


async def _close(session: Session, claim: ClaimRow, act: Act, result: State) -> ClaimRow | None:
    changed = await transition(session, claim.id, [claim.state], result, act.actor)
    if changed is None:
        return None
    if result is State.REVOKED:
        await verification_check.set_unverified(session, claim.artist_profile_id, keep=_KEEP_VERIFIED)
    await record(session, act, claim, result)
    return changed
