"""Serialization and parsing of google.rpc.Status with its details."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from servicekit.call import Call
from servicekit.errors import Code, FieldViolation, ServiceError

DETAILS_KEY = "grpc-status-details-bin"
GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}


class UpstreamError(ServiceError):
    """An error of another service, passed on with its code, reason and details."""

    def __init__(self, code: Code, reason: str, domain: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]  # a class attribute in every other error
        self.reason = reason  # type: ignore[misc]  # a class attribute in every other error
        self.domain = domain


def serialize_status(error: ServiceError, domain: str, request_id: str) -> bytes:
    """The serialized google.rpc.Status of an error, for the trailer `grpc-status-details-bin`."""
    status = status_pb2.Status(code=error.code, message=error.message)
    domain = getattr(error, "domain", domain)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=domain, metadata=error.metadata)
    status.details.add().Pack(info, deterministic=True)
    if error.violations:
        violations = [violation._asdict() for violation in error.violations]
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=violations))
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after * 1e9))
        status.details.add().Pack(retry)
    status.details.add().Pack(error_details_pb2.RequestInfo(request_id=request_id))
    serialized: bytes = status.SerializeToString(deterministic=True)
    return serialized


def from_rpc_error(error: grpc.aio.AioRpcError) -> UpstreamError | None:
    """Parse the error of another service; None for an error of the transport."""
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # AioRpcError has the attributes that it reads
    except ValueError:
        # The details contradict the code.
        return None
    if status is None:
        return None
    info = _detail(status, error_details_pb2.ErrorInfo)
    if info is None or not info.reason:
        return None
    upstream = UpstreamError(Code(status.code), info.reason, info.domain, status.message)
    upstream.metadata = dict(info.metadata)
    if bad := _detail(status, error_details_pb2.BadRequest):
        upstream.violations = tuple(
            FieldViolation(each.field, each.description) for each in bad.field_violations
        )
    if retry := _detail(status, error_details_pb2.RetryInfo):
        upstream.retry_after = retry.retry_delay.ToNanoseconds() / 1e9
    return upstream


def _detail(status: status_pb2.Status, kind: Any) -> Any:  # noqa: ANN401 - google.rpc has no types
    """The detail of a message type, or None."""
    for packed in status.details:
        detail = kind()
        if packed.Unpack(detail):
            return detail
    return None


async def abort(
    context: grpc.aio.ServicerContext[Any, Any], error: ServiceError, domain: str, call: Call
) -> NoReturn:
    """End the call with an error."""
    trailers = error.trailers
    if trailers is None:
        trailers = ((DETAILS_KEY, serialize_status(error, domain, call.request_id)),)
    await context.abort(GRPC_CODES[error.code], error.message, trailing_metadata=trailers)
