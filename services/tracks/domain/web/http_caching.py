"""How long what came of a fetch is worth keeping."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from servicekit.clock import Micros
from services.tracks.domain.web.fetch_response import Failure, FetchResponse

HOUR = 3600.0
DAY = 24 * HOUR
_GOOD = 24 * HOUR
_GOOD_BOUNDS = (HOUR, 7 * DAY)
_STALE = 7 * DAY
_GONE = 6 * HOUR
_REFUSED = HOUR
_OVERLOADED = 300.0
_RETRY_BOUNDS = (1.0, DAY)
_NETWORK = 120.0
_GONE_STATUSES = frozenset((404, 410))
_TOO_MANY_REQUESTS = 429
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?([0-9]{1,10})", re.IGNORECASE)
_MICROS = 1_000_000

# What may be over in a moment. Every other failure is of the address itself, or a decision.
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
    """Seconds that an answer is fresh, and seconds after that in which it may be given while it's fetched anew."""

    fresh: float
    stale: float


def lifetime(answer: FetchResponse) -> Lifetime:
    """How long to keep an answer."""
    status = answer.status_code
    if answer.failure is not None:
        return Lifetime(_NETWORK if answer.failure in _TRANSIENT else _REFUSED, 0.0)
    if answer.not_modified or (status is not None and is_success(status)):
        return Lifetime(_GOOD if answer.max_age is None else _clamped(answer.max_age, _GOOD_BOUNDS), _STALE)
    if status in _GONE_STATUSES:
        return Lifetime(_GONE, 0.0)
    if status is not None and is_overload(status):
        wait = _OVERLOADED if answer.retry_after is None else _clamped(answer.retry_after, _RETRY_BOUNDS)
        return Lifetime(wait, 0.0)
    return Lifetime(_REFUSED, 0.0)


def is_transient(answer: FetchResponse) -> bool:
    """Whether the answer speaks of a moment only, so that what was known before is worth more."""
    if answer.failure is not None:
        return answer.failure in _TRANSIENT
    return answer.status_code is not None and is_overload(answer.status_code)


def is_success(status: int) -> bool:
    """Whether there is something to read."""
    return status // 100 == 2  # noqa: PLR2004 - the class of successes


def is_overload(status: int) -> bool:
    """Whether the server can't answer now."""
    return status == _TOO_MANY_REQUESTS or status // 100 == 5  # noqa: PLR2004 - the class of server errors


def max_age(cache_control: str) -> float | None:
    """The seconds that `Cache-Control` gives."""
    found = _MAX_AGE.search(cache_control)
    return float(found[1]) if found else None


def retry_after(value: str, now: Micros) -> float | None:
    """The seconds that `Retry-After` gives, as a number or as a date; None where it gives neither."""
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
