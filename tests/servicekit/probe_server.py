"""The probe service behind the real handler_factory, on a real server, called over a real channel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import grpc
from google.protobuf.message import Message

from ops.dev_tokens import development_token
from sedaclient.auth import ServiceTokenSigner
from servicekit.call import Call
from servicekit.caller import Caller, Role
from servicekit.clock import Micros
from servicekit.concurrency_limit import ConcurrencyLimiter, StreamLimiter
from servicekit.handlers import HandlerFactory
from servicekit.health import HealthRegistry, HealthService
from servicekit.identity import Authenticator
from servicekit.jwks import SharedSecret
from servicekit.metrics import Metrics
from servicekit.server import handlers
from servicekit.tokens import TokenVerifier
from servicekit.transport import Handlers, MethodTable
from tests.contract.suite import Outcome, send
from tests.probe import INTERNAL_SERVICE, METHODS, SERVICE, EmptyResponse, ProbeRequest, ProbeResponse

JWT_SECRET = b"a secret of users' tokens for tests only"
SERVICE_SECRET = b"a secret of services' tokens for tests only"
USER_ID = UUID("0190a5c0-0000-7000-8000-00000000000a")
Handle = Callable[[Any, Call], Awaitable[Any]]


@dataclass
class HandClock:
    """A clock that stands still until it is moved. In seconds."""

    seconds: float = 1_000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> Micros:
        return Micros(int(self.seconds * 1e6))


@dataclass
class Users:
    """Stands for the users service: knows everybody, in the given role, as long as `error` is None.

    Everybody is one user, but for those in `others`, by their e-mail addresses.
    """

    service = "users"
    role: Role = Role.USER
    suspended_until: Micros | None = None
    error: Exception | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    others: dict[str, UUID] = field(default_factory=dict)

    async def resolve(self, subject: str, email: str) -> Caller:
        self.asked.append((subject, email))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Caller(self.others.get(email, USER_ID), self.role, suspended_until=self.suspended_until)

    async def resolve_user(self, user_id: str) -> Caller:
        assert user_id == str(USER_ID)
        return await self.resolve("", user_id)


def verifier(
    now: Callable[[], float] = time.time,
    *,
    accept_development: bool = True,
    require_verified_email: bool = False,
) -> TokenVerifier:
    """A verifier with the tests' secrets."""
    return TokenVerifier(
        user_keys=SharedSecret(JWT_SECRET),
        user_issuer="seda-development",
        user_audience="authenticated",
        service_keys=SharedSecret(SERVICE_SECRET),
        service="probe",
        accept_development=accept_development,
        require_verified_email=require_verified_email,
        now=now,
    )


async def _echo(request: Any, _call: Call) -> Any:
    return ProbeResponse(text=request.text)


@dataclass
class Probe:
    """What the probe's methods do. `calls` are the calls that handlers have seen."""

    handle: Handle = _echo
    calls: list[Call] = field(default_factory=list)


def servicers(probe: Probe) -> list[Any]:
    """Servicers of both probe services."""

    async def unary(_self: object, request: Any, call: Call) -> Any:
        probe.calls.append(call)
        return await probe.handle(request, call)

    async def stream(_self: object, request: Any, call: Call) -> AsyncIterator[Any]:
        probe.calls.append(call)
        for number in range(request.number):
            yield ProbeResponse(text=str(number))
        last = await probe.handle(request, call)
        if last is not None:
            yield last

    async def empty(_self: object, _request: Any, _call: Call) -> Any:
        return EmptyResponse()

    made = []
    for service in (SERVICE, INTERNAL_SERVICE):
        methods: dict[str, Any] = {method.name: unary for method in service.methods}
        methods |= {
            name: made_by for name, made_by in (("Watch", stream), ("Empty", empty)) if name in methods
        }
        made.append(type(service.name, (), {"descriptor": service, **methods})())
    return made


@dataclass
class Running:
    """A running probe service."""

    channel: grpc.aio.Channel
    address: str
    probe: Probe
    users: Users
    metrics: Metrics
    limiter: ConcurrencyLimiter
    streams: StreamLimiter

    async def call(
        self,
        method: str,
        request: Message | bytes | None = None,
        *metadata: tuple[str, str],
        timeout: float = 10,
    ) -> Outcome:
        """Call a method as a user, unless the metadata brings another token."""
        data = request if isinstance(request, bytes) else (request or ProbeRequest()).SerializeToString()
        known = {key for key, _ in metadata}
        given = [*metadata, *(() if "authorization" in known else as_user())]
        return await send(self.channel, METHODS[method], data, given, timeout)

    def sample(self, name: str, **labels: str) -> float:
        """The value of a metric."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def serving(
    *,
    clock: Any = None,
    limit: int = 16,
    queue: int = 16,
    wait: float = 0.1,
    calls_per_user: int = 1000,
    streams: int = 16,
    per_user: int = 5,
    tokens: TokenVerifier | None = None,
    health: bool = True,
    delegates: Collection[str] = (),
) -> AsyncIterator[Running]:
    """Run the probe service, and health beside it if `health`."""
    users, probe, metrics = Users(), Probe(), Metrics()
    limiter = ConcurrencyLimiter(limit, queue, wait, calls_per_user)
    open_streams = StreamLimiter(streams, per_user)
    watches = StreamLimiter(16, 16)
    metrics.watch_limiters(limiter, open_streams, watches)
    handler_factory = HandlerFactory(
        name="probe",
        authenticator=Authenticator(tokens or verifier(), users, clock or HandClock(), 5.0, delegates),
        limiter=limiter,
        streams=open_streams,
        watches=watches,
        metrics=metrics,
    )
    server = grpc.aio.server()
    by_path: Handlers = {}
    beside = [HealthService(HealthRegistry())] if health else []
    for servicer in (*servicers(probe), *beside):
        by_path |= handlers(handler_factory, servicer)
    server.add_generic_rpc_handlers((MethodTable(by_path),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    address = f"127.0.0.1:{port}"
    try:
        async with grpc.aio.insecure_channel(address) as channel:
            yield Running(channel, address, probe, users, metrics, limiter, open_streams)
    finally:
        await server.stop(0)


def as_user(email: str = "listener@example.org") -> tuple[tuple[str, str], ...]:
    """The metadata of a user's call."""
    return (("authorization", f"Bearer {development_token(JWT_SECRET, email)}"),)


def as_service(name: str, on_behalf_of: str | None = None) -> tuple[tuple[str, str], ...]:
    """The metadata of a service's call."""
    token = ServiceTokenSigner(name, SERVICE_SECRET).token("probe", on_behalf_of)
    return (("authorization", f"Bearer {token}"),)
