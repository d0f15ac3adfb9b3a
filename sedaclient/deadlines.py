"""How long a call may take: its own time-out, the budget around it, and what is left of the call that makes it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Protocol

DEFAULT_TIMEOUT = 5.0
"""Seconds of a unary call that names none."""
RETURN_OVERHEAD = 0.02
"""Seconds that a servicer keeps for its own answer."""


class RunningCall(Protocol):
    """The call that a servicer of Seda is serving; `deadline` is on the monotonic clock, infinite without one."""

    deadline: float
    request_id: str

    @property
    def trace_context(self) -> Sequence[tuple[str, str]]:
        """The metadata that makes a further call part of the same trace."""


running_call: ContextVar[RunningCall | None] = ContextVar("running_call", default=None)
"""Set inside the servicers of Seda: what they call inherits its deadline, request id and trace."""
_budget: ContextVar[float] = ContextVar("budget", default=math.inf)


@contextlib.contextmanager
def budget(seconds: float) -> Iterator[None]:
    """Bound the time of all calls inside the block together, in seconds; of nested budgets the shorter counts."""
    token = _budget.set(min(_budget.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _budget.reset(token)


def time_left(timeout: float) -> float:
    """Seconds that a call may take: `timeout`, the budget's rest or that of the running call. Not above 0: none."""
    now, call = time.monotonic(), running_call.get()
    left = min(timeout, _budget.get() - now)
    return left if call is None else min(left, call.deadline - now - RETURN_OVERHEAD)
