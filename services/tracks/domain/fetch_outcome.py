"""Classifies a fetch as success, not found, permanent or transient failure."""

from __future__ import annotations

import enum

from services.tracks.domain.web.fetch_response import CachedResponse, Failure

# Refused by the fetch policy; a retry ends the same.
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
    """The class of a fetch."""

    SUCCESS = enum.auto()
    """The response has a body."""
    NOT_FOUND = enum.auto()
    """The resource does not exist."""
    PERMANENT_FAILURE = enum.auto()
    """A retry would fail too."""
    TRANSIENT_FAILURE = enum.auto()
    """A retry may succeed."""


def classify(fetched: CachedResponse) -> FetchOutcome:
    """Classify a fetch."""
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
