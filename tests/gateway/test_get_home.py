"""GetHome: the caller's rooms with the people and tracks of their last messages."""

from __future__ import annotations

import grpc
import pytest

from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import ListMyRoomsRequest, ListMyRoomsResponse, MyRoom
from seda.gateway.v1.gateway_service_pb2 import GetHomeRequest, GetHomeResponse
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from tests.gateway.fake_data import (
    as_posted,
    failing,
    know_everybody,
    mark,
    present,
    snapshot,
    summary,
    track,
    user,
)
from tests.gateway.gateway_fixture import AS_USER, MY_ROOMS, RESOLVE, SECONDS, GatewayFixture, details


async def get(gateway: GatewayFixture, page_size: int = 0, page_token: str = "") -> GetHomeResponse:
    """Call GetHome as the user."""
    request = GetHomeRequest(page_size=page_size, page_token=page_token)
    return await GatewayServiceStub(gateway.channel).GetHome(request, metadata=AS_USER, timeout=SECONDS)


def rooms(*last_messages: Message | None) -> ListMyRoomsResponse:
    """A page of rooms with these last messages."""
    made = ListMyRoomsResponse(next_page_token="next", epoch="e1")
    for number, message in enumerate(last_messages):
        made.rooms.append(MyRoom(room=Room(name=f"room {number}"), last_message=message, unread_count=number))
    return made


async def test_get_home_joins_rooms_with_the_people_of_their_last_messages(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    listed = rooms(
        Message(author_id=user(2), track=snapshot(1), mention_user_ids=[user(3)]),
        None,
        # The author is erased.
        Message(text="hello"),
        Message(author_id=user(2), track=snapshot(1)),
        Message(author_id=user(4)),
    )
    gateway.chat.respond(MY_ROOMS, listed)
    answer = await get(gateway, page_size=7, page_token="there")
    assert answer == GetHomeResponse(
        rooms=listed.rooms,
        next_page_token="next",
        epoch="e1",
        authors=[summary(user(2)), summary(user(4)), summary(user(3))],
        artists=[mark(user(3))],
        tracks=[present(track(1))],
    )
    asked = ListMyRoomsRequest.FromString((await gateway.chat.received(MY_ROOMS)).data)
    assert asked == ListMyRoomsRequest(page_size=7, page_token="there")


async def test_get_home_without_rooms_calls_only_chat(gateway: GatewayFixture) -> None:
    gateway.chat.respond(MY_ROOMS, ListMyRoomsResponse(epoch="e1"))
    assert await get(gateway) == GetHomeResponse(epoch="e1")
    assert (gateway.users.paths(), gateway.tracks.paths()) == ([RESOLVE], [])


async def test_get_home_without_tracks_shows_the_track_as_posted(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    await gateway.tracks.stop()
    gateway.chat.respond(MY_ROOMS, rooms(Message(author_id=user(1), track=snapshot(1))))
    answer = await get(gateway)
    assert (list(answer.tracks), list(answer.unreachable)) == ([as_posted(1)], ["tracks"])


async def test_get_home_forwards_an_error_of_chat(gateway: GatewayFixture) -> None:
    gateway.chat.handlers[MY_ROOMS] = failing(grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_MISMATCH")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await get(gateway, page_token="x")
    assert details(raised.value)["ErrorInfo"].reason == "PAGE_TOKEN_MISMATCH"
