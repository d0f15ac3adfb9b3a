"""A real gRPC server with scripted handlers, in place of an upstream service."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2

Context = grpc.aio.ServicerContext[bytes, bytes]
Handler = Callable[[bytes, Context], Awaitable[bytes]] | Callable[[bytes, Context], AsyncIterator[bytes]]
WATCH = "/grpc.health.v1.Health/Watch"


@dataclass(frozen=True)
class Received:
    """A received call. `time_left` is in seconds, None without a deadline."""

    path: str
    data: bytes
    metadata: dict[str, str | bytes]
    time_left: float | None
    peer: str


@dataclass
class FakeServer(grpc.GenericRpcHandler):
    """Serves the paths in `handlers`: a coroutine function is unary, an asynchronous generator streams."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    calls: list[Received] = field(default_factory=list)
    port: int = 0
    _serving: bool = True
    _server: grpc.aio.Server | None = None

    @property
    def target(self) -> str:
        """The address of the server, also when it is stopped."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start listening, on the same port after a restart."""
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((self,))
        self.port = server.add_insecure_port(self.target)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Close all connections and stop listening."""
        if self._server is not None:
            await self._server.stop(0)
        self._server = None

    def respond(self, path: str, *replies: Message) -> None:
        """Serve a unary method with each of the replies in turn, then with the last one."""
        waiting = [reply.SerializeToString() for reply in replies]

        async def next_reply(_data: bytes, _context: Context) -> bytes:
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]

        self.handlers[path] = next_reply

    def paths(self) -> list[str]:
        """The called methods, in order."""
        return [call.path for call in self.calls]

    async def received(self, path: str, count: int = 1) -> Received:
        """Wait for the `count`-th call of a path and return it."""
        async with asyncio.timeout(10):
            while self.paths().count(path) < count:
                # Polled: simple enough for a test.
                await asyncio.sleep(0.005)
        return [call for call in self.calls if call.path == path][count - 1]

    def set_health(self, *, serving: bool) -> None:
        """Set the health status."""
        self._serving = serving

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        path: str = handler_call_details.method
        if path == WATCH:
            return grpc.unary_stream_rpc_method_handler(self._watch)
        answer = self.handlers.get(path)
        if answer is None:
            return None
        if inspect.isasyncgenfunction(answer):
            return grpc.unary_stream_rpc_method_handler(self._recorded_stream(path, answer))
        return grpc.unary_unary_rpc_method_handler(self._recorded(path, answer))

    def _record(self, path: str, data: bytes, context: Context) -> None:
        metadata = dict(context.invocation_metadata() or ())
        self.calls.append(Received(path, data, metadata, context.time_remaining(), context.peer()))

    def _recorded(self, path: str, answer: Any) -> Any:
        async def run(data: bytes, context: Context) -> bytes:
            self._record(path, data, context)
            reply: bytes = await answer(data, context)
            return reply

        return run

    def _recorded_stream(self, path: str, answer: Any) -> Any:
        async def run(data: bytes, context: Context) -> AsyncIterator[bytes]:
            self._record(path, data, context)
            async for reply in answer(data, context):
                yield reply

        return run

    async def _watch(self, _data: bytes, _context: Context) -> AsyncIterator[bytes]:
        last = None
        while True:
            if self._serving != last:
                last = self._serving
                response = health_pb2.HealthCheckResponse
                state = response.SERVING if last else response.NOT_SERVING
                yield response(status=state).SerializeToString()
            # Polled: simple enough for a test.
            await asyncio.sleep(0.01)


@asynccontextmanager
async def fake_server() -> AsyncIterator[FakeServer]:
    """A running fake server."""
    made = FakeServer()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
