"""A gateway in front of fake upstreams, with a token and the handlers that composed calls need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from gateway.actions.deps import DEFAULT_BUDGETS, Budgets
from gateway.app import UpstreamService, compose, upstream_services
from gateway.config import Settings
from seda.rpc.v1.caller_pb2 import Caller, Role
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerResponse
from servicekit.clock import Clock
from servicekit.process import Process
from servicekit.tracing import Tracing
from tests.gateway.fake_server import FakeServer, fake_server
from tests.services.running import JWT_SECRET, SERVICE_SECRET, user
from tests.support.transports import with_reflection

RESOLVE = "/seda.users.internal.v1.IdentityService/ResolveCaller"
GET_USER = "/seda.users.v1.UserService/GetUser"
LOOKUP_USERS = "/seda.users.v1.UserService/LookupUsers"
LOOKUP_ARTISTS = "/seda.users.v1.ArtistService/LookupArtists"
GET_ARTIST = "/seda.users.v1.ArtistService/GetArtist"
SEARCH_ARTISTS = "/seda.users.v1.ArtistService/SearchArtists"
SEND = "/seda.chat.v1.MessageService/SendMessage"
LIST = "/seda.chat.v1.MessageService/ListMessages"
REPLIES = "/seda.chat.v1.MessageService/ListReplies"
SEARCH_MESSAGES = "/seda.chat.v1.MessageService/SearchMessages"
GET_ROOM = "/seda.chat.v1.RoomService/GetRoom"
MY_ROOMS = "/seda.chat.v1.RoomService/ListMyRooms"
ROOMS_REV = "/seda.chat.v1.RoomService/GetMyRoomsRev"
SEARCH_TRACKS = "/seda.tracks.v1.TrackService/SearchTracks"
LOOKUP_TRACKS = "/seda.tracks.v1.TrackService/LookupTracks"
CALLER_ID = "0190a5c0-0000-7000-8000-00000000000a"
UPSERT = "/seda.tracks.internal.v1.CatalogService/UpsertTrack"
AS_USER = user("listener@example.org")
SECONDS = 20.0


@dataclass
class GatewayFixture:
    """A gateway, its fake upstreams, a channel to it, and one to a port of it with reflection."""

    process: Process
    channel: grpc.aio.Channel
    reflecting: grpc.aio.Channel
    users: FakeServer
    chat: FakeServer
    tracks: FakeServer

    def unary(self, path: str) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
        """A unary method of raw bytes."""
        return self.channel.unary_unary(path)

    def stream(self, path: str) -> grpc.aio.UnaryStreamMultiCallable[bytes, bytes]:
        """A streaming method of raw bytes."""
        return self.channel.unary_stream(path)

    def counted(self, method: str, code: str) -> float:
        """The gateway's count of a method's calls with a code."""
        service, _, name = method.rpartition(".")
        labels = {"grpc_service": service, "grpc_method": name, "grpc_code": code}
        return self.process.metrics.registry.get_sample_value("grpc_server_handled_total", labels) or 0.0


def settings(users: str, chat: str, tracks: str, **values: Any) -> Settings:
    """Settings of a gateway on free ports."""
    given = {
        "port": 0,
        "admin_port": 0,
        "metrics_port": 0,
        "jwt_secret": JWT_SECRET,
        "service_secret": SERVICE_SECRET,
        "users_target": users,
        "chat_target": chat,
        "tracks_target": tracks,
    }
    return Settings(**{**given, **values})


@asynccontextmanager
async def start_gateway(
    config: Settings,
    *,
    also: Sequence[UpstreamService] = (),
    clock: Clock | None = None,
    budgets: Budgets = DEFAULT_BUDGETS,
    tracing: Tracing | None = None,
) -> AsyncIterator[tuple[Process, grpc.aio.Channel]]:
    """A running gateway and a channel to it. `also` are upstreams besides those of the suite."""
    upstreams = [*upstream_services(config), *also]
    process = Process(config, lambda context: compose(context, upstreams, budgets), clock, tracing)
    await process.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{process.servers.port}")
    try:
        yield process, channel
    finally:
        await channel.close()
        await process.stop(grace=0)


@asynccontextmanager
async def running_gateway(
    *,
    also: Sequence[UpstreamService] = (),
    clock: Clock | None = None,
    budgets: Budgets = DEFAULT_BUDGETS,
    **values: Any,
) -> AsyncIterator[GatewayFixture]:
    """A gateway in front of three fake upstreams; users resolves the caller."""
    async with AsyncExitStack() as stack:
        users, chat, tracks = [await stack.enter_async_context(fake_server()) for _ in range(3)]
        caller = Caller(user_id=CALLER_ID, role=Role.ROLE_USER)
        users.respond(RESOLVE, ResolveCallerResponse(caller=caller))
        config = settings(users.target, chat.target, tracks.target, **values)
        process, channel = await stack.enter_async_context(
            start_gateway(config, also=also, clock=clock, budgets=budgets)
        )
        port = with_reflection(process.servers.port, process.servers.admin_port)
        reflecting = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        yield GatewayFixture(process, channel, reflecting, users, chat, tracks)


def details(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """The error's google.rpc details by the name of their type."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    found: dict[str, Any] = {}
    for detail in status.details:
        name = detail.TypeName().rsplit(".", maxsplit=1)[-1]
        message: Message = getattr(error_details_pb2, name)()
        detail.Unpack(message)
        found[name] = message
    return found


def status_bytes(code: int, message: str, *parts: Message) -> bytes:
    """A serialized google.rpc.Status with details."""
    status = status_pb2.Status(code=code, message=message)
    for part in parts:
        status.details.add().Pack(part)
    serialized: bytes = status.SerializeToString()
    return serialized
