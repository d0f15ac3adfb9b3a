"""GetRoomPage: three calls for any page, and degraded pages without users or tracks."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.message import Message as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp

from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, ListMessagesResponse, ThreadView
from seda.chat.v1.position_pb2 import Position
from seda.chat.v1.room_pb2 import Member, MemberRole, Room
from seda.chat.v1.room_service_pb2 import GetRoomResponse
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest, GetRoomPageResponse
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import LookupTracksRequest, LookupTracksResponse
from seda.users.v1.user_pb2 import UserSummary
from seda.users.v1.user_service_pb2 import LookupUsersRequest, LookupUsersResponse
from tests.gateway.fake_data import failing, forever, know_everybody, mark, snapshot, track, user
from tests.gateway.fake_server import Context
from tests.gateway.gateway_fixture import (
    AS_USER,
    GET_ROOM,
    LIST,
    LOOKUP_ARTISTS,
    LOOKUP_TRACKS,
    LOOKUP_USERS,
    RESOLVE,
    SECONDS,
    GatewayFixture,
    details,
)

ROOM = str(UUID(int=1))
_SEEN = GetRoomResponse(
    room=Room(id=ROOM, name="Evenings"),
    membership=Member(room_id=ROOM, role=MemberRole.MEMBER_ROLE_OWNER),
    last_read_seq=7,
    mute_expire_time=Timestamp(seconds=9),
)


def page(roots: int, replies: int = 0) -> ListMessagesResponse:
    """A page whose messages all have distinct authors and tracks."""
    made = ListMessagesResponse(next_page_token="next", position=Position(epoch="e1", rev=42))
    number = 0
    for _ in range(roots):
        root = made.messages.add()
        for message in (root, *(root.replies.add() for _ in range(replies))):
            number += 1
            message.author_id = user(number)
            message.track.CopyFrom(snapshot(number))
    return made


async def get(gateway: GatewayFixture, seconds: float = SECONDS, **fields: Any) -> GetRoomPageResponse:
    """Call GetRoomPage as the user."""
    stub = GatewayServiceStub(gateway.channel)
    gateway.chat.respond(GET_ROOM, _SEEN)
    request = GetRoomPageRequest(**{"room_id": ROOM, **fields})
    return await stub.GetRoomPage(request, metadata=AS_USER, timeout=seconds)


def repeated(field: Sequence[AnyMessage]) -> list[AnyMessage]:
    return list(field)


async def test_get_room_page_joins_messages_users_and_tracks(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    listed = page(roots=2, replies=1)
    gateway.chat.respond(LIST, listed)
    answer = await get(gateway)
    assert repeated(answer.messages) == repeated(listed.messages)
    assert [(each.id, each.display_name) for each in answer.authors] == [
        (user(number), f"name of {user(number)}") for number in (1, 2, 3, 4)
    ]
    assert repeated(answer.artists) == [mark(user(number)) for number in (1, 3)]
    assert [(each.id, each.title) for each in answer.tracks] == [
        (track(number), f"title of {track(number)}") for number in (1, 2, 3, 4)
    ]
    assert (answer.next_page_token, answer.position.epoch, answer.position.rev) == ("next", "e1", 42)
    assert list(answer.unreachable) == []


async def test_get_room_page_looks_up_each_user_and_track_once(
    gateway: GatewayFixture,
) -> None:
    know_everybody(gateway)
    listed = page(roots=2)
    for message in listed.messages:
        message.author_id = user(1)
        message.track.track_id = track(1)
        message.mention_user_ids.append(user(99))
    gateway.chat.respond(LIST, listed)
    answer = await get(gateway)
    asked = LookupUsersRequest.FromString((await gateway.users.received(LOOKUP_USERS)).data)
    assert list(asked.user_ids) == [each.id for each in answer.authors] == [user(1), user(99)]
    assert [each.id for each in answer.tracks] == [track(1)]


async def test_get_room_page_of_an_empty_page_calls_only_chat(gateway: GatewayFixture) -> None:
    gateway.chat.respond(LIST, ListMessagesResponse(position=Position(epoch="e1", rev=3)))
    answer = await get(gateway)
    assert answer == GetRoomPageResponse(
        position=Position(epoch="e1", rev=3),
        room=_SEEN.room,
        membership=_SEEN.membership,
        last_read_seq=7,
        mute_expire_time=_SEEN.mute_expire_time,
    )
    assert (gateway.users.paths(), gateway.tracks.paths()) == ([RESOLVE], [])


async def test_get_room_page_without_tracks_does_not_call_tracks(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    gateway.chat.respond(LIST, ListMessagesResponse(messages=[Message(author_id=user(1), text="hello")]))
    await get(gateway)
    assert gateway.tracks.paths() == []


@pytest.mark.parametrize("position", ["before_seq", "after_seq", "around_seq"])
async def test_get_room_page_requests_roots_of_the_page(gateway: GatewayFixture, position: str) -> None:
    gateway.chat.respond(LIST, ListMessagesResponse())
    wanted: dict[str, Any] = {"page_size": 7, "page_token": "there", "reply_preview_limit": 0, position: 0}
    if position != "after_seq":
        wanted[position] = 9
    await get(gateway, **wanted)
    asked = ListMessagesRequest.FromString((await gateway.chat.received(LIST)).data)
    assert asked == ListMessagesRequest(room_id=ROOM, thread_view=ThreadView.THREAD_VIEW_ROOTS, **wanted)
    assert asked.WhichOneof("position") == position
    assert asked.HasField("reply_preview_limit")


async def test_get_room_page_has_placeholders_for_missing_ids(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    gateway.users.respond(LOOKUP_USERS, LookupUsersResponse(missing_ids=[user(1)]))
    gateway.tracks.respond(LOOKUP_TRACKS, LookupTracksResponse(missing_ids=[track(1)]))
    gateway.chat.respond(LIST, page(roots=1))
    answer = await get(gateway)
    assert (repeated(answer.authors), list(answer.unreachable)) == ([UserSummary(id=user(1))], [])
    assert [each.title for each in answer.tracks] == ["Then"]


async def test_get_room_page_looks_up_remaining_tracks(gateway: GatewayFixture) -> None:
    know_everybody(gateway)

    async def one_by_one(data: bytes, _context: Context) -> bytes:
        first, *rest = LookupTracksRequest.FromString(data).track_ids
        found = [Track(id=first, title=f"title of {first}")]
        return LookupTracksResponse(tracks=found, remaining_ids=rest).SerializeToString()

    gateway.tracks.handlers[LOOKUP_TRACKS] = one_by_one
    gateway.chat.respond(LIST, page(roots=3))
    answer = await get(gateway)
    assert {each.title for each in answer.tracks} == {f"title of {each.id}" for each in answer.tracks}
    assert gateway.tracks.paths() == [LOOKUP_TRACKS] * 3


async def test_get_room_page_enriches_concurrently_within_the_budget(
    gateway: GatewayFixture,
) -> None:
    know_everybody(gateway)
    gateway.users.handlers[LOOKUP_USERS] = gateway.tracks.handlers[LOOKUP_TRACKS] = forever
    gateway.chat.respond(LIST, page(roots=1))
    answer = await get(gateway, seconds=1.0)
    assert list(answer.unreachable) == ["users", "tracks"]
    left = [
        (await gateway.users.received(LOOKUP_USERS)).time_left,
        (await gateway.tracks.received(LOOKUP_TRACKS)).time_left,
    ]
    assert all(each is not None and 0 < each < 0.75 for each in left), left


async def test_get_room_page_enrichment_times_out(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    gateway.chat.respond(LIST, page(roots=1))
    await get(gateway)
    left = (await gateway.users.received(LOOKUP_USERS)).time_left
    assert left is not None
    assert 1 < left < 1.6


@pytest.mark.parametrize(
    ("code", "reason"),
    [(grpc.StatusCode.NOT_FOUND, "ROOM_NOT_FOUND"), (grpc.StatusCode.PERMISSION_DENIED, "BANNED")],
)
async def test_get_room_page_forwards_an_error_of_chat(
    gateway: GatewayFixture, code: grpc.StatusCode, reason: str
) -> None:
    gateway.chat.handlers[LIST] = failing(code, reason)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await get(gateway)
    assert raised.value.code() is code
    found = details(raised.value)["ErrorInfo"]
    assert (found.reason, found.domain) == (reason, "somebody.seda.fm")


async def test_get_room_page_comes_from_services_that_lack_a_method_yet(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    del gateway.users.handlers[LOOKUP_ARTISTS]
    gateway.chat.respond(LIST, page(roots=1))
    answer = await get(gateway)
    assert (list(answer.unreachable), list(answer.artists)) == (["users"], [])
    assert answer.authors[0].display_name


async def test_get_room_page_does_not_hide_permission_errors(gateway: GatewayFixture) -> None:
    know_everybody(gateway)
    gateway.users.handlers[LOOKUP_USERS] = failing(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
    gateway.chat.respond(LIST, page(roots=1))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await get(gateway)
    assert details(raised.value)["ErrorInfo"].reason == "TOKEN_EXPIRED"
