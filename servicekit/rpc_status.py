"""Serialization and parsing of google.rpc.Status with its details."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.rpc import error_details_pb2, status_pb2

from sedaclient.errors import error_details
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
    details = error_details(error)
    if not details.reason:
        return None
    code = Code(error.code().value[0])
    upstream = UpstreamError(code, details.reason, details.domain, error.details() or "")
    upstream.metadata, upstream.retry_after = dict(details.metadata), details.retry_after
    upstream.violations = tuple(FieldViolation(*each) for each in details.violations)
    return upstream


async def abort(
    context: grpc.aio.ServicerContext[Any, Any], error: ServiceError, domain: str, call: Call
) -> NoReturn:
    """End the call with an error."""
    trailers = error.trailers
    if trailers is None:
        trailers = ((DETAILS_KEY, serialize_status(error, domain, call.request_id)),)
    await context.abort(GRPC_CODES[error.code], error.message, trailing_metadata=trailers)
