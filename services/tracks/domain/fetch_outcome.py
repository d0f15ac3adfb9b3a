"""What the end of a fetch means for whoever asked a provider: told, nothing to be told, or ask again later."""

from __future__ import annotations

import enum

from services.tracks.domain.web.fetch_response import Failure, Fetched

# The rules of fetching refused these. Asking again changes nothing.
_REFUSED = frozenset(
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
_LATER_STATUSES = frozenset({408, 425, 429})
_SERVER_ERRORS = range(500, 600)
_GONE = frozenset({404, 410})


class Outcome(enum.Enum):
    """How a provider took a question."""

    TOLD = enum.auto()
    """There is a body."""
    GONE = enum.auto()
    """There is no such thing."""
    REFUSED = enum.auto()
    """There is no answer, and won't be."""
    LATER = enum.auto()
    """There is no answer now; there may be one another time."""


def outcome(fetched: Fetched) -> Outcome:
    """What a fetch came to."""
    if fetched.ok:
        return Outcome.TOLD
    if fetched.failure is not None:
        return Outcome.REFUSED if fetched.failure in _REFUSED else Outcome.LATER
    status = fetched.status_code
    if status is None or status in _LATER_STATUSES or status in _SERVER_ERRORS:
        return Outcome.LATER
    return Outcome.GONE if status in _GONE else Outcome.REFUSED
