"""Lookups of users and tracks that a response can do without."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from servicekit.errors import Code, ServiceError

_log = structlog.get_logger("gateway")
_T = TypeVar("_T")
ENRICH_TIMEOUT = 1.5
"""Seconds that the lookups of users and tracks may take; the page is returned without them after that."""
ENRICH_BUDGET = 0.7
"""Share of the remaining time that the lookups may take; the rest is for the response."""
_DEGRADABLE_CODES = frozenset(
    {
        Code.UNAVAILABLE,
        Code.DEADLINE_EXCEEDED,
        Code.RESOURCE_EXHAUSTED,
        Code.ABORTED,
        Code.CANCELLED,
        Code.INTERNAL,
        Code.UNKNOWN,
    }
)


def lookup_seconds(deadline: float) -> float:
    """Return the seconds that lookups may take before `deadline`, on the process's monotonic clock."""
    return min(ENRICH_TIMEOUT, (deadline - time.monotonic()) * ENRICH_BUDGET)


async def or_none_if_unavailable(
    service: str,
    lookup: Callable[[Sequence[str], float], Awaitable[list[_T]]],
    ids: Sequence[str],
    seconds: float,
) -> list[_T] | None:
    """Run the lookup; return None if the service is unavailable."""
    try:
        return await lookup(ids, seconds)
    except ServiceError as error:
        if error.code not in _DEGRADABLE_CODES:
            raise
        _log.warning("lookup_failed", service=service, code=error.code.name, reason=error.reason)
        return None
