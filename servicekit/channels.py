"""Calls to the other services: channels, deadlines, tokens, retries and typed errors."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Iterable
from typing import Any, TypeVar
from uuid import UUID

import grpc
from google.protobuf.message import Message

from sedaclient.auth import ServiceTokenSigner
from sedaclient.channels import open_channel
from sedaclient.deadlines import DEFAULT_TIMEOUT, time_left
from servicekit.call import current_call
from servicekit.errors import DeadlineExceededError, ServiceUnavailableError
from servicekit.methods import Method
from servicekit.rpc_status import from_rpc_error
from servicekit.tracing import Tracing

_Response = TypeVar("_Response", bound=Message)
_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class UnexpectedStatusError(RuntimeError):
    """A service's gRPC core refused a call, such as to a method that an older build lacks; a retry would not help."""


class ServiceClient:
    """The client of another service: a channel for unary calls, one for streams, one that also retries writes.

    Streams have their own channel: with all streams of a connection taken, a unary call on it waits to its deadline.
    `channel` and `stream_channel` retry reads alone, so the gateway forwards writes exactly once. `retrying_channel`
    retries idempotent writes too, and writes that take a request_id: each such call must have one. Channels connect
    on their first call. `name` is the audience of the service tokens.
    """

    def __init__(
        self,
        name: str,
        target: str,
        methods: Iterable[Method],
        tokens: ServiceTokenSigner,
        tls: grpc.ChannelCredentials | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        methods = list(methods)
        self.name = name
        reads = [method for method in methods if method.read_only]
        self.channel = open_channel(target, reads, tls=tls)
        self.stream_channel = open_channel(target, reads, tls=tls)
        self.retrying_channel = open_channel(target, methods, request_ids=True, tls=tls)
        if tracing is not None:
            self.channel = tracing.channel(self.channel, target)
            self.stream_channel = tracing.channel(self.stream_channel, target)
            self.retrying_channel = tracing.channel(self.retrying_channel, target)
        self._tokens = tokens

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Any, _Response],
        request: Message,
        *,
        as_service: bool = False,
        on_behalf_of: UUID | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> _Response:
        """Call a method for the caller of the running call, or as this service on their behalf.

        Outside of a call, `on_behalf_of` names the user for whom a worker acts.

        Passes on the remaining deadline of the running call less 20 ms, `timeout` seconds at most. Raises
        UpstreamError for an error of the other service, ServiceUnavailableError when it can't be reached.
        """
        seconds = _time_left(timeout)
        try:
            return await method(
                request, timeout=seconds, metadata=self._metadata(on_behalf_of, as_service=as_service)
            )
        except grpc.aio.AioRpcError as error:
            raise self._to_service_error(error) from error

    async def stream(
        self, method: grpc.aio.UnaryStreamMultiCallable[Any, _Response], request: Message
    ) -> AsyncGenerator[_Response, None]:
        """Call a streaming method for the caller of the running call; the method is of `stream_channel`.

        Closing the generator cancels the call. Raises the errors of `call`.
        """
        seconds = _time_left(math.inf)
        responses = method(
            request,
            timeout=None if seconds == math.inf else seconds,
            metadata=self._metadata(None, as_service=False),
        )
        try:
            async for response in responses:
                yield response
        except grpc.aio.AioRpcError as error:
            raise self._to_service_error(error) from error
        finally:
            responses.cancel()

    async def close(self) -> None:
        """Close the channels."""
        for channel in (self.channel, self.stream_channel, self.retrying_channel):
            await channel.close()

    def _metadata(self, user_id: UUID | None, *, as_service: bool) -> tuple[tuple[str, str], ...]:
        call = current_call.get()
        token = call.token if call and not as_service else None
        if token is None:
            if user_id is None and call is not None and call.identity is not None:
                user_id = call.identity.user_id
            token = self._tokens.token(self.name, None if user_id is None else str(user_id))
        metadata = [("authorization", f"Bearer {token}")]
        if call is not None:
            metadata.append(("x-request-id", call.request_id))
            metadata += call.trace_context
        return tuple(metadata)

    def _to_service_error(self, error: grpc.aio.AioRpcError) -> Exception:
        upstream = from_rpc_error(error)
        if upstream is not None:
            return upstream
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceededError(f"the {self.name} service did not respond in time")
        if error.code() in _UNREACHABLE:
            return ServiceUnavailableError(self.name)
        return UnexpectedStatusError(f"{self.name} returned {error.code().name} without details")


def _time_left(timeout: float) -> float:
    left = time_left(timeout)
    if left <= 0:
        raise DeadlineExceededError
    return left
