"""What becomes of a fetch: an answer of the web, or the one reason why there is none."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from servicekit.clock import Micros
from services.tracks.domain.web.charset import decoded
from services.tracks.domain.web.content_type import media_type

_GOOD = range(200, 300)


class Failure(enum.StrEnum):
    """Why there is no body. The contract has the same names (FetchFailure) and says what each means."""

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
    """Where redirects may lead."""

    ANY_SITE = "ANY_SITE"
    """To any public host, five times at most."""
    SAME_SITE = "SAME_SITE"
    """To hosts of the same registrable domain, three times at most. For proofs of ownership."""


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """How one fetch over the network ended.

    `final_url` is the address that answered, or that failed. `content_type` has its parameters. `content` is
    decompressed and there when `status_code` is good and nothing failed. `max_age` and `retry_after` are what
    the server said, in seconds. `not_modified`: what is known under the entity tag that was sent still holds.
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


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """What the crawler gives for an address, fetched now or kept from before.

    `status_code` is None where nothing answered. `failure` says why there is no body; an HTTP status that is no
    success is no failure, but has no body either. `retry_after` is the seconds after which asking again is of use,
    for everything but a success. `from_cache`: nobody was asked for this call.
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
        """Whether there is a body."""
        return self.failure is None and self.status_code in _GOOD

    @property
    def media_type(self) -> str:
        """Such as `text/html`: lower-case, without parameters."""
        return media_type(self.content_type)

    def text(self) -> str:
        """The body decoded by its charset; what can't be decoded is replaced. Never raises."""
        return decoded(self.content, self.content_type)
