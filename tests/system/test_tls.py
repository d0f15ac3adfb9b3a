"""The suite with mutual TLS between all its processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from seda.gateway.v1.gateway_service_pb2 import (
    GetRoomPageRequest,
    GetSystemStatusRequest,
    PostMessageRequest,
    ServiceState,
)
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from servicekit.rpc_status import UpstreamError
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.tracks.app import build as build_tracks
from services.tracks.config import Settings as TracksSettings
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.certificates import Tls
from tests.gateway.gateway_fixture import settings, start_gateway
from tests.postgres import Database
from tests.services.running import call, running, user

LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
_SECONDS = 20.0


@asynccontextmanager
async def suite(database: Database, tls: Tls, gateways: Tls) -> AsyncIterator[grpc.aio.Channel]:
    """All processes, two of users, which are called by a list of addresses. Gives a channel to the gateway.

    `gateways` is where the gateway has its certificate from.
    """
    values: dict[str, Any] = {**tls.settings()}
    async with AsyncExitStack() as stack:
        users = [
            await stack.enter_async_context(running(UsersSettings, build_users, database, **values))
            for _ in range(2)
        ]
        values |= {"users_target": ",".join(each.address for each in users)}
        tracks = await stack.enter_async_context(running(TracksSettings, build_tracks, database, **values))
        values |= {"tracks_target": tracks.address}
        chat = await stack.enter_async_context(running(ChatSettings, build_chat, database, **values))
        told = settings(
            values["users_target"],
            chat.address,
            tracks.address,
            **Tls(tls.authority, gateways.own).settings(),
        )
        process, _ = await stack.enter_async_context(start_gateway(told))
        own = (tls.own.key.read_bytes(), tls.own.certificate.read_bytes())
        trusted = grpc.ssl_channel_credentials(gateways.authority.certificate.read_bytes(), *own)
        address = f"127.0.0.1:{process.servers.port}"
        yield await stack.enter_async_context(grpc.aio.secure_channel(address, trusted))


async def states(channel: grpc.aio.Channel, until: str) -> dict[str, str]:
    """What the gateway hears from the health watches, once it is `until` for each of the services."""
    async with asyncio.timeout(_SECONDS):
        while True:
            told = await GatewayServiceStub(channel).GetSystemStatus(
                GetSystemStatusRequest(), metadata=user("ada@example.org"), timeout=_SECONDS
            )
            found = {each.name: ServiceState.Name(each.state) for each in told.services}
            if all(found[name] == until for name in ("users", "chat", "tracks")):
                return found
            # The states come from other processes' watches, and nobody is woken by them here.
            await asyncio.sleep(0.05)


async def test_every_way_through_the_suite_works_over_mutual_tls(database: Database, tmp_path: Path) -> None:
    tls = Tls.made(tmp_path)
    async with suite(database, tls, tls) as channel:
        found = await states(channel, "SERVICE_STATE_SERVING")
        assert len(found) == 4
        metadata = user("ada@example.org")
        # Forwarded; chat then asks users, which is a list of addresses.
        created = await RoomServiceStub(channel).CreateRoom(
            CreateRoomRequest(room=Room(name="Over TLS")), metadata=metadata, timeout=_SECONDS
        )
        # Composed of calls to all three.
        stub = GatewayServiceStub(channel)
        request = PostMessageRequest(room_id=created.room.id, text="hello", track_url=LINK)
        posted = await stub.PostMessage(request, metadata=metadata, timeout=_SECONDS)
        page = await stub.GetRoomPage(
            GetRoomPageRequest(room_id=created.room.id), metadata=metadata, timeout=_SECONDS
        )
        assert [each.id for each in page.messages] == [posted.message.id]
        assert (len(page.authors), len(page.tracks), list(page.unreachable)) == (1, 1, [])


async def test_a_gateway_of_another_authority_reaches_nobody(database: Database, tmp_path: Path) -> None:
    """The control: were nothing checked, this gateway would serve as well as the other."""
    folder = tmp_path / "other"
    folder.mkdir()
    tls, other = Tls.made(tmp_path), Tls.made(folder)
    async with suite(database, tls, other) as channel:
        await states(channel, "SERVICE_STATE_UNREACHABLE")
        with pytest.raises(UpstreamError) as raised:
            await call(
                RoomServiceStub(channel).CreateRoom,
                CreateRoomRequest(room=Room(name="Over TLS")),
                user("ada@example.org"),
            )
    assert (raised.value.reason, raised.value.domain) == ("SERVICE_UNAVAILABLE", "gateway.seda.fm")
