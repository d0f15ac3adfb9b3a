"""Rules about the states of claims: when one may be started, checked and decided."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.errors import CallerSuspendedError, RateLimitedError
from services.users.domain.admin import Actor, AdminActionType
from services.users.domain.errors import (
    LookalikeNameError,
    TargetAlreadyClaimedError,
    VerificationLimitError,
    VerificationStateError,
)
from services.users.domain.verification_check import Failure, Outcome

MAX_ACTIVE = 3
"""Claims of one profile that are PENDING or CHECKING."""
MAX_STARTS_PER_DAY = 10
MAX_ATTEMPTS = 20
MAX_FAILURES_PER_HOUR = 5
CODE_DAYS = 7
LEASE_SECONDS = 60.0
CHECK_INTERVAL_SECONDS = 30.0
RECHECK_DAYS = 30
REVOKE_AFTER_HOURS = 72
_DAY_SECONDS = 86_400.0
_HOUR_SECONDS = 3_600.0
_RECHECK_JITTER = 0.1
_RETRY_HOURS = 1.0


class State(enum.StrEnum):
    """The state of a claim."""

    PENDING = "PENDING"
    CHECKING = "CHECKING"
    VERIFIED = "VERIFIED"
    STALE = "STALE"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    REVOKED = "REVOKED"


class Decision(enum.StrEnum):
    """What an administrator may decide about a claim."""

    APPROVE = "APPROVE"
    REJECT = "REJECT"
    REVOKE = "REVOKE"

    @property
    def result(self) -> State:
        """The state of a claim after the decision."""
        return _DECISIONS[self][1]

    @property
    def action(self) -> AdminActionType:
        """The decision in the audit log."""
        return _DECISIONS[self][0]

    @property
    def sources(self) -> tuple[State, ...]:
        """The states in which a claim can be decided so."""
        return (State.VERIFIED, State.STALE) if self is Decision.REVOKE else (State.PENDING,)


_DECISIONS = {
    Decision.APPROVE: (AdminActionType.APPROVE_VERIFICATION, State.VERIFIED),
    Decision.REJECT: (AdminActionType.REJECT_VERIFICATION, State.REJECTED),
    Decision.REVOKE: (AdminActionType.REVOKE_VERIFICATION, State.REVOKED),
}


class Act(NamedTuple):
    """A change of a claim, as the audit log has it."""

    actor: Actor
    action: AdminActionType
    reason: str


@dataclass(frozen=True, slots=True)
class StartContext:
    """What decides whether a claim may be started. Spans are in seconds."""

    active: int
    started_today: int
    oldest_start_age: float


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What decides whether a check may be started, by the database's clock. Spans are in seconds.

    `failures` are those of the last hour of this user at this host, with the checks in progress; `oldest_failure_age` is
    the age of the oldest that counts. `verified_elsewhere`: another profile has the target.
    """

    state: State
    suspended: bool
    expired: bool
    last_check_age: float | None
    failures: int
    oldest_failure_age: float
    verified_elsewhere: bool
    lookalike: UUID | None


def check_can_start(context: StartContext) -> None:
    """Raise VerificationLimitError or RateLimitedError unless a profile may have another claim."""
    if context.active >= MAX_ACTIVE:
        raise VerificationLimitError(MAX_ACTIVE)
    if context.started_today >= MAX_STARTS_PER_DAY:
        raise RateLimitedError(_wait(_DAY_SECONDS, context.oldest_start_age))


def check_can_check(context: CheckContext) -> None:
    """Raise the error that refuses a check of a claim, unless a check may be started."""
    if context.suspended:
        raise CallerSuspendedError
    if context.state is not State.PENDING or context.expired:
        raise VerificationStateError(State.EXPIRED if context.expired else context.state)
    if context.verified_elsewhere:
        raise TargetAlreadyClaimedError
    if context.lookalike is not None:
        raise LookalikeNameError(context.lookalike)
    if context.last_check_age is not None and context.last_check_age < CHECK_INTERVAL_SECONDS:
        raise RateLimitedError(_wait(CHECK_INTERVAL_SECONDS, context.last_check_age))
    if context.failures >= MAX_FAILURES_PER_HOUR:
        raise RateLimitedError(_wait(_HOUR_SECONDS, context.oldest_failure_age))


def state_after_failure(attempt_count: int, outcome: Outcome) -> State:
    """Return the state of a claim after a failed check of its owner."""
    # What was not fetched is no attempt.
    used_up = attempt_count >= MAX_ATTEMPTS and outcome.failure is not Failure.SERVICE_UNAVAILABLE
    return State.FAILED if used_up else State.PENDING


@dataclass(frozen=True, slots=True)
class Recheck:
    """What a re-check changes: the state, when the next one is due, in seconds, and since when re-checks fail.

    `first_failure` is "now", "keep" or "none".
    """

    state: State
    due_seconds: float
    first_failure: str


def after_recheck(state: State, failing_for: float | None, outcome: Outcome, jitter: float) -> Recheck:
    """Return what a re-check leads to.

    `failing_for` is the age of the first failure since the last success, in seconds; None: there was none. `jitter` is
    between 0 and 1.
    """
    if outcome.failure is None:
        return Recheck(State.VERIFIED, recheck_seconds(jitter), "none")
    if not outcome.counts:
        return Recheck(state, _RETRY_HOURS * _HOUR_SECONDS * (1 + jitter), "keep")
    grace = REVOKE_AFTER_HOURS * _HOUR_SECONDS
    if failing_for is None:
        return Recheck(State.STALE, grace, "now")
    if failing_for >= grace:
        return Recheck(State.REVOKED, 0, "keep")
    return Recheck(State.STALE, grace - failing_for, "keep")


def recheck_seconds(jitter: float) -> float:
    """Return when a verified claim is checked again, in seconds. `jitter` is between 0 and 1."""
    return RECHECK_DAYS * _DAY_SECONDS * (1 + _RECHECK_JITTER * (2 * jitter - 1))


def _wait(span: float, age: float) -> float:
    # At least a little: the client is to try again after it, not at once.
    return max(span - age, 0.1)
