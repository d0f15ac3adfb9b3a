"""Checks of claims: CheckVerification leases a claim to this process, whose worker then fetches the page.

A claim is verified in one transaction with its profile, the audit log and the attempt. Locks are taken in the order
profile, names, claim.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.errors import ServiceError
from services.users.actions.deps import Crawler, VerificationDeps
from services.users.actions.verification import lock_own
from services.users.domain.admin import SYSTEM, AdminAction, AdminActionType
from services.users.domain.errors import (
    LookalikeNameError,
    TargetAlreadyClaimedError,
    VerificationNotFoundError,
    VerificationStateError,
)
from services.users.domain.verification import (
    LEASE_SECONDS,
    MAX_FAILURES_PER_HOUR,
    Act,
    CheckContext,
    State,
    check_can_check,
    recheck_seconds,
    state_after_failure,
)
from services.users.domain.verification_check import (
    UNAVAILABLE,
    Cause,
    Failure,
    Fetched,
    Outcome,
    ProofKind,
    Stage,
    fetch_problem,
)
from services.users.domain.verification_proof import (
    in_lines,
    in_meta_tag,
    in_profile,
    in_text,
    well_known_url,
)
from services.users.domain.verification_target import Target, TargetKind
from services.users.store import admin, artists, verification
from services.users.store import verification_check as store
from services.users.store.verification import ClaimRow, ProfileRow
from services.users.store.verification_transition import start_check, transition

_PROVEN = Act(SYSTEM, AdminActionType.VERIFY_ARTIST, "The code was found on the page")


async def check_verification(deps: VerificationDeps, caller: Caller, claim_id: UUID) -> ClaimRow:
    """Start a check of the caller's claim; one that is being checked or verified is returned as it is.

    Raises VerificationNotFoundError, OverloadedError or the errors of check_can_check.
    """
    deps.writes.hit(caller.user_id)

    async def work(session: Session) -> tuple[ClaimRow, bool]:
        claim, profile = await lock_own(session, caller, claim_id)
        if claim.state in {State.CHECKING, State.VERIFIED}:
            return claim, False
        context = await store.check_context(session, claim_id, MAX_FAILURES_PER_HOUR)
        if context is None:
            raise VerificationNotFoundError(claim_id)
        check_can_check(
            CheckContext(
                State(context.state),
                profile.suspended,
                *context[1:],
                lookalike=await _lookalike(session, profile),
            )
        )
        deps.checks.reserve()
        leased = await start_check(session, claim_id, caller.user_id, LEASE_SECONDS)
        if leased is None:
            # The claim has changed since: its state is what refuses the check.
            raise VerificationStateError(claim.state)
        return leased, True

    claim, started = await deps.database.run_in_transaction(work)
    if started:
        deps.checks.run(claim)
    return claim


async def find_proof(crawler: Crawler, claim: ClaimRow) -> Outcome:
    """Fetch the claimed page and look for the code in every place where it counts for this kind of page."""
    target = Target(TargetKind(claim.target_kind), claim.target_url, claim.target_host)
    try:
        fetched = await crawler.fetch(target.url, claim.user_id)
        problem = fetch_problem(target, fetched)
        if target.kind is TargetKind.WEBSITE:
            return await _find_on_website(crawler, claim, target, fetched, problem)
    except ServiceError:
        return UNAVAILABLE
    return problem or await _matched(
        fetched, [(ProofKind.PROVIDER_FIELD, lambda: _in_profile(fetched, target, claim.claim_code))]
    )


async def _find_on_website(
    crawler: Crawler, claim: ClaimRow, target: Target, fetched: Fetched, problem: Outcome | None
) -> Outcome:
    code, page = claim.claim_code, None if problem is not None else fetched.page
    if page is not None and await asyncio.to_thread(in_meta_tag, page, code):
        return Outcome(Stage.MATCH, proof=ProofKind.META_TAG, status_code=fetched.status_code)
    well_known = await crawler.fetch(well_known_url(target), claim.user_id)
    text = None if fetch_problem(target, well_known) is not None else well_known.text
    if text is not None and await asyncio.to_thread(in_lines, text, code):
        return Outcome(Stage.MATCH, proof=ProofKind.WELL_KNOWN, status_code=well_known.status_code)
    return problem or await _matched(
        fetched, [(ProofKind.PAGE_TEXT, lambda: page is not None and in_text(page.text, code))]
    )


async def _matched(fetched: Fetched, places: list[tuple[ProofKind, Callable[[], bool]]]) -> Outcome:
    for kind, matches in places:
        # Reading an untrusted page must not block the event loop.
        if await asyncio.to_thread(matches):
            return Outcome(Stage.MATCH, proof=kind, status_code=fetched.status_code)
    return Outcome(Stage.MATCH, Failure.CODE_NOT_FOUND, status_code=fetched.status_code)


def _in_profile(fetched: Fetched, target: Target, code: str) -> bool:
    return fetched.page is not None and in_profile(fetched.page, target, code)


async def finish_check(database: Database, claim: ClaimRow, outcome: Outcome) -> Outcome | None:
    """Record the outcome of a check of a claim that this process has leased; return the outcome that was recorded.

    It is another one if the code was found but the claim can't be verified; None if the lease was lost.
    """
    assert claim.checking_until is not None  # noqa: S101 - it is leased
    lease = claim.checking_until
    if outcome.failure is None:
        try:
            verified = await verify_proven(database, claim, Cause.OWNER, outcome, lease)
        except (TargetAlreadyClaimedError, LookalikeNameError) as error:
            outcome = refused(outcome, error)
        else:
            return outcome if verified else None

    async def work(session: Session) -> Outcome | None:
        changed = await transition(
            session,
            claim.id,
            [State.CHECKING],
            state_after_failure(claim.attempt_count, outcome),
            SYSTEM,
            lease=lease,
            # What was not the page's fault is not counted.
            attempts=-1 if outcome.failure is Failure.SERVICE_UNAVAILABLE else 0,
        )
        if changed is None:
            return None
        await store.add_attempt(session, claim, Cause.OWNER, outcome)
        return outcome

    return await database.run_in_transaction(work)


async def verify_proven(
    database: Database, claim: ClaimRow, cause: Cause, outcome: Outcome, lease: Micros
) -> bool:
    """Make a claim verified whose code was found; return False if the lease was lost.

    Raises TargetAlreadyClaimedError or LookalikeNameError.
    """

    async def work(session: Session) -> bool:
        profile = await verification.lock_profile(session, claim.artist_profile_id, None)
        if profile is None:
            return False
        if not await verify(session, profile, claim, _PROVEN, lease):
            return False
        await store.add_attempt(session, claim, cause, outcome)
        return True

    return await database.run_in_transaction(work)


async def verify(
    session: Session, profile: ProfileRow, claim: ClaimRow, act: Act, lease: Micros | None = None
) -> ClaimRow | None:
    """Make a claim of a locked profile verified, with the profile; return None if its state or lease has changed.

    Raises TargetAlreadyClaimedError or LookalikeNameError.
    """
    await store.lock_names(session)
    lookalike = await _lookalike(session, profile)
    if lookalike is not None:
        raise LookalikeNameError(lookalike)
    changed = await transition(
        session,
        claim.id,
        [claim.state],
        State.VERIFIED,
        act.actor,
        lease=lease,
        recheck_seconds=recheck_seconds(jitter()),
    )
    if changed is None:
        return None
    await store.set_verified(session, claim)
    await record(session, act, claim, State.VERIFIED)
    return changed


async def record(session: Session, act: Act, claim: ClaimRow, after: State) -> None:
    """Write a change of a claim into the audit log of administrative actions."""
    entry = AdminAction(
        actor=act.actor,
        action=act.action,
        target_id=claim.id,
        before={"state": claim.state},
        after={"state": str(after)},
        reason=act.reason,
    )
    await admin.record_action(session, entry)


def jitter() -> float:
    """Return a random number between 0 and 1, by which due times are spread."""
    return random.random()  # noqa: S311 - needs no secrecy


def refused(outcome: Outcome, error: ServiceError) -> Outcome:
    """Return the outcome of a check whose code was found on a page, or for a name, that is another profile's."""
    return Outcome(Stage.MATCH, Failure(error.reason), status_code=outcome.status_code)


async def _lookalike(session: Session, profile: ProfileRow) -> UUID | None:
    found = await artists.find_lookalike(session, profile.id, profile.artist_name)
    return None if found is None else found.id
