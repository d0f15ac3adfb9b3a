"""GetMe: the caller, their artist profile and the number of the last change of their rooms."""

from __future__ import annotations

import grpc

from seda.chat.v1.room_service_pb2 import GetMyRoomsRevResponse
from seda.gateway.v1.gateway_service_pb2 import GetMeRequest, GetMeResponse
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import GetArtistRequest, GetArtistResponse
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import GetUserRequest, GetUserResponse
from seda.users.v1.verification_pb2 import Verification
from tests.gateway.fake_data import failing
from tests.gateway.gateway_fixture import (
    AS_USER,
    CALLER_ID,
    GET_ARTIST,
    GET_USER,
    RESOLVE,
    ROOMS_REV,
    SECONDS,
    GatewayFixture,
)

_ME = User(id=CALLER_ID, email="listener@example.org", display_name="Ada")
_ARTIST = GetArtistResponse(
    artist_profile=ArtistProfile(user_id=CALLER_ID, artist_name="Ada"),
    open_verifications=[Verification(target_url="https://ada.example.org/")],
)


async def get(gateway: GatewayFixture) -> GetMeResponse:
    """Call GetMe as the user."""
    return await GatewayServiceStub(gateway.channel).GetMe(GetMeRequest(), metadata=AS_USER, timeout=SECONDS)


def respond(gateway: GatewayFixture) -> None:
    """Make all services respond."""
    gateway.users.respond(GET_USER, GetUserResponse(user=_ME))
    gateway.users.respond(GET_ARTIST, _ARTIST)
    gateway.chat.respond(ROOMS_REV, GetMyRoomsRevResponse(rooms_rev=7, epoch="e1"))


async def test_get_me_has_the_caller_their_profile_and_their_rooms_rev(gateway: GatewayFixture) -> None:
    respond(gateway)
    assert await get(gateway) == GetMeResponse(
        user=_ME,
        artist_profile=_ARTIST.artist_profile,
        open_verifications=_ARTIST.open_verifications,
        rooms_rev=7,
        epoch="e1",
    )
    asked = GetArtistRequest.FromString((await gateway.users.received(GET_ARTIST)).data)
    assert asked == GetArtistRequest(user_id=CALLER_ID)
    # Without an id: users answers with the caller.
    assert GetUserRequest.FromString((await gateway.users.received(GET_USER)).data) == GetUserRequest()
    assert sorted(gateway.users.paths()) == sorted([RESOLVE, GET_USER, GET_ARTIST])
    assert gateway.chat.paths() == [ROOMS_REV]


async def test_get_me_of_a_user_without_a_profile(gateway: GatewayFixture) -> None:
    respond(gateway)
    gateway.users.handlers[GET_ARTIST] = failing(grpc.StatusCode.NOT_FOUND, "ARTIST_NOT_FOUND")
    answer = await get(gateway)
    assert (answer.user, answer.HasField("artist_profile")) == (_ME, False)
    assert list(answer.unreachable) == []


async def test_get_me_without_chat_has_no_rooms_rev(gateway: GatewayFixture) -> None:
    respond(gateway)
    await gateway.chat.stop()
    answer = await get(gateway)
    assert (answer.HasField("rooms_rev"), answer.epoch, list(answer.unreachable)) == (False, "", ["chat"])
    assert answer.user == _ME
