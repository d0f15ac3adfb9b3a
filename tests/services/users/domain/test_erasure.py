"""The steps of an erasure, their times, and who may start one."""

from __future__ import annotations

from itertools import pairwise
from uuid import uuid4

import pytest

from servicekit.caller import Caller, Role
from servicekit.errors import InvalidFieldsError, ServiceUnavailableError
from services.users.domain.erasure import (
    ErasureMode,
    ErasureRequest,
    ErasureStep,
    callers_seconds,
    check_can_erase,
    next_step,
    retry_delay,
    wait_before,
)
from services.users.domain.errors import NotYourselfError

_ORDER = ("CALLERS", "ARTIST", "CHAT", "TRACKS", "LATE_WRITES", "DONE")


def test_steps_follow_each_other() -> None:
    for step, following in pairwise(_ORDER):
        assert next_step(ErasureStep(step)) == following
    assert tuple(ErasureStep) == _ORDER


def test_only_late_writes_wait_for_stale_callers() -> None:
    waits = {step: wait_before(step) for step in ErasureStep if wait_before(step)}
    # 15 minutes, and the calls that are in flight then.
    assert waits == {ErasureStep.LATE_WRITES: 935.0}
    assert callers_seconds(5.0) == 40.0


def test_retries_come_less_often_up_to_ten_minutes_and_spread() -> None:
    delays = [retry_delay(failures, 0.0) for failures in range(1, 12)]
    assert delays[:4] == [2.0, 4.0, 8.0, 16.0]
    assert delays[-2:] == [600.0, 600.0]
    assert retry_delay(1, 1.0) == 3.0
    assert retry_delay(10**9, 1.0) == 900.0


@pytest.mark.parametrize("role", Role)
def test_others_are_erased_by_administrators_with_a_reason(role: Role) -> None:
    caller = Caller(uuid4(), role)
    check_can_erase(caller, ErasureRequest(caller.user_id, ErasureMode.TOMBSTONE, ""))
    other = ErasureRequest(uuid4(), ErasureMode.TOMBSTONE, "They asked for it")
    if role is not Role.ADMIN:
        with pytest.raises(NotYourselfError):
            check_can_erase(caller, other)
        return
    check_can_erase(caller, other)
    with pytest.raises(InvalidFieldsError):
        check_can_erase(caller, ErasureRequest(other.user_id, other.mode, ""))
    with pytest.raises(ServiceUnavailableError):
        check_can_erase(caller.as_stale("users"), other)
