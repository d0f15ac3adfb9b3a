"""The rules of claims' states, without a database."""

from uuid import uuid4

import pytest

from seda.users.v1.verification_pb2 import VerificationState
from servicekit.errors import CallerSuspendedError, RateLimitedError, ServiceError
from services.users.domain.errors import (
    LookalikeNameError,
    TargetAlreadyClaimedError,
    VerificationLimitError,
    VerificationStateError,
)
from services.users.domain.verification import (
    CheckContext,
    Recheck,
    StartContext,
    State,
    after_recheck,
    check_can_check,
    check_can_start,
    recheck_seconds,
    state_after_failure,
)
from services.users.domain.verification_check import UNAVAILABLE, Failure, Outcome, ProofKind, Stage

HOUR, DAY = 3_600.0, 86_400.0
FOUND = Outcome(Stage.MATCH, proof=ProofKind.META_TAG)
MISSING = Outcome(Stage.MATCH, Failure.CODE_NOT_FOUND)
TIMEOUT = Outcome(Stage.DNS, Failure.TIMEOUT)
READY = CheckContext(State.PENDING, False, False, None, 0, 0.0, False, None)


def test_states_are_those_of_the_contract() -> None:
    assert [f"VERIFICATION_STATE_{each}" for each in State] == VerificationState.keys()[1:]


@pytest.mark.parametrize(
    ("context", "error", "wait"),
    [
        (StartContext(2, 9, 0), None, None),
        (StartContext(3, 0, 0), VerificationLimitError, None),
        (StartContext(2, 10, 80_000), RateLimitedError, 6_400),
        (StartContext(3, 10, 0), VerificationLimitError, None),
    ],
)
def test_limits_of_starts(
    context: StartContext, error: type[ServiceError] | None, wait: float | None
) -> None:
    if error is None:
        check_can_start(context)
        return
    with pytest.raises(error) as raised:
        check_can_start(context)
    assert raised.value.retry_after == wait


@pytest.mark.parametrize(
    ("changes", "error", "wait"),
    [
        ({"last_check_age": 29.0}, RateLimitedError, 1.0),
        ({"failures": 5, "oldest_failure_age": 3_000.0}, RateLimitedError, 600.0),
        ({"state": State.FAILED}, VerificationStateError, None),
        ({"expired": True}, VerificationStateError, None),
        ({"verified_elsewhere": True}, TargetAlreadyClaimedError, None),
        ({"lookalike": uuid4()}, LookalikeNameError, None),
        ({"suspended": True, "state": State.FAILED}, CallerSuspendedError, None),
    ],
)
def test_refused_checks(changes: dict[str, object], error: type[ServiceError], wait: float | None) -> None:
    given = {name: getattr(READY, name) for name in READY.__slots__}
    with pytest.raises(error) as raised:
        check_can_check(CheckContext(**{**given, **changes}))
    assert raised.value.retry_after == wait
    check_can_check(CheckContext(**{**given, "last_check_age": 30.0, "failures": 4}))


def test_attempts_run_out() -> None:
    assert state_after_failure(19, MISSING) is State.PENDING
    assert state_after_failure(20, MISSING) is State.FAILED
    assert state_after_failure(20, TIMEOUT) is State.FAILED
    assert state_after_failure(20, UNAVAILABLE) is State.PENDING


@pytest.mark.parametrize(
    ("state", "failing_for", "outcome", "expected"),
    [
        (State.VERIFIED, None, FOUND, Recheck(State.VERIFIED, 30 * DAY, "none")),
        (State.STALE, 100 * HOUR, FOUND, Recheck(State.VERIFIED, 30 * DAY, "none")),
        (State.VERIFIED, None, MISSING, Recheck(State.STALE, 72 * HOUR, "now")),
        (State.STALE, None, MISSING, Recheck(State.STALE, 72 * HOUR, "now")),
        (State.STALE, 71 * HOUR, MISSING, Recheck(State.STALE, HOUR, "keep")),
        (State.STALE, 72 * HOUR, MISSING, Recheck(State.REVOKED, 0, "keep")),
        (State.STALE, 100 * HOUR, TIMEOUT, Recheck(State.STALE, 1.5 * HOUR, "keep")),
        (State.VERIFIED, None, TIMEOUT, Recheck(State.VERIFIED, 1.5 * HOUR, "keep")),
    ],
)
def test_after_a_recheck(
    state: State, failing_for: float | None, outcome: Outcome, expected: Recheck
) -> None:
    assert after_recheck(state, failing_for, outcome, 0.5) == expected


def test_rechecks_are_spread() -> None:
    assert (recheck_seconds(0), recheck_seconds(1)) == pytest.approx((27 * DAY, 33 * DAY))
