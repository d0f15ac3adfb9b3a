"""What a call raises: one class for each canonical code, with the reason and the details that the server sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(slots=True)
class ErrorDetails:
    """The google.rpc details of an error; empty where grpc itself made it. `retry_after` is in seconds."""

    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[tuple[str, str]] = ()
    retry_after: float | None = None
    request_id: str = ""


def error_details(error: grpc.RpcError) -> ErrorDetails:
    """Parse the details of a failed call."""
    details = ErrorDetails()
    try:
        # The raised error is also the failed call.
        status = rpc_status.from_call(cast("grpc.Call", error))
    except (ValueError, DecodeError):
        # They contradict the code, or can't be read.
        return details
    for packed in () if status is None else status.details:
        _add(details, packed)
    return details


def _add(details: ErrorDetails, packed: Any) -> None:  # noqa: ANN401 - google.rpc has no types
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    retry, request = error_details_pb2.RetryInfo(), error_details_pb2.RequestInfo()
    if packed.Unpack(info):
        details.reason, details.domain, details.metadata = info.reason, info.domain, dict(info.metadata)
    elif packed.Unpack(bad):
        details.violations = [(each.field, each.description) for each in bad.field_violations]
    elif packed.Unpack(retry):
        details.retry_after = retry.retry_delay.ToNanoseconds() / 1e9
    elif packed.Unpack(request):
        details.request_id = request.request_id


class SedaError(Exception):
    """A call that failed.

    `method` is as in `chat.SendMessage`, `message` the server's text and `details` what it said besides; `request_id`
    names the call in the logs of every service.
    """

    code: ClassVar[grpc.StatusCode]

    def __init_subclass__(cls, code: grpc.StatusCode) -> None:
        cls.code = code

    def __init__(self, method: str, message: str, details: ErrorDetails) -> None:
        super().__init__(method, message, details)
        self.method, self.message = method, message
        self.reason, self.domain = details.reason, details.domain
        self.metadata, self.violations = details.metadata, dict(details.violations)
        self.retry_after, self.request_id = details.retry_after, details.request_id

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later: after `retry_after` seconds if the server said so."""
        return self.code is grpc.StatusCode.UNAVAILABLE or self.retry_after is not None

    def __str__(self) -> str:
        reason = f" {self.reason}" if self.reason else ""
        retry = "" if self.retry_after is None else f" (retry in {self.retry_after:.1f} s)"
        request = f" [request {self.request_id}]" if self.request_id else ""
        return f"{self.method} {self.code.name}{reason}: {self.message}{retry}{request}"


class Cancelled(SedaError, code=grpc.StatusCode.CANCELLED):
    """The server ended the call, mostly because it stops."""


class Unknown(SedaError, code=grpc.StatusCode.UNKNOWN):
    """An error without a code."""


class InvalidArgument(SedaError, code=grpc.StatusCode.INVALID_ARGUMENT):
    """The request is wrong whatever the state: `violations` names the fields."""


class DeadlineExceeded(SedaError, code=grpc.StatusCode.DEADLINE_EXCEEDED):
    """The time was over; the call may have had its effect."""


class NotFound(SedaError, code=grpc.StatusCode.NOT_FOUND):
    """There is no such thing, or the caller may not see it."""


class AlreadyExists(SedaError, code=grpc.StatusCode.ALREADY_EXISTS):
    """A unique thing is there already, such as a request_id with other fields."""


class PermissionDenied(SedaError, code=grpc.StatusCode.PERMISSION_DENIED):
    """The caller may not do that."""


class ResourceExhausted(SedaError, code=grpc.StatusCode.RESOURCE_EXHAUSTED):
    """A limit: wait for `retry_after` if it is there."""


class FailedPrecondition(SedaError, code=grpc.StatusCode.FAILED_PRECONDITION):
    """Not in this state, such as in a locked room."""


class Aborted(SedaError, code=grpc.StatusCode.ABORTED):
    """A conflicting update: read again and repeat."""


class OutOfRange(SedaError, code=grpc.StatusCode.OUT_OF_RANGE):
    """Past the end."""


class Unimplemented(SedaError, code=grpc.StatusCode.UNIMPLEMENTED):
    """The server has no such method."""


class Internal(SedaError, code=grpc.StatusCode.INTERNAL):
    """A defect of the server: `metadata["error_id"]` names it in its log."""


class Unavailable(SedaError, code=grpc.StatusCode.UNAVAILABLE):
    """The server or a service behind it is away; the call may be repeated."""


class DataLoss(SedaError, code=grpc.StatusCode.DATA_LOSS):
    """Data is lost."""


class Unauthenticated(SedaError, code=grpc.StatusCode.UNAUTHENTICATED):
    """There is no token, or it is not valid."""


_CLASSES = {each.code: each for each in SedaError.__subclasses__()}


def from_rpc_error(error: grpc.RpcError, method: str, request_id: str = "") -> SedaError:
    """The error of a failed call of `method`; `request_id` is what it sent."""
    call, details = cast("grpc.Call", error), error_details(error)
    details.request_id = details.request_id or request_id
    return _CLASSES[call.code()](method, call.details() or "", details)
