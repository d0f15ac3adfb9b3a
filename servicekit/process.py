"""The lifecycle of a process: settings, servers, readiness, drain, shutdown.

    from servicekit.process import main
    main(Settings, build)

`build` is the composition root of the service (its app.py): it takes an AppContext and returns an App.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol

import grpc
import structlog
import uvloop
from google.protobuf.descriptor import ServiceDescriptor

from sedaclient.auth import ServiceTokenSigner
from servicekit import credentials, logs
from servicekit.channels import ServiceClient
from servicekit.clock import Clock, SystemClock
from servicekit.concurrency_limit import ConcurrencyLimiter, StreamLimiter
from servicekit.database import Database
from servicekit.handlers import HandlerFactory, PassthroughHandler
from servicekit.health import HealthRegistry
from servicekit.identity import Authenticator, CallerResolver
from servicekit.methods import Method, methods_of
from servicekit.metrics import Metrics
from servicekit.readiness import DatabaseProbe
from servicekit.server import Servers, Servicer
from servicekit.settings import ServiceSettings, SettingsError, SettingsT, load
from servicekit.tracing import Tracing
from servicekit.transport import transport_of

_log = structlog.get_logger("process")
STOP_GRACE = 15.0
USAGE = 2
# Of generation 0. Python's is 700; what running calls have in use goes up and down by thousands, and hardly any of it is a cycle.
_GC_THRESHOLD = 10_000


class Worker(Protocol):
    """A background task that runs while the process serves."""

    async def start(self) -> None:
        """Start; returns once the worker runs."""

    async def stop(self) -> None:
        """Finish the work in progress and stop."""


@dataclass(slots=True)
class AppContext(Generic[SettingsT]):
    """The composition context: shared parts from which a service is built."""

    settings: SettingsT
    clock: Clock
    service_tokens: ServiceTokenSigner
    channel_credentials: grpc.ChannelCredentials | None
    """Credentials of channels to other services; None: plain text."""
    tracing: Tracing | None = None
    metrics: Metrics = field(default_factory=Metrics)
    health: HealthRegistry = field(default_factory=HealthRegistry)
    service_clients: list[ServiceClient] = field(default_factory=list)
    _database: Database | None = None

    @property
    def database(self) -> Database:
        """The process's pool; opened before the workers start."""
        if self._database is None:
            self._database = Database(self.settings.dsn, self.settings.pool_options())
            self.metrics.watch_database(self._database)
            if self.tracing is not None:
                self._database.trace = self.tracing.statement
        return self._database

    def service_client(self, name: str, *services: ServiceDescriptor) -> ServiceClient:
        """The service `name` at the address that the settings give it; closed with the process.

        The idempotent methods of `services` are retried.
        """
        return self.client_of(name, getattr(self.settings, f"{name}_target"), services)

    def client_of(self, name: str, target: str, services: Iterable[ServiceDescriptor]) -> ServiceClient:
        """As `service_client`, at another address."""
        methods = [method for service in services for method in methods_of(service)]
        client = ServiceClient(
            name, target, methods, self.service_tokens, self.channel_credentials, self.tracing
        )
        self.service_clients.append(client)
        return client


@dataclass(slots=True)
class App:
    """A composed service.

    `passthrough` are methods forwarded as bytes, with all methods of each of their services.
    `workers` start in order and stop in reverse.
    """

    servicers: Sequence[Servicer]
    resolver: CallerResolver
    workers: Sequence[Worker] = ()
    passthrough: Sequence[tuple[Method, PassthroughHandler]] = ()
    schema_head: str | None = None
    """The newest migration this build needs. None: a worker sets the readiness instead."""


class Process:
    """One running service, for `main` and for tests alike."""

    def __init__(
        self,
        settings: SettingsT,
        build: Callable[[AppContext[SettingsT]], App],
        clock: Clock | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.settings = settings
        signer, channels = (
            credentials.build_service_signer(settings),
            credentials.channel_credentials(settings),
        )
        tracing = tracing or _tracing(settings)
        self.context: AppContext[Any] = AppContext(
            settings, clock or SystemClock(), signer, channels, tracing
        )
        self.health, self.metrics = self.context.health, self.context.metrics
        self.app = build(self.context)
        verifier = credentials.build_token_verifier(settings)
        delegates = settings.delegates.split(",") if settings.delegates else ()
        self.authenticator = Authenticator(
            verifier, self.app.resolver, self.context.clock, settings.caller_ttl_seconds, delegates
        )
        limiter = ConcurrencyLimiter(
            settings.max_calls,
            settings.max_queued_calls,
            settings.max_queue_wait_ms / 1000,
            settings.max_calls_per_user,
        )
        streams = StreamLimiter(settings.max_streams, settings.max_streams_per_user)
        watches = StreamLimiter(settings.max_watches, settings.max_watches_per_address)
        self.metrics.watch_limiters(limiter, streams, watches)
        self.metrics.gauge("seda_ready", "1 while ready for calls.", lambda: self.health.ready)
        handler_factory = HandlerFactory(
            settings.process,
            self.authenticator,
            limiter,
            streams,
            watches,
            self.metrics,
            transport_of(settings.transport),
            tracing,
        )
        self.servers = Servers(
            settings, self.app.servicers, self.app.passthrough, handler_factory, self.health
        )
        self.probe_task: asyncio.Task[None] | None = None
        """Fails with a SettingsError when the process must stop."""
        self._cleanup = AsyncExitStack()

    async def start(self) -> None:
        """Open the pool, start the readiness probe and the workers, and listen.

        Raises OSError when a port is in use, SettingsError when the database role has excessive privileges in
        production.
        """
        if self.context.tracing is not None:
            # Last of all: what is closed before it may end spans.
            self._cleanup.push_async_callback(self.context.tracing.stop)
        for client in self.context.service_clients:
            self._cleanup.push_async_callback(client.close)
        if self.settings.has_database:
            await self.context.database.open()
            self._cleanup.push_async_callback(self.context.database.close)
        if self.app.schema_head is not None:
            # Before any write: the probe rejects a database role with excessive privileges.
            probe = DatabaseProbe(self.settings, self.health, self.app.schema_head)
            self._cleanup.push_async_callback(probe.stop)
            await probe.start()
            self.probe_task = probe.probe_task
        for worker in self.app.workers:
            await worker.start()
            self._cleanup.push_async_callback(worker.stop)
        await self.servers.start()
        _log.info("listening", port=self.servers.port, admin_port=self.servers.admin_port)

    async def drain(self, wait: float) -> None:
        """Turn readiness off and serve for `wait` seconds more, so that clients can switch to other replicas."""
        self.health.drain()
        await asyncio.sleep(wait)

    async def stop(self, grace: float = STOP_GRACE) -> None:
        """End streams, finish running calls within `grace` seconds, stop the workers, close the pool."""
        self.health.close()
        await self.servers.stop(grace)
        await self._cleanup.aclose()


def _tracing(settings: ServiceSettings) -> Tracing | None:
    if not settings.tracing:
        return None
    from servicekit.open_telemetry import OpenTelemetry  # noqa: PLC0415 - an extra

    try:
        return OpenTelemetry(settings.process)
    except Exception as error:  # what its variables may hold is not ours
        raise SettingsError([f"SEDA_TRACING: {type(error).__name__}: {error}"]) from error


def main(settings_type: type[SettingsT], build: Callable[[AppContext[SettingsT]], App]) -> None:
    """Run a service until a shutdown signal. Exits 0 after a drain, 2 with invalid settings."""
    try:
        settings = load(settings_type)
        logs.configure(settings.process, settings.log_level, settings.log_format)
        code = uvloop.run(_run(settings, build))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(USAGE) from None
    raise SystemExit(code)


async def _run(settings: SettingsT, build: Callable[[AppContext[SettingsT]], App]) -> int:
    signals = _ShutdownSignals(settings.parent_fd)
    process, announcements = Process(settings, build), set[asyncio.Task[None]]()
    try:
        await process.start()
        # Modules and descriptors live as long as the process. A full collection with them stops everything for 45 ms.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, *gc.get_threshold()[1:])
        if settings.ready_fd is not None:
            announcements.add(asyncio.create_task(_announce(process.health, settings.ready_fd)))
        await _wait_first(signals.requested.wait(), *filter(None, [process.probe_task]))
    except (OSError, SettingsError) as error:
        await process.stop(grace=0)
        if isinstance(error, SettingsError):
            raise
        _log.error("start_failed", error=str(error))
        return 1
    _log.info("draining")
    graceful = asyncio.ensure_future(
        _shutdown_gracefully(process, 0.0 if signals.parent_died else settings.drain_wait)
    )
    await _wait_first(graceful, signals.forced.wait())
    if not graceful.done():
        graceful.cancel()
        await process.servers.stop(0)
        return 1
    _log.info("stopped")
    return 0


async def _announce(health: HealthRegistry, ready_fd: int) -> None:
    """Tell whoever started the process that it serves."""
    await health.wait_until_ready()
    # Nobody may be left to read it.
    with contextlib.suppress(BrokenPipeError):
        os.write(ready_fd, b"+")
    os.close(ready_fd)


async def _wait_first(*works: Awaitable[Any]) -> None:
    """Wait for the first to end; raises its exception."""
    done, _ = await asyncio.wait(map(asyncio.ensure_future, works), return_when=asyncio.FIRST_COMPLETED)
    for work in done:
        work.result()


async def _shutdown_gracefully(process: Process, wait: float) -> None:
    await process.drain(wait)
    await process.stop()


class _ShutdownSignals:
    """Shutdown triggers: SIGTERM/SIGINT (graceful), a second signal (immediate), or EOF on the parent's pipe."""

    def __init__(self, parent_fd: int | None) -> None:
        self.requested = asyncio.Event()
        self.forced = asyncio.Event()
        self.parent_died = False
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        if parent_fd is not None:
            self._parent_fd = parent_fd
            os.set_blocking(parent_fd, False)
            loop.add_reader(parent_fd, self._on_parent_pipe)

    def _signalled(self) -> None:
        if self.requested.is_set():
            self.forced.set()
        self.requested.set()

    def _on_parent_pipe(self) -> None:
        # The parent, the only writer, never writes: readable means EOF, so it is gone.
        if not os.read(self._parent_fd, 1):
            asyncio.get_running_loop().remove_reader(self._parent_fd)
            self.parent_died = True
            self.requested.set()
