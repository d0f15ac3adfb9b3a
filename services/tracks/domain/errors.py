"""Errors of the tracks service: one class per ErrorReason."""

from __future__ import annotations

from uuid import UUID

from servicekit.errors import Code, FieldViolation, ServiceError

_FIELD = "input"


class InvalidUrlError(ServiceError, code=Code.INVALID_ARGUMENT, reason="INVALID_URL"):
    """The text has no link, or it is malformed or forbidden."""

    def __init__(self, message: str) -> None:
        super().__init__(message, violations=[FieldViolation(_FIELD, message)])


class UnsupportedProviderError(ServiceError, code=Code.INVALID_ARGUMENT, reason="UNSUPPORTED_PROVIDER"):
    """The link's host is not a known provider. `host` is in ASCII."""

    def __init__(self, host: str) -> None:
        message = f"links to {host} are not supported"
        super().__init__(message, metadata={"host": host}, violations=[FieldViolation(_FIELD, message)])


class UnsupportedResourceError(ServiceError, code=Code.INVALID_ARGUMENT, reason="UNSUPPORTED_RESOURCE"):
    """The provider is supported, but not this kind of page."""

    def __init__(self, provider: str) -> None:
        message = f"this kind of {provider} page is not supported"
        super().__init__(
            message, metadata={"provider": provider}, violations=[FieldViolation(_FIELD, message)]
        )


class PrivateLinkError(ServiceError, code=Code.INVALID_ARGUMENT, reason="PRIVATE_LINK"):
    """The link contains the secret of a private resource."""

    def __init__(self, provider: str) -> None:
        message = f"this {provider} link is private"
        super().__init__(
            message, metadata={"provider": provider}, violations=[FieldViolation(_FIELD, message)]
        )


class NotATrackError(ServiceError, code=Code.INVALID_ARGUMENT, reason="NOT_A_TRACK"):
    """The link does not point to a single track."""

    def __init__(self, kind: str) -> None:
        message = f"the link points to {kind}, not to one track"
        super().__init__(message, metadata={"kind": kind}, violations=[FieldViolation(_FIELD, message)])


class NeedsResolutionError(ServiceError, code=Code.INVALID_ARGUMENT, reason="NEEDS_RESOLUTION"):
    """The link must be resolved first."""

    def __init__(self, provider: str) -> None:
        message = f"this {provider} link must be resolved first; call ResolveTrack or use the full link"
        super().__init__(
            message, metadata={"provider": provider}, violations=[FieldViolation(_FIELD, message)]
        )


class TrackNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="TRACK_NOT_FOUND"):
    """No track has this id."""

    def __init__(self, track_id: UUID) -> None:
        super().__init__("no such track", metadata={"track_id": str(track_id)})


class DeadLinkError(ServiceError, code=Code.NOT_FOUND, reason="DEAD_LINK"):
    """The link was followed and its target does not exist."""

    def __init__(self, provider: str) -> None:
        super().__init__(
            f"the target of this {provider} link does not exist", metadata={"provider": provider}
        )


class LinkUnreachableError(ServiceError, code=Code.UNAVAILABLE, reason="LINK_UNREACHABLE"):
    """The link could not be followed for now. `retry_after` is in seconds."""

    def __init__(self, provider: str, retry_after: float) -> None:
        super().__init__(
            f"this {provider} link can't be followed now",
            metadata={"provider": provider},
            retry_after=retry_after,
        )


class HostBusyError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="HOST_BUSY"):
    """The queue of requests to a web host is full. `wait` is in seconds."""

    def __init__(self, host: str, wait: float) -> None:
        super().__init__(f"too many queued requests to {host}", metadata={"host": host}, retry_after=wait)
