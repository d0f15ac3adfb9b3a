"""Errors of the users service: one class per ErrorReason."""

from __future__ import annotations

from uuid import UUID

from servicekit.errors import Code, FieldViolation, ServiceError

_TARGET = "target_url"


class UserNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="USER_NOT_FOUND"):
    """No such user, or one that was erased."""

    def __init__(self, user_id: UUID | None) -> None:
        """`user_id` is None for a user who was not looked up by id: other identifiers are personal."""
        super().__init__("no such user", metadata={"user_id": "" if user_id is None else str(user_id)})


class NotYourselfError(ServiceError, code=Code.PERMISSION_DENIED, reason="NOT_YOURSELF"):
    """Only administrators change other users, and nobody another user's artist profile."""

    default_message = "only administrators change other users"


class EtagMismatchError(ServiceError, code=Code.ABORTED, reason="ETAG_MISMATCH"):
    """The user or the artist profile has changed since it was read."""

    default_message = "conflicting update; re-read and retry"


class EmailRequiredError(ServiceError, code=Code.UNAUTHENTICATED, reason="EMAIL_REQUIRED"):
    """The token has no valid e-mail address."""

    default_message = "the token has no valid e-mail address"


class UserErasedError(ServiceError, code=Code.UNAUTHENTICATED, reason="USER_ERASED"):
    """The token's subject or e-mail address is that of a user who was erased less than 24 hours ago."""

    default_message = "this user was erased; the identity can be used again after 24 hours"


class ErasureNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="ERASURE_NOT_FOUND"):
    """No such erasure."""

    def __init__(self, erasure_id: UUID) -> None:
        super().__init__("no such erasure", metadata={"erasure_id": str(erasure_id)})


class EmailTakenError(ServiceError, code=Code.FAILED_PRECONDITION, reason="EMAIL_TAKEN"):
    """Another user holds the token's e-mail address."""

    default_message = "another user holds this e-mail address"


class SelfActionError(ServiceError, code=Code.PERMISSION_DENIED, reason="SELF_ACTION"):
    """An administrator acted on themselves."""

    default_message = "administrators do not act on themselves"


class LastAdminError(ServiceError, code=Code.FAILED_PRECONDITION, reason="LAST_ADMIN"):
    """Without the user, no administrator would be left who is not suspended."""

    default_message = "the user is the last administrator"


class ExpireTimePassedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="EXPIRE_TIME_PASSED"):
    """A mute or suspension would have expired already."""

    default_message = "expire_time has passed"


class ArtistNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="ARTIST_NOT_FOUND"):
    """No such artist profile. `wanted` is its id or its user's, as in the request."""

    def __init__(self, wanted: UUID) -> None:
        super().__init__("no such artist profile", metadata={"id": str(wanted)})


class ArtistExistsError(ServiceError, code=Code.ALREADY_EXISTS, reason="ARTIST_EXISTS"):
    """The user has an artist profile with other values."""

    def __init__(self, artist_profile_id: UUID) -> None:
        super().__init__(
            "the user already has an artist profile", metadata={"artist_profile_id": str(artist_profile_id)}
        )


class InvalidTargetError(ServiceError, code=Code.INVALID_ARGUMENT, reason="INVALID_TARGET"):
    """The URL of a claim is malformed, not of the web, or has another port or user information."""

    default_message = "not an https URL of a page"

    def __init__(self) -> None:
        super().__init__(violations=[FieldViolation(_TARGET, self.default_message)])


class TargetHostRefusedError(ServiceError, code=Code.INVALID_ARGUMENT, reason="TARGET_HOST_REFUSED"):
    """The host of a claimed URL is an address, a local name or a public suffix."""

    default_message = "not the name of a public host"

    def __init__(self) -> None:
        super().__init__(violations=[FieldViolation(_TARGET, self.default_message)])


class NotAProfilePageError(ServiceError, code=Code.INVALID_ARGUMENT, reason="NOT_A_PROFILE_PAGE"):
    """The site of a claimed URL has pages of many people, and this is no profile that can be claimed. `site` is in ASCII."""

    def __init__(self, site: str) -> None:
        message = f"not an artist's own page at {site}"
        super().__init__(message, metadata={"site": site}, violations=[FieldViolation(_TARGET, message)])


class VerificationNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="VERIFICATION_NOT_FOUND"):
    """No such claim, or one of another user."""

    def __init__(self, claim_id: UUID) -> None:
        super().__init__("no such verification", metadata={"verification_id": str(claim_id)})


class VerificationStateError(ServiceError, code=Code.FAILED_PRECONDITION, reason="VERIFICATION_STATE"):
    """The state of the claim does not allow this."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the verification is {state}", metadata={"state": str(state)})


class VerificationLimitError(ServiceError, code=Code.FAILED_PRECONDITION, reason="VERIFICATION_LIMIT"):
    """The profile has as many active claims as it may have."""

    def __init__(self, limit: int) -> None:
        message = f"the profile has {limit} active verifications; cancel one first"
        super().__init__(message, metadata={"limit": str(limit)})


class TargetAlreadyClaimedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="TARGET_ALREADY_CLAIMED"):
    """Another profile is verified by the same page."""

    default_message = "another profile is verified by this page; ask an administrator to decide"


class LookalikeNameError(ServiceError, code=Code.FAILED_PRECONDITION, reason="LOOKALIKE_NAME"):
    """The profile's name looks like that of a verified profile."""

    def __init__(self, profile_id: UUID) -> None:
        super().__init__(
            "the name looks like that of a verified artist", metadata={"artist_profile_id": str(profile_id)}
        )
