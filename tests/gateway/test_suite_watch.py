"""WatchRooms of the real services: the reference client needs no other call to show what it knows."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any

import pytest

from gateway.actions.watch_rooms import ids_in_frames
from seda.chat.v1 import live_service_pb2 as chat_pb
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import CreateArtistRequest
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from tests.gateway.gateway_fixture import SECONDS
from tests.gateway.gateway_suite import GatewaySuite, gateway_suite
from tests.postgres import Database, administrator
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.live.watching import facts, load
from tests.services.running import user
from tests.support.live_client import LiveClient

LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"


@pytest.fixture(scope="module")
async def suite(database: Database) -> AsyncIterator[GatewaySuite]:
    async with gateway_suite(database) as running:
        yield running


@pytest.fixture
async def client(suite: GatewaySuite, database: Database) -> AsyncIterator[ChatClient]:
    """Calls chat's methods through the gateway."""
    async with administrator(database.server, database.name) as admin:
        yield ChatClient(suite.gateway, admin)


class Rooms:
    """A stub of Watch that calls WatchRooms, and keeps its parts: whatever a frame names has come by then."""

    def __init__(self, suite: GatewaySuite) -> None:
        self._stub = GatewayServiceStub(suite.channel)
        self.users: dict[str, Any] = {}
        self.artists: dict[str, Any] = {}
        self.tracks: dict[str, Any] = {}
        self.parts = 0

    def Watch(self, request: chat_pb.WatchRequest, metadata: Iterable[tuple[str, str]]) -> Any:  # noqa: N802 - as in the stub
        """See the reference client."""
        wanted = pb.WatchRoomsRequest(
            rooms=request.rooms, all_my_rooms=request.all_my_rooms, epoch=request.epoch
        )
        return self._responses(self._stub.WatchRooms(wanted, metadata=tuple(metadata)))

    async def _responses(
        self, call: AsyncIterable[pb.WatchRoomsResponse]
    ) -> AsyncIterator[pb.WatchRoomsResponse]:
        async for response in call:
            assert list(response.unreachable) == []
            self.users |= {each.id: each for each in response.authors}
            self.artists |= {each.user_id: each for each in response.artists}
            self.tracks |= {each.id: each for each in response.tracks}
            self.parts += len(response.authors) + len(response.tracks)
            named = ids_in_frames(response.frames)
            assert set(named.user_ids) <= self.users.keys()
            assert named.tracks.keys() <= self.tracks.keys()
            yield response


async def test_watch_rooms_names_everybody_and_everything(suite: GatewaySuite, client: ChatClient) -> None:
    ada, bo = new_user(), new_user()
    artists = ArtistServiceStub(suite.channel)
    profile = ArtistProfile(artist_name="The Late Ones")
    await artists.CreateArtist(
        CreateArtistRequest(artist_profile=profile), metadata=user(bo), timeout=SECONDS
    )
    room = await client.create_room(ada)
    await client.join_room(bo, room.id)
    rooms = Rooms(suite)
    live = LiveClient(rooms, lambda: user(ada), all_my_rooms=True)
    known, epoch = await load(client, ada, room.id)
    live.know_room(room.id, known, epoch)
    async with live.watching():
        await live.caught_up.wait()
        ids = {email: await client.db.user_id(email) for email in (ada, bo)}
        root = await client.send_message(bo, room.id, "new", track_url=LINK, mention_user_ids=[ids[ada]])
        await client.add_reaction(ada, root)
        reply = await client.send_message(ada, room.id, "nice", parent_id=root.id)
        await client.pin_message(ada, root)
        cy = await client.join_as(room.id)
        last = await client.send_message(cy, room.id, "hello")
        await live.until(room.id, last.rev)
    loaded, _ = await load(client, ada, room.id)
    assert facts(live.rooms[room.id]) == facts(loaded)
    assert reply.id in loaded.messages
    assert set(rooms.users) == {*ids.values(), await client.db.user_id(cy)}
    assert rooms.artists[ids[bo]].artist_name == "The Late Ones"
    assert rooms.tracks[root.track.track_id].url == LINK
    # Each part once: three users and a track.
    assert rooms.parts == 4


async def test_watch_goes_through_the_gateway_as_it_is(suite: GatewaySuite, client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    live = LiveClient(LiveServiceStub(suite.channel), lambda: user(ada), all_my_rooms=True)
    async with live.watching():
        await live.caught_up.wait()
        message = await client.send_message(ada, room.id, "hello")
        await live.until(room.id, message.rev)
    assert live.errors == []
