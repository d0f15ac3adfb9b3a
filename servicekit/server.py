"""The servers of a process: the contract's port, the admin port, and the metrics port."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import grpc

from servicekit import reflection
from servicekit.credentials import server_credentials
from servicekit.handlers import HandlerFactory, PassthroughHandler
from servicekit.health import HealthRegistry, HealthService
from servicekit.methods import ContractError, Method, methods_of
from servicekit.setting_types import addresses
from servicekit.settings import ServiceSettings
from servicekit.transport import GRPCIO, Handlers, Transport

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", 256 << 10),
    ("grpc.max_send_message_length", 4 << 20),
    ("grpc.max_metadata_size", 8 << 10),
    ("grpc.absolute_max_metadata_size", 16 << 10),
    # Of more calls that wait to be read grpc cancels some, by default of 1,000: as many streams as a process holds may
    # come at once when another one dies.
    ("grpc.server.max_pending_requests", 5_000),
    ("grpc.server.max_pending_requests_hard_limit", 10_000),
    ("grpc.max_connection_age_ms", 120_000),
    ("grpc.max_connection_age_grace_ms", 150_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # grpc-go's shortest keepalive is 10 s. A ping that comes a little early is no strike.
    ("grpc.http2.min_ping_interval_without_data_ms", 9_000),
    ("grpc.keepalive_permit_without_calls", 1),
)
STREAM_GRACE = 3.0
"""Seconds in which at least one of the clients of a process that leaves reads the end of its stream."""
_LOOK_SECONDS = 0.05


class Servicer(Protocol):
    """One proto service: a coroutine method (request, call) for each method of its descriptor."""

    descriptor: Any


class Servers:
    """Builds, starts and stops the servers. `port` and `admin_port` are known once started."""

    def __init__(
        self,
        settings: ServiceSettings,
        servicers: Sequence[Servicer],
        passthrough: Sequence[tuple[Method, PassthroughHandler]],
        handler_factory: HandlerFactory,
        health: HealthRegistry,
    ) -> None:
        self._settings = settings
        self._limiter, self._streams = handler_factory.limiter, handler_factory.streams
        self._metrics, self._watches = handler_factory.metrics, handler_factory.watches
        self._health = health
        self._running: list[grpc.aio.Server] = []
        self.port = 0
        self.admin_port = 0
        own = [servicer.descriptor.full_name for servicer in servicers]
        health.register(own)
        forwarded = dict.fromkeys(method.service for method, _ in passthrough)
        self._listed = [*own, *forwarded, HealthService.descriptor.full_name]
        self._transport = handler_factory.transport
        self._health_handlers = handlers(handler_factory, HealthService(health))
        # The admin port stays on grpcio, which reflection needs.
        self._admin_handlers = handlers(replace(handler_factory, transport=GRPCIO), HealthService(health))
        self._handlers = {
            method.path: handler_factory.passthrough(method, handle) for method, handle in passthrough
        }
        for servicer in servicers:
            self._handlers |= handlers(handler_factory, servicer)

    async def start(self) -> None:
        """Listen on all ports; raises OSError naming a port in use."""
        settings = self._settings
        reflected = reflection.handlers(self._listed, self._health, self._watches)
        main = {
            **self._handlers,
            **self._health_handlers,
            **(reflected if settings.serves_reflection and self._transport.reflects else {}),
        }
        self.port = await self._listen(
            main, settings.host, settings.port, lambda: server_credentials(settings), self._transport
        )
        admin = {**self._admin_handlers, **(reflected if settings.admin_reflects else {})}
        self.admin_port = await self._listen(admin, settings.admin_host, settings.admin_port)
        if settings.metrics_port:
            for host in addresses(settings.admin_host):
                self._metrics.serve(host, settings.metrics_port, reuse_port=settings.reuse_port)

    async def stop(self, grace: float) -> None:
        """Stop all servers at once; running calls get `grace` seconds.

        Streams end by themselves by now. One whose client does not read can't: grpc waits for what was written to it. So
        once none has ended for STREAM_GRACE only calls are waited for.
        """
        stopping = {asyncio.ensure_future(server.stop(grace)): server for server in self._running}
        if stopping:
            left, streams = set(stopping), math.inf
            while left and self._open_streams < streams:
                streams = self._open_streams
                _, left = await asyncio.wait(left, timeout=min(grace, STREAM_GRACE))
            while left and self._limiter.running:
                _, left = await asyncio.wait(left, timeout=_LOOK_SECONDS)
            # Never two stops of a server at once: when one ends the server, the other one cancels calls of a null pointer.
            for each in left:
                each.cancel()
            await asyncio.wait(stopping)
            await asyncio.gather(*(stopping[each].stop(None) for each in left))
            for each in stopping.keys() - left:
                each.result()
        self._running.clear()

    @property
    def _open_streams(self) -> int:
        return self._streams.open + self._watches.open

    async def _listen(
        self,
        by_path: Handlers,
        hosts: str,
        port: int,
        credentials: Callable[[], grpc.ServerCredentials | None] = lambda: None,
        transport: Transport = GRPCIO,
    ) -> int:
        streams = self._settings.max_connection_streams
        options = [
            *_OPTIONS,
            ("grpc.max_concurrent_streams", streams),
            # Two processes on one port share its calls, and a draining one drops some.
            ("grpc.so_reuseport", int(self._settings.reuse_port)),
        ]
        server = transport.server(by_path, options)
        for host in addresses(hosts):
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            # For each address its own: only the first one listens with credentials that can change.
            tls = credentials()
            try:
                # Port 0 picks a free port, which the other addresses share.
                port = server.add_secure_port(address, tls) if tls else server.add_insecure_port(address)
            except RuntimeError as error:
                why = "the port is in use or the address is not local"
                raise OSError(f"can't listen on {address}: {why}") from error
        await server.start()
        self._running.append(server)
        return port


def handlers(handler_factory: HandlerFactory, servicer: Servicer) -> Handlers:
    """The handlers of a servicer; raises ContractError when a method is missing or has no access option."""
    found: Handlers = {}
    for method in methods_of(servicer.descriptor):
        handle = getattr(servicer, method.name, None)
        if handle is None:
            raise ContractError(f"{type(servicer).__name__} lacks {method.full_name}")
        found[method.path] = handler_factory.handler(method, handle)
    return found
