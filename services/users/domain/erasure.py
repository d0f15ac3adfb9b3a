"""Rules about the erasure of a user: who starts it, its steps, and which identities it refuses."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import STALE_SECONDS, Caller, Role
from servicekit.errors import FieldViolation, InvalidFieldsError
from services.users.domain.errors import NotYourselfError

REFUSAL_SECONDS = 86_400.0
"""How long an identity is refused: longer than any token lives."""
# A lookup of a caller that began before the erasure (3 s), then a call without a deadline of its own (30 s).
_IN_FLIGHT_SECONDS = 35.0
LATE_WRITES_SECONDS = STALE_SECONDS + _IN_FLIGHT_SECONDS
"""The time from the start of an erasure until no process accepts the user, even one that can't reach this service."""
_FIRST_DELAY, _LONGEST_DELAY = 2.0, 600.0
_JITTER = 0.5


class ErasureMode(enum.StrEnum):
    """What happens to the user's messages."""

    ANONYMISE = "ANONYMISE"
    TOMBSTONE = "TOMBSTONE"


class ErasureStep(enum.StrEnum):
    """The steps of an erasure, in their order. The user's row is erased before all of them, at the start."""

    CALLERS = "CALLERS"
    ARTIST = "ARTIST"
    CHAT = "CHAT"
    TRACKS = "TRACKS"
    LATE_WRITES = "LATE_WRITES"
    DONE = "DONE"


_STEPS = tuple(ErasureStep)


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """A request to erase a user. `reason` is needed for others only."""

    user_id: UUID
    mode: ErasureMode
    reason: str


def check_can_erase(caller: Caller, request: ErasureRequest) -> None:
    """Raise NotYourselfError unless the caller may erase the user, ServiceUnavailableError for a stale caller.

    Raises InvalidFieldsError for the erasure of another user without a reason.
    """
    if caller.user_id == request.user_id:
        return
    if caller.confirmed_role is not Role.ADMIN:
        raise NotYourselfError
    if not request.reason:
        raise InvalidFieldsError(FieldViolation("reason", "is required to erase another user"))


def callers_seconds(caller_ttl: float) -> float:
    """Return the seconds from the start of an erasure until no process has the user cached as a caller."""
    return caller_ttl + _IN_FLIGHT_SECONDS


def next_step(step: ErasureStep) -> ErasureStep:
    """Return the step after this one."""
    return _STEPS[_STEPS.index(step) + 1]


def wait_before(step: ErasureStep) -> float:
    """Return how many seconds after the start of the erasure a step may run, once those before it are done."""
    return LATE_WRITES_SECONDS if step is ErasureStep.LATE_WRITES else 0.0


def retry_delay(failures: int, jitter: float) -> float:
    """Return the seconds until a step is tried again after so many failures; `jitter` is from 0 to 1."""
    delay = min(_FIRST_DELAY * 2.0 ** min(failures - 1, 16), _LONGEST_DELAY)
    return delay * (1 + _JITTER * jitter)
