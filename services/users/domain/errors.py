"""What a call to the users service may end in: one class per reason of the contract."""

from __future__ import annotations

from uuid import UUID

from servicekit.errors import Code, ServiceError


class UserNotFoundError(ServiceError):
    """No such user, or one that was erased."""

    code = Code.NOT_FOUND
    reason = "USER_NOT_FOUND"

    def __init__(self, user_id: UUID) -> None:
        super().__init__("no such user", metadata={"user_id": str(user_id)})


class NotYourselfError(ServiceError):
    """Only administrators change other users."""

    code = Code.PERMISSION_DENIED
    reason = "NOT_YOURSELF"

    def __init__(self) -> None:
        super().__init__("only administrators change other users")


class EtagMismatchError(ServiceError):
    """The user has changed since it was read."""

    code = Code.ABORTED
    reason = "ETAG_MISMATCH"

    def __init__(self) -> None:
        super().__init__("the user has changed since it was read; read again and repeat")


class EmailRequiredError(ServiceError):
    """The token names no e-mail address."""

    code = Code.UNAUTHENTICATED
    reason = "EMAIL_REQUIRED"

    def __init__(self) -> None:
        super().__init__("the token names no e-mail address")


class EmailTakenError(ServiceError):
    """Another user holds the token's e-mail address."""

    code = Code.FAILED_PRECONDITION
    reason = "EMAIL_TAKEN"

    def __init__(self) -> None:
        super().__init__("another user holds this e-mail address")
