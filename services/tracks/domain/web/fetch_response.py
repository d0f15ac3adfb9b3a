"""The result of a fetch: a response, or the reason why there is none."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from servicekit.clock import Micros
from services.tracks.domain.web.charset import decode
from services.tracks.domain.web.content_type import media_type

_SUCCESS = range(200, 300)


class Failure(enum.StrEnum):
    """Why a fetch has no body; the names equal seda.tracks FetchFailure, which documents them."""

    BLOCKED_URL = "BLOCKED_URL"
    BLOCKED_HOST = "BLOCKED_HOST"
    BLOCKED_ADDRESS = "BLOCKED_ADDRESS"
    NOT_UPGRADED = "NOT_UPGRADED"
    REDIRECT_REFUSED = "REDIRECT_REFUSED"
    REDIRECT_LOOP = "REDIRECT_LOOP"
    TOO_MANY_REDIRECTS = "TOO_MANY_REDIRECTS"
    DNS_FAILED = "DNS_FAILED"
    DNS_TIMEOUT = "DNS_TIMEOUT"
    CONNECT_FAILED = "CONNECT_FAILED"
    CONNECT_TIMEOUT = "CONNECT_TIMEOUT"
    TLS_FAILED = "TLS_FAILED"
    ANSWER_TIMEOUT = "ANSWER_TIMEOUT"
    TOTAL_TIMEOUT = "TOTAL_TIMEOUT"
    CONNECTION_LOST = "CONNECTION_LOST"
    PROTOCOL_ERROR = "PROTOCOL_ERROR"
    CONTENT_TYPE_REFUSED = "CONTENT_TYPE_REFUSED"
    ENCODING_REFUSED = "ENCODING_REFUSED"
    TOO_LARGE = "TOO_LARGE"


class Policy(enum.StrEnum):
    """Which redirects are followed."""

    ANY_SITE = "ANY_SITE"
    """To any public host, at most five."""
    SAME_SITE = "SAME_SITE"
    """Within the same registrable domain, at most three. For proofs of ownership."""


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """The response of a host, or how the request failed.

    `final_url` is the URL that responded or failed. `content_type` includes parameters. `content` is decompressed and
    set for successes only. `max_age` and `retry_after` are the server's, in seconds. `not_modified`: the response with
    the entity tag that was sent is still current.
    """

    final_url: str | None = None
    status_code: int | None = None
    content_type: str = ""
    content: bytes = b""
    etag: str | None = None
    max_age: float | None = None
    retry_after: float | None = None
    not_modified: bool = False
    failure: Failure | None = None

    @property
    def has_body(self) -> bool:
        """Return True for a success."""
        return self.failure is None and self.status_code in _SUCCESS


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A response of the crawler, fetched or from its cache.

    `status_code` is None if no host responded. `failure` is why there is no body; an error status is not a failure,
    but has no body either. `retry_after` is when a retry makes sense, in seconds; None for a success. `from_cache`:
    no request was made for this call.
    """

    url: str
    final_url: str | None
    status_code: int | None
    content_type: str
    content: bytes
    failure: Failure | None
    fetched_at: Micros
    retry_after: float | None
    from_cache: bool

    @property
    def ok(self) -> bool:
        """Return True if there is a body."""
        return self.failure is None and self.status_code in _SUCCESS

    @property
    def media_type(self) -> str:
        """The media type in lower case, without parameters."""
        return media_type(self.content_type)

    def text(self) -> str:
        """Return the body decoded by its charset; invalid bytes are replaced. Never raises."""
        return decode(self.content, self.content_type)
