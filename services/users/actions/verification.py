"""The actions of VerificationService that start, read and cancel claims."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller, Role
from servicekit.database import Session
from servicekit.errors import AccessDeniedError, CallerSuspendedError
from servicekit.ids import new_id
from servicekit.pagination import decode_id, decode_token, encode_token, fingerprint, paginate
from services.users.actions.deps import VerificationDeps
from services.users.domain.admin import Actor, ActorKind
from services.users.domain.errors import (
    ArtistNotFoundError,
    NotYourselfError,
    VerificationNotFoundError,
    VerificationStateError,
)
from services.users.domain.verification import (
    CODE_DAYS,
    MAX_ACTIVE,
    MAX_STARTS_PER_DAY,
    StartContext,
    State,
    check_can_start,
)
from services.users.domain.verification_proof import new_code
from services.users.domain.verification_target import parse_target
from services.users.store import verification as store
from services.users.store import verification_transition
from services.users.store.verification import AttemptRow, ClaimRow

_LAST_ID = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class Listing:
    """A list request. `state` None: any."""

    as_admin: bool
    page_size: int
    page_token: str
    state: State | None = None


async def start_verification(
    deps: VerificationDeps, caller: Caller, profile_id: UUID, target_url: str
) -> ClaimRow:
    """Start a claim of a page, or return the open claim of the same page.

    Raises the errors of parse_target and check_can_start, ArtistNotFoundError, NotYourselfError or CallerSuspendedError.
    """
    target = parse_target(target_url)
    deps.writes.hit(caller.user_id)

    async def work(session: Session) -> ClaimRow:
        profile = await store.lock_profile(session, profile_id, caller.user_id)
        if profile is None:
            raise ArtistNotFoundError(profile_id)
        if profile.user_id != caller.user_id:
            raise NotYourselfError
        if profile.suspended:
            raise CallerSuspendedError
        # One that has expired must not stand in the way of a new one.
        await verification_transition.expire_of_profile(session, profile_id, MAX_ACTIVE)
        context = await store.start_context(
            session, profile_id, caller.user_id, target.url, MAX_STARTS_PER_DAY
        )
        if context.open_id is not None:
            return await _existing(session, context.open_id)
        check_can_start(StartContext(*context[1:]))
        return await store.start(
            session,
            (
                new_id(),
                caller.user_id,
                profile_id,
                target.url,
                target.kind,
                new_code(),
                CODE_DAYS,
                new_id(),
            ),
        )

    return await deps.database.run_in_transaction(work)


async def get_verification(
    deps: VerificationDeps, caller: Caller, claim_id: UUID, *, as_admin: bool
) -> tuple[ClaimRow, AttemptRow | None]:
    """Return a claim and its newest check. Raises VerificationNotFoundError, also for another user's claim."""
    claim = await _visible(deps, caller, claim_id, as_admin=as_admin)
    return claim, await store.last_attempt(deps.database, claim_id)


async def list_verifications(
    deps: VerificationDeps, caller: Caller, listing: Listing
) -> tuple[list[ClaimRow], str]:
    """Return a page of claims, the newest first, and the next page's token."""
    _check_access(caller, as_admin=listing.as_admin)
    request = fingerprint("ListVerifications", caller.user_id, listing.as_admin, listing.state)
    before, limit = _cursor(listing.page_token, request), listing.page_size + 1
    if listing.as_admin:
        rows = await store.list_all(deps.database, listing.state, before, limit)
    else:
        rows = await store.list_own(deps.database, caller.user_id, listing.state, before, limit)
    return paginate(rows, listing.page_size, lambda last: encode_token(request, texts=(str(last.id),)))


async def list_attempts(
    deps: VerificationDeps, caller: Caller, claim_id: UUID, listing: Listing
) -> tuple[list[AttemptRow], str]:
    """Return a page of a claim's checks, the newest first, and the next page's token."""
    request = fingerprint("ListAttempts", caller.user_id, listing.as_admin, claim_id)
    before = _cursor(listing.page_token, request)
    await _visible(deps, caller, claim_id, as_admin=listing.as_admin)
    rows = await store.attempts(deps.database, claim_id, before, listing.page_size + 1)
    return paginate(rows, listing.page_size, lambda last: encode_token(request, texts=(str(last.id),)))


async def cancel_verification(deps: VerificationDeps, caller: Caller, claim_id: UUID) -> ClaimRow:
    """Cancel a pending claim of the caller; one that is cancelled stays so.

    Raises VerificationNotFoundError, VerificationStateError or CallerSuspendedError.
    """
    deps.writes.hit(caller.user_id)

    async def work(session: Session) -> ClaimRow:
        claim, profile = await lock_own(session, caller, claim_id)
        if claim.state == State.CANCELLED:
            return claim
        if profile.suspended:
            raise CallerSuspendedError
        actor = Actor(ActorKind.USER, caller.user_id)
        changed = await verification_transition.transition(
            session, claim_id, [State.PENDING], State.CANCELLED, actor
        )
        if changed is None:
            raise VerificationStateError(claim.state)
        return changed

    return await deps.database.run_in_transaction(work)


async def lock_own(session: Session, caller: Caller, claim_id: UUID) -> tuple[ClaimRow, store.ProfileRow]:
    """Lock the profile of the caller's claim and return both, the claim as it is after that.

    Raises VerificationNotFoundError, also for another user's claim.
    """
    profile_id = await store.profile_of(session, claim_id, caller.user_id)
    profile = None if profile_id is None else await store.lock_profile(session, profile_id, caller.user_id)
    claim = None if profile is None else await store.get(session, claim_id)
    if claim is None or profile is None:
        raise VerificationNotFoundError(claim_id)
    return claim, profile


async def _existing(session: Session, claim_id: UUID) -> ClaimRow:
    claim = await store.get(session, claim_id)
    assert claim is not None  # noqa: S101 - its profile is locked
    return claim


async def _visible(deps: VerificationDeps, caller: Caller, claim_id: UUID, *, as_admin: bool) -> ClaimRow:
    _check_access(caller, as_admin=as_admin)
    claim = await store.get(deps.database, claim_id)
    if claim is None or not (as_admin or claim.user_id == caller.user_id):
        raise VerificationNotFoundError(claim_id)
    return claim


def _check_access(caller: Caller, *, as_admin: bool) -> None:
    if as_admin and caller.confirmed_role is not Role.ADMIN:
        raise AccessDeniedError(Role.ADMIN)


def _cursor(token: str, request: int) -> UUID:
    return decode_id(decode_token(token, request).texts) if token else _LAST_ID
