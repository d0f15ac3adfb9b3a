"""How long a response is cached: RFC 9111 max-age and stale-while-revalidate within our bounds."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from servicekit.clock import Micros
from services.tracks.domain.web.fetch_response import Failure, FetchResponse

HOUR = 3600.0
DAY = 24 * HOUR
_SUCCESS = 24 * HOUR
_SUCCESS_BOUNDS = (HOUR, 7 * DAY)
_STALE = 7 * DAY
_GONE = 6 * HOUR
_REFUSED = HOUR
_OVERLOADED = 300.0
_RETRY_BOUNDS = (1.0, DAY)
_NETWORK = 120.0
_NOT_FOUND_STATUSES = frozenset((404, 410))
_TOO_MANY_REQUESTS = 429
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?([0-9]{1,10})", re.IGNORECASE)
_MICROS = 1_000_000

# Failures that may be over soon. All others are of the URL itself or decisions of the policy.
_TRANSIENT = frozenset(
    (
        Failure.DNS_FAILED,
        Failure.DNS_TIMEOUT,
        Failure.CONNECT_FAILED,
        Failure.CONNECT_TIMEOUT,
        Failure.TLS_FAILED,
        Failure.ANSWER_TIMEOUT,
        Failure.TOTAL_TIMEOUT,
        Failure.CONNECTION_LOST,
        Failure.PROTOCOL_ERROR,
    )
)


class Lifetime(NamedTuple):
    """Seconds for which a response is fresh, and seconds after that in which it may be served while it is revalidated."""

    fresh: float
    stale_while_revalidate: float


def lifetime(response: FetchResponse) -> Lifetime:
    """Return how long to cache a response."""
    status = response.status_code
    if response.failure is not None:
        return Lifetime(_NETWORK if response.failure in _TRANSIENT else _REFUSED, 0.0)
    if response.not_modified or (status is not None and is_success(status)):
        return Lifetime(
            _SUCCESS if response.max_age is None else _clamped(response.max_age, _SUCCESS_BOUNDS), _STALE
        )
    if status in _NOT_FOUND_STATUSES:
        return Lifetime(_GONE, 0.0)
    if status is not None and is_overload(status):
        wait = _OVERLOADED if response.retry_after is None else _clamped(response.retry_after, _RETRY_BOUNDS)
        return Lifetime(wait, 0.0)
    return Lifetime(_REFUSED, 0.0)


def is_transient(response: FetchResponse) -> bool:
    """Return True for a transient failure, which must not replace a usable cached response."""
    if response.failure is not None:
        return response.failure in _TRANSIENT
    return response.status_code is not None and is_overload(response.status_code)


def is_success(status: int) -> bool:
    """Return True for 2xx."""
    return status // 100 == 2  # noqa: PLR2004 - the class of successes


def is_overload(status: int) -> bool:
    """Return True for 429 and 5xx."""
    return status == _TOO_MANY_REQUESTS or status // 100 == 5  # noqa: PLR2004 - the class of server errors


def max_age(cache_control: str) -> float | None:
    """Return the max-age of `Cache-Control`, in seconds."""
    found = _MAX_AGE.search(cache_control)
    return float(found[1]) if found else None


def retry_after(value: str, now: Micros) -> float | None:
    """Return the seconds of `Retry-After`, a number or a date; None if it is neither."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value[:10])
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now / _MICROS)


def _clamped(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])
