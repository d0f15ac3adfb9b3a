"""What the end of a fetch means for whoever asked a provider: told, nothing to be told, or ask again later."""

from __future__ import annotations

import enum

from services.tracks.domain.web.fetch_response import CachedResponse, Failure

# The rules of fetching refused these. Asking again changes nothing.
_PERMANENT_FAILURES = frozenset(
    {
        Failure.BLOCKED_URL,
        Failure.BLOCKED_HOST,
        Failure.BLOCKED_ADDRESS,
        Failure.NOT_UPGRADED,
        Failure.REDIRECT_REFUSED,
        Failure.REDIRECT_LOOP,
        Failure.TOO_MANY_REDIRECTS,
        Failure.CONTENT_TYPE_REFUSED,
        Failure.ENCODING_REFUSED,
        Failure.TOO_LARGE,
    }
)
_TRANSIENT_STATUSES = frozenset({408, 425, 429})
_SERVER_ERRORS = range(500, 600)
_NOT_FOUND_STATUSES = frozenset({404, 410})


class FetchOutcome(enum.Enum):
    """How a provider took a question."""

    SUCCESS = enum.auto()
    """There is a body."""
    NOT_FOUND = enum.auto()
    """There is no such thing."""
    PERMANENT_FAILURE = enum.auto()
    """There is no answer, and won't be."""
    TRANSIENT_FAILURE = enum.auto()
    """There is no answer now; there may be one another time."""


def classify(fetched: CachedResponse) -> FetchOutcome:
    """What a fetch came to."""
    if fetched.ok:
        return FetchOutcome.SUCCESS
    if fetched.failure is not None:
        return (
            FetchOutcome.PERMANENT_FAILURE
            if fetched.failure in _PERMANENT_FAILURES
            else FetchOutcome.TRANSIENT_FAILURE
        )
    status = fetched.status_code
    if status is None or status in _TRANSIENT_STATUSES or status in _SERVER_ERRORS:
        return FetchOutcome.TRANSIENT_FAILURE
    return FetchOutcome.NOT_FOUND if status in _NOT_FOUND_STATUSES else FetchOutcome.PERMANENT_FAILURE
