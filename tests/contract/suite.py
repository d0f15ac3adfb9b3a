"""The four processes of the suite on real servers and a real database, and every method they offer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import grpc
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2

from gateway.app import build as build_gateway
from gateway.config import Settings as GatewaySettings
from servicekit.methods import Method, methods_of
from servicekit.process import App, AppContext, Process
from servicekit.settings import ServiceSettings
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.tracks.app import build as build_tracks
from services.tracks.config import Settings as TracksSettings
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.postgres import Database
from tests.services.running import JWT_SECRET, SERVICE_SECRET, UNLIMITED
from tests.support.transports import with_reflection

SECONDS = 20.0
DELEGATE = "recommender"
"""The service that may act for users."""
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
Build = Callable[[AppContext[Any]], App]
Metadata = Sequence[tuple[str, str]]


class Outcome(NamedTuple):
    """The outcome of a call: a reply, or the error's code, message and trailers."""

    reply: bytes | None
    code: grpc.StatusCode
    message: str
    trailers: Sequence[tuple[str, str | bytes]]


@dataclass
class Served:
    """One running process, and channels to it."""

    name: str
    process: Process
    channel: grpc.aio.Channel
    admin: grpc.aio.Channel

    @property
    def reflecting(self) -> grpc.aio.Channel:
        """The channel of a port with reflection."""
        return with_reflection(self.channel, self.admin)

    def counted(self, sample: str) -> float:
        """The value of a metric without labels."""
        return self.process.metrics.registry.get_sample_value(sample) or 0.0


class Target(NamedTuple):
    """A method at a process that serves it. `service_name` is the origin, which differs for forwarded methods."""

    at: Served
    method: Method
    service_name: str

    def __str__(self) -> str:
        return f"{self.method.full_name} at {self.at.name}"


@dataclass
class Suite:
    """The running suite."""

    processes: dict[str, Served]

    async def targets(self) -> list[Target]:
        """Every method of `seda.*` at every process, listed by reflection."""
        found = []
        for served in self.processes.values():
            for service in await listed(served.reflecting):
                if service.startswith("seda."):
                    descriptor = descriptor_pool.Default().FindServiceByName(service)
                    found += [Target(served, each, service.split(".")[1]) for each in methods_of(descriptor)]
        return found


@asynccontextmanager
async def running(database: Database) -> AsyncIterator[Suite]:
    """Run all four processes on free ports. At the end no PostgreSQL data error may have been counted."""
    async with AsyncExitStack() as stack:

        async def run(settings: type[ServiceSettings], build: Build, targets: dict[str, str]) -> Served:
            return await stack.enter_async_context(_served(settings, build, database, targets))

        users = await run(UsersSettings, build_users, {})
        behind = {"users_target": _address(users)}
        tracks = await run(TracksSettings, build_tracks, behind)
        behind["tracks_target"] = _address(tracks)
        chat = await run(ChatSettings, build_chat, behind)
        behind["chat_target"] = _address(chat)
        gateway = await run(GatewaySettings, build_gateway, behind)
        made = Suite({each.name: each for each in (users, tracks, chat, gateway)})
        yield made
        for served in made.processes.values():
            assert served.counted("seda_data_error_from_database_total") == 0, served.name
            assert served.counted("seda_unexpected_errors_total") == 0, served.name


@asynccontextmanager
async def _served(
    settings: type[ServiceSettings], build: Build, database: Database, targets: dict[str, str]
) -> AsyncIterator[Served]:
    name = settings.process
    values: dict[str, Any] = {
        "port": 0,
        "admin_port": 0,
        "metrics_port": 0,
        "jwt_secret": JWT_SECRET,
    } | targets
    # The tracks are made up: no enrichment.
    values |= {
        "service_secret": SERVICE_SECRET,
        "delegates": DELEGATE,
        "caller_ttl_seconds": 60,
        "enrich": False,
    }
    # All tests share few users: no limit on calls, rooms, joins and claims, but on messages.
    values["max_calls_per_user"] = 1_000
    # A stream that is cancelled holds its place for a moment.
    values["max_streams_per_user"] = 1_000
    values |= {
        key: each for key, each in UNLIMITED.items() if key.startswith(("room_", "join_", "verification_"))
    }
    if settings.has_database:
        values |= database.settings(name)
    process = Process(settings(**values), build)
    await process.start()
    servers = process.servers
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{servers.port}") as channel,
            grpc.aio.insecure_channel(f"127.0.0.1:{servers.admin_port}") as admin,
        ):
            yield Served(name, process, channel, admin)
    finally:
        await process.stop(grace=0)


def _address(served: Served) -> str:
    return f"127.0.0.1:{served.process.servers.port}"


async def listed(channel: grpc.aio.Channel) -> list[str]:
    """The services that a server lists by reflection."""
    reflect: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(REFLECT)
    request = reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString()
    async for data in reflect(iter([request]), timeout=SECONDS):
        response = reflection_pb2.ServerReflectionResponse.FromString(data)
        return [service.name for service in response.list_services_response.service]
    raise AssertionError("no reflection response")


async def send(
    channel: grpc.aio.Channel, method: Method, data: bytes, metadata: Metadata, timeout: float = SECONDS
) -> Outcome:
    """Call a method with any bytes. A stream is cancelled after its first reply."""
    try:
        if method.server_streaming:
            stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(method.path)
            replies = stream(data, metadata=metadata, timeout=timeout)
            first = await replies.read()
            replies.cancel()
            return Outcome(first if isinstance(first, bytes) else None, grpc.StatusCode.OK, "", ())
        unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method.path)
        reply = await unary(data, metadata=metadata, timeout=timeout)
    except grpc.aio.AioRpcError as error:
        return Outcome(None, error.code(), error.details() or "", tuple(error.trailing_metadata() or ()))
    return Outcome(reply, grpc.StatusCode.OK, "", ())
