"""A room page shows metadata that was fetched after the message was sent."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest, PostMessageRequest
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.tracks.v1.track_pb2 import METADATA_STATE_COMPLETE, METADATA_STATE_PENDING, Track
from services.chat import app as chat_app
from services.chat import config as chat_config
from services.users import app as users_app
from services.users import config as users_config
from tests.gateway.gateway_fixture import AS_USER, SECONDS, settings, start_gateway
from tests.postgres import Database, administrator
from tests.services.running import running
from tests.services.tracks.clients.web.web_server import ReceivedRequest
from tests.services.tracks.fake_providers import asking, fake_provider_web, recorded

_LINK = "https://youtu.be/4eUqsUZBluA"
_ASKED = "/oembed?format=json&url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D4eUqsUZBluA"


@pytest.mark.timeout(90)
async def test_page_shows_metadata_fetched_after_the_message(database: Database, tmp_path: Path) -> None:
    go, reached = asyncio.Event(), asyncio.Event()

    async def hang(_: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await go.wait()
        writer.write(recorded("youtube.json"))

    async with AsyncExitStack() as stack:
        start = stack.enter_async_context
        admin: asyncpg.Connection = await start(administrator(database.server, database.name))
        web, values = await start(fake_provider_web(tmp_path))
        users = await start(running(users_config.Settings, users_app.build, database))
        values["users_target"] = users.address
        tracks = await start(asking(database, admin, web, **values))
        gateway = {"users_target": users.address, "tracks_target": tracks.service.address}
        chat = await start(running(chat_config.Settings, chat_app.build, database, **gateway))
        _, channel = await start(start_gateway(settings(users.address, chat.address, tracks.service.address)))
        composed = GatewayServiceStub(channel)
        create = CreateRoomRequest(room=Room(name="Evenings"))
        room = await RoomServiceStub(channel).CreateRoom(create, metadata=AS_USER, timeout=SECONDS)

        async def track_on_page() -> Track:
            request = GetRoomPageRequest(room_id=room.room.id)
            page = await composed.GetRoomPage(request, metadata=AS_USER, timeout=SECONDS)
            (track,) = page.tracks
            return track

        web.pages[_ASKED] = hang
        request = PostMessageRequest(room_id=room.room.id, text="listen", track_url=_LINK)
        posted = await composed.PostMessage(request, metadata=AS_USER, timeout=SECONDS)
        await reached.wait()
        before = await track_on_page()
        go.set()
        await tracks.until_completed(1)
        after = await track_on_page()

    assert (before.id, before.title, before.metadata_state) == (posted.track.id, "", METADATA_STATE_PENDING)
    assert (after.id, after.title, after.artist, after.metadata_state) == (
        posted.track.id,
        "Low Tide (Official Video)",
        "Harbour Choir",
        METADATA_STATE_COMPLETE,
    )
