"""Typed errors of calls, free of grpc so that domain rules can raise them.

Codes follow google/rpc/code.proto, details follow google/rpc/error_details.proto (AIP-193).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple


class Code(enum.IntEnum):
    """The canonical status codes, with their protocol numbers."""

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
    """An invalid field: its path in the request, and a description."""

    field: str
    description: str


class ServiceError(Exception):
    """An expected error of a call: a status code, a machine-readable reason and their details.

    Each ErrorReason has a subclass with its `code` and `reason`; `default_message` is the message unless one is
    given. `metadata` has the keys that the reason's comment in the contract lists; `retry_after` is in seconds;
    `domain` is set only on errors of another service; `trailers` only where they are passed on unchanged.
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
    """The bytes are not a message of the request type."""

    default_message = "malformed request"

    def __init__(self, message_type: str) -> None:
        # The violation is of the request as a whole: an empty path.
        super().__init__(violations=[FieldViolation("", f"cannot be decoded as {message_type}")])


class InvalidFieldsError(ServiceError, code=Code.INVALID_ARGUMENT, reason="INVALID_FIELDS"):
    """Fields violate the contract's rules."""

    def __init__(self, *violations: FieldViolation) -> None:
        text = "; ".join(f"{violation.field}: {violation.description}" for violation in violations)
        super().__init__(f"invalid request: {text}", violations=violations)


class PageTokenMismatchError(ServiceError, code=Code.INVALID_ARGUMENT, reason="PAGE_TOKEN_MISMATCH"):
    """The page token is malformed, or of another method, caller or filter."""

    default_message = "the page token does not match this request"

    def __init__(self) -> None:
        super().__init__(violations=[FieldViolation("page_token", self.default_message)])


class TokenMissingError(ServiceError, code=Code.UNAUTHENTICATED, reason="TOKEN_MISSING"):
    """The call carries no bearer token."""

    default_message = "missing bearer token in the authorization header"


class TokenInvalidError(ServiceError, code=Code.UNAUTHENTICATED, reason="TOKEN_INVALID"):
    """The token is not valid."""


class TokenExpiredError(ServiceError, code=Code.UNAUTHENTICATED, reason="TOKEN_EXPIRED"):
    """The token was valid and has expired."""

    default_message = "the token has expired"


class AccessDeniedError(ServiceError, code=Code.PERMISSION_DENIED, reason="ACCESS_DENIED"):
    """The token is valid, but of the wrong kind, role or service."""

    def __init__(self, access: str) -> None:
        super().__init__(f"this method requires {access.lower()} access", metadata={"access": access})


class CallerSuspendedError(ServiceError, code=Code.PERMISSION_DENIED, reason="CALLER_SUSPENDED"):
    """The caller may read but not write."""

    default_message = "the account is suspended and read-only"


class DeadlineExceededError(ServiceError, code=Code.DEADLINE_EXCEEDED, reason="DEADLINE_EXCEEDED"):
    """The deadline passed, or too little time was left to start."""

    default_message = "deadline exceeded"


class OverloadedError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="OVERLOADED"):
    """The concurrency limit and its queue are full."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("concurrency limit exceeded", retry_after=retry_after)


class RateLimitedError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="RATE_LIMITED"):
    """The caller exceeded a rate limit or their share of calls or streams. `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("rate limit exceeded", retry_after=wait)


class DatabaseBusyError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="DATABASE_BUSY"):
    """No database connection was free within the timeout."""

    def __init__(self) -> None:
        super().__init__("the database is busy", retry_after=0.1)


class DatabaseUnavailableError(ServiceError, code=Code.UNAVAILABLE, reason="DATABASE_UNAVAILABLE"):
    """The database can't be reached."""

    def __init__(self) -> None:
        super().__init__("the database is unavailable", retry_after=1.0)


class OutcomeUnknownError(DatabaseUnavailableError):
    """The connection was lost during the commit; the transaction may or may not be committed."""


class ServiceUnavailableError(ServiceError, code=Code.UNAVAILABLE, reason="SERVICE_UNAVAILABLE"):
    """A required service can't be reached."""

    def __init__(self, service: str, retry_after: float = 1.0) -> None:
        text = f"the {service} service is unavailable"
        super().__init__(text, metadata={"service": service}, retry_after=retry_after)


class ConflictError(ServiceError, code=Code.ABORTED, reason="CONFLICT"):
    """The transaction conflicted with another one."""

    default_message = "conflicting update; re-read and retry"


class UnknownServiceError(ServiceError, code=Code.NOT_FOUND, reason="UNKNOWN_SERVICE"):
    """A health check named a service that this process does not serve."""

    def __init__(self, name: str) -> None:
        super().__init__("no such service", metadata={"service": name})


class InternalError(ServiceError, code=Code.INTERNAL, reason="INTERNAL_ERROR"):
    """A defect; the log has its details under `error_id`."""

    def __init__(self, error_id: str) -> None:
        super().__init__(f"internal error {error_id}", metadata={"error_id": error_id})
