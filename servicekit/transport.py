"""What carries the calls of a process: grpcio's server, or one whose HTTP/2 runs in Rust (docs/transport.md).

Only this module and native_server.py know of the second one. It serves the main port alone: the admin and metrics ports
stay on grpcio, and so do all clients.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias, cast

import grpc

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Handlers = dict[str, Handler]
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Options = Sequence[tuple[str, int]]
TransportName = Literal["grpc", "native"]
# More than this is no deadline: the native server gives a number for that, too.
_NO_DEADLINE = 365 * 86_400.0
# What the native server refuses rather than ignores; see docs/transport.md.
_GRPCIO_ONLY = (
    "grpc.max_connection_age_ms",
    "grpc.max_connection_age_grace_ms",
    "grpc.max_connection_idle_ms",
)


class Transport(Protocol):
    """Makes handlers and servers. `handle` is a coroutine function (request, context) on bytes.

    `reflects`: whether the server can offer reflection.
    """

    reflects: bool

    def handler(self, handle: Any, *, streaming: bool) -> Handler:  # noqa: ANN401 - as grpc takes it
        """Return the handler of a method; the request is its bytes, or an iterator from which they are still to be read."""

    def server(self, by_path: Handlers, options: Options) -> grpc.aio.Server:
        """Return a server of these methods, which is not started yet."""


class GrpcioTransport:
    """grpcio's server."""

    reflects = True

    def handler(self, handle: Any, *, streaming: bool) -> Handler:  # noqa: ANN401 - as grpc takes it
        """See Transport.

        As if the client streamed: grpc.aio calls the handler of a unary request after its message alone, and leaves a
        call that ends without one unanswered. Clients see no difference.
        """
        if streaming:
            return grpc.stream_stream_rpc_method_handler(handle)
        return grpc.stream_unary_rpc_method_handler(handle)

    def server(self, by_path: Handlers, options: Options) -> grpc.aio.Server:
        """See Transport."""
        server = grpc.aio.server(options=options)
        server.add_generic_rpc_handlers((MethodTable(by_path),))
        return server


class NativeTransport:
    """The server of pygrpc-native."""

    # It has no calls whose client streams.
    reflects = False

    def handler(self, handle: Any, *, streaming: bool) -> Handler:  # noqa: ANN401 - as grpc takes it
        """See Transport. A call without a message ends before it reaches a handler."""
        if streaming:
            return grpc.unary_stream_rpc_method_handler(handle)
        return grpc.unary_unary_rpc_method_handler(handle)

    def server(self, by_path: Handlers, options: Options) -> grpc.aio.Server:
        """See Transport."""
        from servicekit.native_server import NativeServer  # noqa: PLC0415 - needs an extra

        server = NativeServer([each for each in options if each[0] not in _GRPCIO_ONLY])
        services: dict[str, Handlers] = {}
        for path, handler in by_path.items():
            service, name = path[1:].split("/")
            services.setdefault(service, {})[name] = handler
        for service, methods in services.items():
            server.add_registered_method_handlers(service, methods)
        return server


class MethodTable(grpc.GenericRpcHandler):
    """One routing table for all methods; otherwise grpc tries every generic handler on each call."""

    def __init__(self, by_path: Handlers) -> None:
        self._by_path = by_path

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """The handler of a call."""
        return self._by_path.get(handler_call_details.method)


GRPCIO = GrpcioTransport()


def transport_of(name: TransportName) -> Transport:
    """Return the transport of this name."""
    return NativeTransport() if name == "native" else GRPCIO


def why_not(name: TransportName, *, tls: bool, addresses: Sequence[str]) -> str | None:
    """Return why the main port can't be served this way; None if it can."""
    if name == "grpc":
        return None
    if importlib.util.find_spec("pygrpc_native") is None:
        return "native needs the extra `native`: pip install 'seda-backend[native]'"
    if tls:
        return "native has no TLS: unset SEDA_TLS_CERTIFICATE_FILE, or use grpc"
    if len(addresses) > 1:
        return "native listens on one address: name one in SEDA_HOST, or use grpc"
    return None


def time_left(context: Context) -> float | None:
    """Return the remaining seconds of a call; None without a deadline."""
    # The stubs omit None.
    left = cast("float | None", context.time_remaining())
    return None if left is None or left > _NO_DEADLINE else left
