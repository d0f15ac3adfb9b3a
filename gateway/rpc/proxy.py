"""Forwards the methods of the upstream services under their own names, as raw bytes.

Messages are not decoded and tokens are not verified here; the upstream does both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from sedaclient.deadlines import RETURN_OVERHEAD
from servicekit.call import Call
from servicekit.channels import ServiceClient
from servicekit.errors import (
    Code,
    DeadlineExceededError,
    ServiceError,
    ServiceUnavailableError,
    TokenInvalidError,
)
from servicekit.handlers import PassthroughHandler
from servicekit.health import HealthRegistry
from servicekit.methods import Method, methods_of
from servicekit.transport import Context, time_left

Metadata = list[tuple[str, str]]
# Codes that gRPC reports when no server has handled the call.
_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class Proxy:
    """Forwards calls. As a worker it ends the open streams on shutdown."""

    def __init__(self, health: HealthRegistry) -> None:
        self._health = health
        self._open_streams: set[asyncio.Timeout] = set()
        self._shutdown_task: asyncio.Task[None] | None = None

    def methods(
        self, client: ServiceClient, services: Iterable[ServiceDescriptor]
    ) -> list[tuple[Method, PassthroughHandler]]:
        """Return a handler for each method of `services`."""
        return [
            (method, self._stream(client, method) if method.server_streaming else _unary(client, method))
            for service in services
            for method in methods_of(service)
        ]

    async def start(self) -> None:
        """Start waiting for shutdown."""
        self._shutdown_task = asyncio.create_task(self._cancel_streams_on_shutdown())

    async def stop(self) -> None:
        """Stop waiting for shutdown."""
        if self._shutdown_task is not None:
            self._shutdown_task.cancel()
            await asyncio.wait([self._shutdown_task])

    def _stream(self, client: ServiceClient, method: Method) -> PassthroughHandler:
        invoke: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = client.stream_channel.unary_stream(
            method.path
        )

        async def forward(data: bytes, context: Context, call: Call, authorization: str | None) -> None:
            # Streams get no default deadline.
            left = time_left(context)
            timeout = None if left is None else left - RETURN_OVERHEAD
            responses = invoke(data, timeout=timeout, metadata=_metadata(call, authorization))
            try:
                async with self._cancelled_on_shutdown():
                    async for response in responses:
                        await context.write(response)
                _copy_trailers(context, await responses.trailing_metadata())
            except grpc.aio.AioRpcError as error:
                raise _to_service_error(error, client.name) from error
            finally:
                # The upstream must not keep writing after the caller is gone.
                responses.cancel()

        return forward

    @asynccontextmanager
    async def _cancelled_on_shutdown(self) -> AsyncIterator[None]:
        """Cancel the block on shutdown and raise ServiceUnavailableError."""
        if self._health.closed.is_set():
            raise ServiceUnavailableError("gateway")
        try:
            async with asyncio.timeout(None) as timeout_scope:
                self._open_streams.add(timeout_scope)
                try:
                    yield
                finally:
                    self._open_streams.discard(timeout_scope)
        except TimeoutError:
            raise ServiceUnavailableError("gateway") from None

    async def _cancel_streams_on_shutdown(self) -> None:
        await self._health.closed.wait()
        now = asyncio.get_running_loop().time()
        for timeout_scope in self._open_streams:
            timeout_scope.reschedule(now)


def _unary(client: ServiceClient, method: Method) -> PassthroughHandler:
    invoke: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = client.channel.unary_unary(method.path)

    async def forward(data: bytes, context: Context, call: Call, authorization: str | None) -> bytes:
        timeout = call.deadline - time.monotonic() - RETURN_OVERHEAD
        forwarded = invoke(data, timeout=timeout, metadata=_metadata(call, authorization))
        try:
            response = await forwarded
        except grpc.aio.AioRpcError as error:
            raise _to_service_error(error, client.name) from error
        _copy_trailers(context, await forwarded.trailing_metadata())
        return response

    return forward


def _metadata(call: Call, authorization: str | None) -> Metadata:
    metadata = [("x-request-id", call.request_id)]
    if authorization is not None:
        if not (authorization.isascii() and authorization.isprintable()):
            # No channel sends it, and no token has such characters.
            raise TokenInvalidError("the authorization header is not printable ASCII")
        metadata.append(("authorization", authorization))
    return metadata + call.trace_context


def _copy_trailers(context: Context, trailers: grpc.aio.Metadata) -> None:
    if trailers:
        context.set_trailing_metadata(tuple(trailers))


class ForwardedError(ServiceError):
    """An upstream's error, forwarded unchanged: code, message and trailers."""

    reason = ""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(error.details() or "")
        self.code = Code(error.code().value[0])  # type: ignore[misc]  # every other error fixes it per class
        self.trailers = tuple(error.trailing_metadata())


def _to_service_error(error: grpc.aio.AioRpcError, service: str) -> ServiceError:
    # Only a server sends trailers; errors made by the local channel have none.
    if error.trailing_metadata():
        return ForwardedError(error)
    if error.code() in _UNREACHABLE:
        return ServiceUnavailableError(service)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceededError(f"the {service} service did not respond in time")
    return ForwardedError(error)
