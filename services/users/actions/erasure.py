"""The actions of ErasureService, and the steps of an erasure, which a worker runs.

Everything that identifies the person in this service goes in the transaction that starts the erasure. What other
processes may still write for the user, and what the other services store, follows step by step. Each step may be
repeated: one that was interrupted runs again.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID, uuid4

from servicekit.caller import Caller, Role
from servicekit.database import Database, Session
from servicekit.rate_limit import RateLimiter
from services.users.domain.admin import (
    Actor,
    ActorKind,
    AdminAction,
    AdminActionType,
    UserState,
    check_admin_remains,
    check_not_suspended,
    check_still_admin,
)
from services.users.domain.erasure import (
    REFUSAL_SECONDS,
    ErasureMode,
    ErasureRequest,
    ErasureStep,
    callers_seconds,
    check_can_erase,
    next_step,
    retry_delay,
    wait_before,
)
from services.users.domain.errors import ErasureNotFoundError, UserNotFoundError
from services.users.domain.identity import TokenIdentity
from services.users.store import admin
from services.users.store import erasure as store
from services.users.store.erasure import DueErasureRow, ErasureRow

# All callers of GetErasure share a bucket, as they have no identity.
_EVERYBODY = UUID(int=0)


class Progress(NamedTuple):
    """The outcome of a step's run: whether it is done, and the rows that it changed."""

    done: bool
    rows: int


class AuthorData(Protocol):
    """What chat stores about a user."""

    async def erase(self, user_id: UUID, mode: ErasureMode) -> Progress:
        """Erase a part of it. Raises ServiceError."""


class ResolverData(Protocol):
    """What tracks stores about a user."""

    async def erase(self, user_id: UUID) -> int:
        """Erase it; return the number of rows. Raises ServiceError."""


@dataclass(frozen=True, slots=True)
class ErasureDeps:
    """The dependencies of the methods. `reads` limits GetErasure; callers are cached for `caller_ttl_seconds`."""

    database: Database
    reads: RateLimiter
    caller_ttl_seconds: float


@dataclass(frozen=True, slots=True)
class StepDeps:
    """The dependencies of the steps."""

    database: Database
    authors: AuthorData
    resolvers: ResolverData


async def erase_user(deps: ErasureDeps, caller: Caller, request: ErasureRequest) -> ErasureRow:
    """Start the erasure of a user, or return the one that exists.

    Raises NotYourselfError, InvalidFieldsError, UserNotFoundError or LastAdminError; for the erasure of another user
    CallerSuspendedError or AccessDeniedError, too.
    """
    check_can_erase(caller, request)

    async def work(session: Session) -> ErasureRow:
        return await _start(session, deps, caller, request)

    return await deps.database.run_in_transaction(work)


async def _start(session: Session, deps: ErasureDeps, caller: Caller, request: ErasureRequest) -> ErasureRow:
    user_id, actor = request.user_id, Actor(ActorKind.USER, caller.user_id)
    # Concurrent requests wait here, and find the erasure of the first one.
    by_id = await admin.lock_with_admins(session, [user_id, caller.user_id])
    is_other = user_id != caller.user_id
    if is_other:
        check_not_suspended(actor, by_id.get(caller.user_id))
        check_still_admin(actor, by_id.get(caller.user_id))
    user = by_id.get(user_id)
    if user is None:
        started = await store.of_user(session, user_id)
        if started is None:
            raise UserNotFoundError(user_id)
        return started
    check_admin_remains(user, user._replace(role=Role.USER), by_id.values())
    former = await store.anonymise_user(session, user_id)
    hashes = TokenIdentity(former.subject, former.email).hashes
    await store.refuse_identities(session, hashes, REFUSAL_SECONDS)
    if is_other:
        await admin.record_action(session, _admin_action(actor, request, user))
    wait = callers_seconds(deps.caller_ttl_seconds)
    return await store.add(session, uuid4(), user_id, request.mode, ErasureStep.CALLERS, wait)


def _admin_action(actor: Actor, request: ErasureRequest, before: UserState) -> AdminAction:
    return AdminAction(
        actor=actor,
        action=AdminActionType.ERASE_USER,
        target_id=request.user_id,
        before={"role": before.role},
        after={"erasure_mode": request.mode},
        reason=request.reason,
    )


async def get_erasure(deps: ErasureDeps, erasure_id: UUID) -> ErasureRow:
    """Return an erasure. Raises ErasureNotFoundError or RateLimitedError."""
    deps.reads.hit(_EVERYBODY)
    row = await store.get(deps.database, erasure_id)
    if row is None:
        raise ErasureNotFoundError(erasure_id)
    return row


async def run_step(deps: StepDeps, job: DueErasureRow) -> None:
    """Run the step of an erasure that is due, and record what follows it. Raises the errors of the other services."""
    step = ErasureStep(job.step)
    progress = await _RUN[step](deps, job)
    following = next_step(step) if progress.done else step
    await store.advance(
        deps.database,
        job.id,
        step,
        following,
        wait_before(following) if progress.done else 0.0,
        progress.rows,
    )


async def delay_step(deps: StepDeps, job: DueErasureRow) -> None:
    """Record that the step has failed."""
    failures = job.failures + 1
    seconds = retry_delay(failures, random.random())  # noqa: S311 - spreads retries, no secret
    await store.delay(deps.database, job.id, job.step, failures, seconds)


async def _callers(_deps: StepDeps, _job: DueErasureRow) -> Progress:
    # Its wait is over.
    return Progress(done=True, rows=0)


async def _artist(deps: StepDeps, job: DueErasureRow) -> Progress:
    return Progress(done=True, rows=await store.delete_artist(deps.database, job.user_id))


async def _chat(deps: StepDeps, job: DueErasureRow) -> Progress:
    return await deps.authors.erase(job.user_id, ErasureMode(job.mode))


async def _tracks(deps: StepDeps, job: DueErasureRow) -> Progress:
    return Progress(done=True, rows=await deps.resolvers.erase(job.user_id))


async def _late_writes(deps: StepDeps, job: DueErasureRow) -> Progress:
    rows = 0
    for step in (_artist, _chat, _tracks):
        progress = await step(deps, job)
        rows += progress.rows
        if not progress.done:
            return Progress(done=False, rows=rows)
    return Progress(done=True, rows=rows)


_RUN: dict[ErasureStep, Callable[[StepDeps, DueErasureRow], Awaitable[Progress]]] = {
    ErasureStep.CALLERS: _callers,
    ErasureStep.ARTIST: _artist,
    ErasureStep.CHAT: _chat,
    ErasureStep.TRACKS: _tracks,
    ErasureStep.LATE_WRITES: _late_writes,
}
