"""Typed errors: what a call may end in, free of grpc so that domain rules can raise them.

Codes follow google/rpc/code.proto, details follow google/rpc/error_details.proto (AIP-193).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

_MAX_NAME = 255


class Code(enum.IntEnum):
    """The canonical status codes, with their numbers on the wire."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class FieldViolation(NamedTuple):
    """One field that breaks the contract: its path in the request and what is wrong with it."""

    field: str
    description: str


class ServiceError(Exception):
    """An expected end of a call: a status code, a machine-readable reason and their details.

    Subclasses fix `code` and `reason`, one subclass per ErrorReason, in their heads or as attributes; `default_message` is
    the message unless one is given. `metadata` holds what the reason's comment in the contract promises;
    `retry_after` is in seconds; `domain` is set only when the error was made by another service, and is
    otherwise that of the answering one; `trailers` only where they are passed on as they came.
    """

    code: ClassVar[Code]
    reason: ClassVar[str]
    default_message: ClassVar[str] = ""
    trailers: tuple[tuple[str, str | bytes], ...] | None = None

    def __init_subclass__(cls, code: Code | None = None, reason: str | None = None) -> None:
        if code is not None and reason is not None:
            cls.code, cls.reason = code, reason

    def __init__(
        self,
        message: str | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        self.message = self.default_message if message is None else message
        super().__init__(self.message)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        self.violations = tuple(violations)


class MalformedRequestError(ServiceError, code=Code.INVALID_ARGUMENT, reason="MALFORMED_REQUEST"):
    """The bytes are no message of the request type."""

    default_message = "malformed request"


class InvalidFieldsError(ServiceError, code=Code.INVALID_ARGUMENT, reason="INVALID_FIELDS"):
    """Fields break the contract."""

    def __init__(self, *violations: FieldViolation) -> None:
        text = "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
        super().__init__(f"invalid request: {text}", violations=violations)


class PageTokenMismatchError(ServiceError, code=Code.INVALID_ARGUMENT, reason="PAGE_TOKEN_MISMATCH"):
    """The page token is broken, or of another method, caller or filter."""

    default_message = "the page token does not belong to this request"

    def __init__(self) -> None:
        super().__init__(violations=[FieldViolation("page_token", self.default_message)])


class TokenMissingError(ServiceError, code=Code.UNAUTHENTICATED, reason="TOKEN_MISSING"):
    """The call carries no bearer token."""

    default_message = "this method needs an authorization: Bearer token"


class TokenInvalidError(ServiceError, code=Code.UNAUTHENTICATED, reason="TOKEN_INVALID"):
    """The token can't be trusted."""


class TokenExpiredError(ServiceError, code=Code.UNAUTHENTICATED, reason="TOKEN_EXPIRED"):
    """The token was good once."""

    default_message = "the token has expired"


class AccessDeniedError(ServiceError, code=Code.PERMISSION_DENIED, reason="ACCESS_DENIED"):
    """A valid token of the wrong kind, role or service."""

    def __init__(self, access: str) -> None:
        super().__init__(f"this method is for {access.lower()} callers", metadata={"access": access})


class CallerSuspendedError(ServiceError, code=Code.PERMISSION_DENIED, reason="CALLER_SUSPENDED"):
    """The caller may read but not write."""

    default_message = "the account is suspended; reading stays possible"


class DeadlineExceededError(ServiceError, code=Code.DEADLINE_EXCEEDED, reason="DEADLINE_EXCEEDED"):
    """Too little time was left to begin, or it ran out."""

    default_message = "the deadline has passed"


class OverloadedError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="OVERLOADED"):
    """The process has as many calls as it takes."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("too many calls at once", retry_after=retry_after)


class RateLimitedError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="RATE_LIMITED"):
    """The caller does this too often. `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("rate limit exceeded", retry_after=wait)


class DatabaseBusyError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="DATABASE_BUSY"):
    """No database connection became free in time."""

    def __init__(self) -> None:
        super().__init__("the database is busy", retry_after=0.1)


class DatabaseUnavailableError(ServiceError, code=Code.UNAVAILABLE, reason="DATABASE_UNAVAILABLE"):
    """The database can't be reached."""

    def __init__(self) -> None:
        super().__init__("the database is unavailable", retry_after=1.0)


class OutcomeUnknownError(DatabaseUnavailableError):
    """The connection was lost while committing: the change may or may not have been made."""


class ServiceUnavailableError(ServiceError, code=Code.UNAVAILABLE, reason="SERVICE_UNAVAILABLE"):
    """A service that is needed can't be reached."""

    def __init__(self, service: str, retry_after: float = 1.0) -> None:
        text = f"the {service} service is unavailable"
        super().__init__(text, metadata={"service": service}, retry_after=retry_after)


class ConflictError(ServiceError, code=Code.ABORTED, reason="CONFLICT"):
    """Another transaction was in the way."""

    default_message = "conflicting update; re-read and retry"


class UnknownServiceError(ServiceError, code=Code.NOT_FOUND, reason="UNKNOWN_SERVICE"):
    """Health was asked for a name that this process does not serve."""

    def __init__(self, name: str) -> None:
        # An error that is longer than a client's limit never arrives.
        super().__init__("no such service here", metadata={"service": name[:_MAX_NAME]})


class InternalError(ServiceError, code=Code.INTERNAL, reason="INTERNAL_ERROR"):
    """A defect; everything about it stands in the log under `error_id`."""

    def __init__(self, error_id: str) -> None:
        super().__init__(f"internal error {error_id}", metadata={"error_id": error_id})
