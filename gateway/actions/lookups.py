"""Calls of composed reads: their time budgets, and which errors mean that a service is away."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

import structlog

from gateway.actions.deps import Deps
from gateway.actions.parts import NO_PARTS, PageIds, Parts, join_parts
from seda.tracks.v1.track_pb2 import Track
from seda.users.v1.user_pb2 import UserSummary
from sedaclient.deadlines import RETURN_OVERHEAD, time_left
from servicekit.channels import UnexpectedStatusError
from servicekit.errors import Code, RateLimitedError, ServiceError, ServiceUnavailableError

_log = structlog.get_logger("gateway")
_T = TypeVar("_T")
_P = ParamSpec("_P")
MAX_IDS = 1000
"""The maximum number of ids of a lookup; a page with more has stubs for the rest, so that it costs one call."""
_SHARE = 0.7
"""Share of the remaining time that a call may take; the rest is for the next calls and the response."""
_FAILED_CODES = frozenset(
    {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.INTERNAL, Code.UNKNOWN}
)
_BUSY_CODES = frozenset({Code.RESOURCE_EXHAUSTED, Code.ABORTED})
_TOO_BROAD = "SEARCH_TOO_BROAD"


def is_away(error: ServiceError) -> bool:
    """Return whether a service can't respond at present, for any reason but the caller's own."""
    if error.code in _FAILED_CODES or error.reason == _TOO_BROAD:
        return True
    return error.code in _BUSY_CODES and error.reason != RateLimitedError.reason


async def from_main(
    service: str, call: Callable[_P, Awaitable[_T]], *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    """Call the service without which there is no page, and return its response.

    Raises ServiceUnavailableError if it fails or is slow, and its other errors as they are.
    """
    try:
        return await call(*args, **kwargs)
    except ServiceError as error:
        if error.code is Code.DEADLINE_EXCEEDED and time_left(math.inf) < RETURN_OVERHEAD:
            # It was the caller's own deadline.
            raise
        if error.code in _FAILED_CODES and error.code is not Code.UNAVAILABLE:
            _log.warning("main_service_failed", service=service, code=error.code.name, reason=error.reason)
            raise ServiceUnavailableError(service) from error
        raise


async def or_none_if_away(
    unreachable: list[str],
    service: str,
    call: Callable[_P, Awaitable[_T]],
    *args: _P.args,
    **kwargs: _P.kwargs,
) -> _T | None:
    """Call a service and return its response; if it is away, add it to `unreachable` and return None."""
    try:
        return await call(*args, **kwargs)
    except ServiceError as error:
        if not is_away(error):
            raise
        _log.warning("lookup_failed", service=service, code=error.code.name, reason=error.reason)
    except UnexpectedStatusError as error:
        # A rolling update: that process has no such method yet.
        _log.warning("lookup_failed", service=service, error=str(error))
    unreachable.append(service)
    return None


def main_seconds(deps: Deps, deadline: float) -> float:
    """Return the seconds that the main service may take before `deadline`, on the process's monotonic clock."""
    return min(deps.budgets.main_seconds, (deadline - time.monotonic()) * _SHARE)


def lookup_seconds(deps: Deps, deadline: float) -> float:
    """Return the seconds that other calls may take before `deadline`, on the process's monotonic clock."""
    return min(deps.budgets.lookup_seconds, (deadline - time.monotonic()) * _SHARE)


async def look_up_parts(deps: Deps, ids: PageIds, deadline: float, known: Parts = NO_PARTS) -> Parts:
    """Look up what is not known yet, with at most one call of each kind, and join all of it.

    A service that is away is only listed in `unreachable`; one that `known` lists is not called.
    """
    unreachable = list(known.unreachable)
    seconds = lookup_seconds(deps, deadline)
    user_ids = [] if "users" in unreachable else _missing(ids.user_ids, known.authors)
    track_ids = [] if "tracks" in unreachable else _missing(ids.tracks, known.tracks)
    users, artists, tracks = await asyncio.gather(
        _look_up("users", deps.users.lookup_users, user_ids, seconds, unreachable),
        _look_up("users", deps.users.lookup_artists, user_ids, seconds, unreachable),
        _look_up("tracks", deps.tracks.lookup_tracks, track_ids, seconds, unreachable),
    )
    return join_parts(
        ids,
        Parts([*known.authors, *users], [*known.artists, *artists], [*known.tracks, *tracks], unreachable),
    )


def _missing(ids: Iterable[str], found: Iterable[UserSummary | Track]) -> list[str]:
    known = {each.id for each in found}
    return [each for each in ids if each not in known][:MAX_IDS]


async def _look_up(
    service: str,
    lookup: Callable[[Sequence[str], float], Awaitable[Sequence[_T]]],
    ids: Sequence[str],
    seconds: float,
    unreachable: list[str],
) -> Sequence[_T]:
    return await or_none_if_away(unreachable, service, lookup, ids, seconds) or () if ids else ()
