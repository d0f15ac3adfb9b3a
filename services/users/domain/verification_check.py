"""The outcome of a check: how far it came, and why it failed in words that are told to the owner."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from services.users.domain.verification_target import Target, is_at

_SUCCESS = range(200, 300)
_TRY_LATER = frozenset({408, 425, 429})
_SERVER_ERRORS = range(500, 600)


class Cause(enum.StrEnum):
    """Who started a check."""

    OWNER = "OWNER"
    RECHECK = "RECHECK"


class Stage(enum.StrEnum):
    """How far a check came."""

    DNS = "DNS"
    CONNECT = "CONNECT"
    TLS = "TLS"
    HTTP = "HTTP"
    BODY = "BODY"
    MATCH = "MATCH"


class Failure(enum.StrEnum):
    """Why a check failed; the names equal those of seda.users CheckFailure, which documents them."""

    CODE_NOT_FOUND = "CODE_NOT_FOUND"
    HTTP_STATUS = "HTTP_STATUS"
    TOO_LARGE = "TOO_LARGE"
    TIMEOUT = "TIMEOUT"
    BLOCKED_TARGET = "BLOCKED_TARGET"
    REDIRECT_NOT_ALLOWED = "REDIRECT_NOT_ALLOWED"
    CONTENT_TYPE = "CONTENT_TYPE"
    HOST_NOT_FOUND = "HOST_NOT_FOUND"
    CONNECTION_FAILED = "CONNECTION_FAILED"
    TLS_FAILED = "TLS_FAILED"
    INVALID_RESPONSE = "INVALID_RESPONSE"
    TARGET_ALREADY_CLAIMED = "TARGET_ALREADY_CLAIMED"
    LOOKALIKE_NAME = "LOOKALIKE_NAME"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"


class ProofKind(enum.StrEnum):
    """Where a claim code was found, or is to be put."""

    META_TAG = "META_TAG"
    WELL_KNOWN = "WELL_KNOWN"
    PROVIDER_FIELD = "PROVIDER_FIELD"
    PAGE_TEXT = "PAGE_TEXT"


@dataclass(frozen=True, slots=True)
class Meta:
    """A meta tag: its name in lower case, its content, and whether it is in the head of the page."""

    name: str
    content: str
    in_head: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What an HTML page says. `text` is its visible text."""

    metas: tuple[Meta, ...] = ()
    json_ld: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A response of the crawler. `failure` is a name of seda.tracks FetchFailure, "" for any HTTP response.

    A success has a page, or a text if it is not HTML.
    """

    final_url: str = ""
    status_code: int = 0
    failure: str = ""
    page: Page | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a check. `status_code` is 0 if there was no HTTP response; one of `failure` and `proof` is set."""

    stage: Stage
    failure: Failure | None = None
    proof: ProofKind | None = None
    status_code: int = 0
    counts: bool = field(init=False)
    """Whether a failure is the page's: one that may pass by itself revokes nothing."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", self.failure is not None and not self._may_pass)

    @property
    def _may_pass(self) -> bool:
        if self.failure is Failure.HTTP_STATUS:
            return self.status_code in _SERVER_ERRORS or self.status_code in _TRY_LATER
        return self.failure in {Failure.TIMEOUT, Failure.SERVICE_UNAVAILABLE}


UNAVAILABLE = Outcome(Stage.DNS, Failure.SERVICE_UNAVAILABLE)
"""Nothing was fetched, since the tracks service was away or too busy."""

# By the names of seda.tracks FetchFailure.
_FETCH_FAILURES = {
    "BLOCKED_URL": (Stage.DNS, Failure.BLOCKED_TARGET),
    "BLOCKED_HOST": (Stage.DNS, Failure.BLOCKED_TARGET),
    "BLOCKED_ADDRESS": (Stage.DNS, Failure.BLOCKED_TARGET),
    "NOT_UPGRADED": (Stage.HTTP, Failure.REDIRECT_NOT_ALLOWED),
    "REDIRECT_REFUSED": (Stage.HTTP, Failure.REDIRECT_NOT_ALLOWED),
    "REDIRECT_LOOP": (Stage.HTTP, Failure.REDIRECT_NOT_ALLOWED),
    "TOO_MANY_REDIRECTS": (Stage.HTTP, Failure.REDIRECT_NOT_ALLOWED),
    "DNS_FAILED": (Stage.DNS, Failure.HOST_NOT_FOUND),
    "DNS_TIMEOUT": (Stage.DNS, Failure.TIMEOUT),
    "CONNECT_FAILED": (Stage.CONNECT, Failure.CONNECTION_FAILED),
    "CONNECT_TIMEOUT": (Stage.CONNECT, Failure.TIMEOUT),
    "TLS_FAILED": (Stage.TLS, Failure.TLS_FAILED),
    "ANSWER_TIMEOUT": (Stage.HTTP, Failure.TIMEOUT),
    "TOTAL_TIMEOUT": (Stage.BODY, Failure.TIMEOUT),
    "CONNECTION_LOST": (Stage.BODY, Failure.CONNECTION_FAILED),
    "PROTOCOL_ERROR": (Stage.HTTP, Failure.INVALID_RESPONSE),
    "CONTENT_TYPE_REFUSED": (Stage.BODY, Failure.CONTENT_TYPE),
    "ENCODING_REFUSED": (Stage.BODY, Failure.INVALID_RESPONSE),
    "TOO_LARGE": (Stage.BODY, Failure.TOO_LARGE),
}


def fetch_problem(target: Target, fetched: Fetched) -> Outcome | None:
    """Return why a response proves nothing; None if its body counts for the target."""
    status = fetched.status_code
    if fetched.failure:
        # A newer crawler may know more failures.
        stage, failure = _FETCH_FAILURES.get(fetched.failure, (Stage.HTTP, Failure.INVALID_RESPONSE))
        return Outcome(stage, failure, status_code=status)
    if not is_at(target, fetched.final_url):
        return Outcome(Stage.HTTP, Failure.REDIRECT_NOT_ALLOWED, status_code=status)
    if status not in _SUCCESS:
        return Outcome(Stage.HTTP, Failure.HTTP_STATUS, status_code=status)
    return None
