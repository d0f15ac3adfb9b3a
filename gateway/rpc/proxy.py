"""Proxy: the methods of the services under their own names, bytes untouched.

Nothing is decoded and no token is checked here: the service does both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from servicekit.call import Call
from servicekit.channels import RETURN_OVERHEAD, ServiceClient
from servicekit.errors import Code, DeadlineExceededError, ServiceError, ServiceUnavailableError
from servicekit.handlers import PassthroughHandler
from servicekit.health import HealthRegistry
from servicekit.methods import Method, methods_of

Context = grpc.aio.ServicerContext[Any, Any]
Metadata = list[tuple[str, str]]
# How a connection fails, on a call that no server has answered.
_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class Proxy:
    """Passes calls on. As a worker it ends the open streams when the process leaves."""

    def __init__(self, health: HealthRegistry) -> None:
        self._health = health
        self._open_streams: set[asyncio.Timeout] = set()
        self._shutdown_task: asyncio.Task[None] | None = None

    def methods(
        self, client: ServiceClient, services: Iterable[ServiceDescriptor]
    ) -> list[tuple[Method, PassthroughHandler]]:
        """A handler for each method of `services`, which `client` serves."""
        return [
            (method, self._stream(client, method) if method.server_streaming else _unary(client, method))
            for service in services
            for method in methods_of(service)
        ]

    async def start(self) -> None:
        """Begin to wait for the end of the process."""
        self._shutdown_task = asyncio.create_task(self._cancel_streams_on_shutdown())

    async def stop(self) -> None:
        """Stop waiting."""
        if self._shutdown_task is not None:
            self._shutdown_task.cancel()
            await asyncio.wait([self._shutdown_task])

    def _stream(self, client: ServiceClient, method: Method) -> PassthroughHandler:
        invoke: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = client.stream_channel.unary_stream(
            method.path
        )

        async def forward(data: bytes, context: Context, call: Call, authorization: str | None) -> None:
            # A stream has no deadline but the one its caller gave it.
            left = cast("float | None", context.time_remaining())
            timeout = None if left is None else left - RETURN_OVERHEAD
            replies = invoke(data, timeout=timeout, metadata=_metadata(call, authorization))
            try:
                async with self._cancelled_on_shutdown():
                    async for reply in replies:
                        await context.write(reply)
                _copy_trailers(context, await replies.trailing_metadata())
            except grpc.aio.AioRpcError as error:
                raise _to_service_error(error, client.name) from error
            finally:
                # However this ends, the service must not go on writing to nobody.
                replies.cancel()

        return forward

    @asynccontextmanager
    async def _cancelled_on_shutdown(self) -> AsyncIterator[None]:
        """Raises ServiceUnavailableError in what runs inside when the process leaves."""
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
            reply = await forwarded
        except grpc.aio.AioRpcError as error:
            raise _to_service_error(error, client.name) from error
        _copy_trailers(context, await forwarded.trailing_metadata())
        return reply

    return forward


def _metadata(call: Call, authorization: str | None) -> Metadata:
    metadata = [("x-request-id", call.request_id)]
    if authorization is not None:
        metadata.append(("authorization", authorization))
    if call.traceparent is not None:
        metadata.append(("traceparent", call.traceparent))
    return metadata


def _copy_trailers(context: Context, trailers: grpc.aio.Metadata) -> None:
    if trailers:
        context.set_trailing_metadata(tuple(trailers))


class ForwardedError(ServiceError):
    """An error that another service answered, passed on as it came: code, message and trailers."""

    reason = ""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(error.details() or "")
        self.code = Code(error.code().value[0])  # type: ignore[misc]  # every other error fixes it per class
        self.trailers = tuple(error.trailing_metadata())


def _to_service_error(error: grpc.aio.AioRpcError, service: str) -> ServiceError:
    # Trailers are the mark of a server's answer: what the connection makes up has none.
    if error.trailing_metadata():
        return ForwardedError(error)
    if error.code() in _UNREACHABLE:
        return ServiceUnavailableError(service)
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return DeadlineExceededError(f"the {service} service did not answer in time")
    return ForwardedError(error)
