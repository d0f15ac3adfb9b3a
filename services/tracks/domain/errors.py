"""What a call to the tracks service may end in: one class per reason of the contract."""

from __future__ import annotations

from uuid import UUID

from servicekit.errors import Code, FieldViolation, ServiceError

_FIELD = "input"


class InvalidUrlError(ServiceError, code=Code.INVALID_ARGUMENT, reason="INVALID_URL"):
    """There is no link in the text, or it is broken or of a forbidden form."""

    def __init__(self, message: str) -> None:
        super().__init__(message, violations=[FieldViolation(_FIELD, message)])


class UnsupportedProviderError(ServiceError, code=Code.INVALID_ARGUMENT, reason="UNSUPPORTED_PROVIDER"):
    """The link's host is no known provider. `host` is given in its ASCII form."""

    def __init__(self, host: str) -> None:
        message = f"links to {host} are not supported"
        super().__init__(message, metadata={"host": host}, violations=[FieldViolation(_FIELD, message)])


class UnsupportedResourceError(ServiceError, code=Code.INVALID_ARGUMENT, reason="UNSUPPORTED_RESOURCE"):
    """The provider is known, but not this kind of page."""

    def __init__(self, provider: str) -> None:
        message = f"this kind of {provider} page is not supported"
        super().__init__(
            message, metadata={"provider": provider}, violations=[FieldViolation(_FIELD, message)]
        )


class PrivateLinkError(ServiceError, code=Code.INVALID_ARGUMENT, reason="PRIVATE_LINK"):
    """The link holds a secret that opens something private: what it points to is not for everybody."""

    def __init__(self, provider: str) -> None:
        message = f"this {provider} link is a private one"
        super().__init__(
            message, metadata={"provider": provider}, violations=[FieldViolation(_FIELD, message)]
        )


class NotATrackError(ServiceError, code=Code.INVALID_ARGUMENT, reason="NOT_A_TRACK"):
    """The link points to something else than one track."""

    def __init__(self, kind: str) -> None:
        message = f"the link points to {kind}, not to one track"
        super().__init__(message, metadata={"kind": kind}, violations=[FieldViolation(_FIELD, message)])


class NeedsResolutionError(ServiceError, code=Code.INVALID_ARGUMENT, reason="NEEDS_RESOLUTION"):
    """The link must be followed first, and nobody has done so yet."""

    def __init__(self, provider: str) -> None:
        message = f"this {provider} link must be followed first; resolve it, or paste the full link"
        super().__init__(
            message, metadata={"provider": provider}, violations=[FieldViolation(_FIELD, message)]
        )


class TrackNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="TRACK_NOT_FOUND"):
    """No track has this id."""

    def __init__(self, track_id: UUID) -> None:
        super().__init__("there is no such track", metadata={"track_id": str(track_id)})


class DeadLinkError(ServiceError, code=Code.NOT_FOUND, reason="DEAD_LINK"):
    """The link was followed, and leads nowhere."""

    def __init__(self, provider: str) -> None:
        super().__init__(f"this {provider} link leads nowhere", metadata={"provider": provider})


class LinkUnreachableError(ServiceError, code=Code.UNAVAILABLE, reason="LINK_UNREACHABLE"):
    """The link could not be followed now. `retry_after` is in seconds."""

    def __init__(self, provider: str, retry_after: float) -> None:
        super().__init__(
            f"this {provider} link can't be followed now",
            metadata={"provider": provider},
            retry_after=retry_after,
        )


class HostBusyError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="HOST_BUSY"):
    """Too many wait to ask one web host. `wait` is in seconds."""

    def __init__(self, host: str, wait: float) -> None:
        super().__init__(f"too many wait for {host}", metadata={"host": host}, retry_after=wait)
