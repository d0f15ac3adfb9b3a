"""The gateway in front of the real users, chat and tracks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

from seda.chat.v1.message_pb2 import MESSAGE_TYPE_TRACK
from seda.chat.v1.message_service_pb2 import ListMessagesRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest, PostMessageRequest
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import GetUserRequest, UpdateUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from tests.gateway.gateway_fixture import AS_USER, SECONDS, details
from tests.gateway.gateway_suite import gateway_suite
from tests.postgres import Database

LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW?si=x"
ALBUM = "https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW"
REQUEST_ID = "0190a5c0-0000-7000-8000-000000000003"


@pytest.fixture(scope="module")
async def channel(database: Database) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a gateway in front of the real services."""
    async with gateway_suite(database) as suite:
        yield suite.channel


async def new_room(channel: grpc.aio.Channel) -> str:
    """Create a room of the caller through the gateway."""
    created = await RoomServiceStub(channel).CreateRoom(
        CreateRoomRequest(room=Room(name="Evenings")), metadata=AS_USER, timeout=SECONDS
    )
    return created.room.id


async def test_posted_track_is_on_the_page_with_its_author(channel: grpc.aio.Channel) -> None:
    composed = GatewayServiceStub(channel)
    people = UserServiceStub(channel)
    me = (await people.GetUser(GetUserRequest(), metadata=AS_USER, timeout=SECONDS)).user
    change = UpdateUserRequest(user=User(id=me.id, display_name="Żaneta"))
    change.update_mask.paths.append("display_name")
    await people.UpdateUser(change, metadata=AS_USER, timeout=SECONDS)
    room = await new_room(channel)

    request = PostMessageRequest(room_id=room, text="listen", track_url=LINK, request_id=REQUEST_ID)
    posted = await composed.PostMessage(request, metadata=AS_USER, timeout=SECONDS)
    again = await composed.PostMessage(request, metadata=AS_USER, timeout=SECONDS)
    page = await composed.GetRoomPage(GetRoomPageRequest(room_id=room), metadata=AS_USER, timeout=SECONDS)

    assert posted.message.type == MESSAGE_TYPE_TRACK
    assert posted.track.provider_id == "2qToAcex0ruZfbEbAy9OhW"
    assert (posted.deduplicated, again.deduplicated) == (False, True)
    assert again.message.id == posted.message.id
    assert page.messages[0].id == posted.message.id
    assert [(author.id, author.display_name) for author in page.authors] == [(me.id, "Żaneta")]
    assert [track.id for track in page.tracks] == [posted.track.id]
    assert list(page.unreachable) == []
    assert (page.position.epoch, page.position.rev) == (posted.position.epoch, posted.position.rev)


async def test_link_to_an_album_is_a_violation_of_track_url(channel: grpc.aio.Channel) -> None:
    room = await new_room(channel)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await GatewayServiceStub(channel).PostMessage(
            PostMessageRequest(room_id=room, track_url=ALBUM), metadata=AS_USER, timeout=SECONDS
        )
    found = details(raised.value)
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == ("NOT_A_TRACK", "tracks.seda.fm")
    assert [each.field for each in found["BadRequest"].field_violations] == ["track_url"]
    listed = await MessageServiceStub(channel).ListMessages(
        ListMessagesRequest(room_id=room), metadata=AS_USER, timeout=SECONDS
    )
    assert list(listed.messages) == []


async def test_pages_continue(channel: grpc.aio.Channel) -> None:
    composed = GatewayServiceStub(channel)
    room = await new_room(channel)
    for number in range(5):
        await composed.PostMessage(
            PostMessageRequest(room_id=room, text=f"{number}"), metadata=AS_USER, timeout=SECONDS
        )
    texts: list[str] = []
    token = ""
    while True:
        request = GetRoomPageRequest(room_id=room, page_size=2, page_token=token)
        page = await composed.GetRoomPage(request, metadata=AS_USER, timeout=SECONDS)
        texts += [message.text for message in page.messages]
        token = page.next_page_token
        if not token:
            break
    assert texts == ["4", "3", "2", "1", "0"]


async def test_forwarded_error_has_the_upstreams_domain(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await UserServiceStub(channel).GetUser(
            GetUserRequest(), metadata=(("x-request-id", "mine"),), timeout=SECONDS
        )
    found = details(raised.value)
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == ("TOKEN_MISSING", "users.seda.fm")
    assert found["RequestInfo"].request_id == "mine"
