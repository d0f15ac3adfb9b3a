"""All composed reads, with fake upstreams that respond to each, and the page that comes without one of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from google.protobuf.message import Message as AnyMessage

from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import (
    ListMessagesResponse,
    ListRepliesResponse,
    SearchMessagesResponse,
)
from seda.chat.v1.position_pb2 import Position
from seda.chat.v1.room_pb2 import Member, Room
from seda.chat.v1.room_service_pb2 import (
    GetMyRoomsRevResponse,
    GetRoomResponse,
    ListMyRoomsResponse,
    MyRoom,
)
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.tracks.v1.track_service_pb2 import SearchTracksResponse
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import ArtistMatch, GetArtistResponse, SearchArtistsResponse
from seda.users.v1.user_pb2 import User, UserSummary
from seda.users.v1.user_service_pb2 import GetUserResponse
from tests.gateway.fake_data import as_posted, know_everybody, mark, present, snapshot, summary, track, user
from tests.gateway.gateway_fixture import (
    AS_USER,
    CALLER_ID,
    GET_ARTIST,
    GET_ROOM,
    GET_USER,
    LIST,
    LOOKUP_ARTISTS,
    LOOKUP_TRACKS,
    LOOKUP_USERS,
    MY_ROOMS,
    REPLIES,
    ROOMS_REV,
    SEARCH_ARTISTS,
    SEARCH_MESSAGES,
    SEARCH_TRACKS,
    SECONDS,
    GatewayFixture,
)

ROOM, ROOT = str(UUID(int=1)), str(UUID(int=2))
ARTIST = user(7_001)
"""A user with an artist profile."""
SERVICES = ("users", "chat", "tracks")


class Read(NamedTuple):
    """A composed read: its request, its main service if it has one, and the methods that it calls, each once."""

    request: AnyMessage
    main: str | None
    calls: tuple[str, ...]


_LOOKUPS = (LOOKUP_USERS, LOOKUP_ARTISTS, LOOKUP_TRACKS)
READS = {
    "GetMe": Read(pb.GetMeRequest(), "users", (GET_USER, GET_ARTIST, ROOMS_REV)),
    "GetHome": Read(pb.GetHomeRequest(page_size=100), "chat", (MY_ROOMS, *_LOOKUPS)),
    "GetRoomPage": Read(
        pb.GetRoomPageRequest(room_id=ROOM, page_size=100), "chat", (LIST, GET_ROOM, *_LOOKUPS)
    ),
    "GetThread": Read(pb.GetThreadRequest(room_id=ROOM, root_id=ROOT), "chat", (REPLIES, *_LOOKUPS)),
    "GetArtistPage": Read(
        pb.GetArtistPageRequest(artist_profile_id=mark(ARTIST).artist_profile_id),
        "users",
        (GET_ARTIST, SEARCH_MESSAGES, *_LOOKUPS),
    ),
    "SearchEverything": Read(
        pb.SearchEverythingRequest(query="late night"),
        None,
        (SEARCH_ARTISTS, SEARCH_TRACKS, SEARCH_MESSAGES, *_LOOKUPS),
    ),
}


def messages(count: int, first: int = 1) -> list[Message]:
    """Messages with an author, a mentioned user and a track each, all different."""
    return [
        Message(
            author_id=user(number),
            mention_user_ids=[user(1_000 + number)],
            track=snapshot(number),
            text=f"message {number}",
        )
        for number in range(first, first + count)
    ]


def respond(gateway: GatewayFixture, count: int) -> None:
    """Make all upstreams respond with pages of `count` entries."""
    know_everybody(gateway)
    profile = ArtistProfile(
        id=mark(ARTIST).artist_profile_id,
        user_id=ARTIST,
        artist_name=mark(ARTIST).artist_name,
        verified=True,
    )
    found = [
        ArtistMatch(artist_profile=ArtistProfile(user_id=user(3_001 + 2 * number))) for number in range(count)
    ]
    roots = messages(count)
    for number, root in enumerate(roots):
        root.replies.extend(messages(3, 100 + 3 * number))
    position = Position(room_id=ROOM, epoch="e1", rev=7)
    gateway.users.respond(GET_USER, GetUserResponse(user=User(id=CALLER_ID, email="me@example.org")))
    gateway.users.respond(GET_ARTIST, GetArtistResponse(artist_profile=profile, user=summary(ARTIST)))
    gateway.users.respond(SEARCH_ARTISTS, SearchArtistsResponse(matches=found, next_page_token="more"))
    gateway.chat.respond(ROOMS_REV, GetMyRoomsRevResponse(rooms_rev=7, epoch="e1"))
    gateway.chat.respond(
        MY_ROOMS,
        ListMyRoomsResponse(
            rooms=[MyRoom(last_message=each) for each in messages(count)], next_page_token="next", epoch="e1"
        ),
    )
    gateway.chat.respond(
        LIST,
        ListMessagesResponse(messages=roots, next_page_token="next", position=position, found_newest=True),
    )
    gateway.chat.respond(
        GET_ROOM,
        GetRoomResponse(room=Room(id=ROOM), membership=Member(room_id=ROOM), last_read_seq=3),
    )
    gateway.chat.respond(
        REPLIES,
        ListRepliesResponse(
            root=messages(1)[0], messages=messages(count, 2), position=position, found_oldest=True
        ),
    )
    gateway.chat.respond(
        SEARCH_MESSAGES, SearchMessagesResponse(messages=messages(count), next_page_token="more")
    )
    # The search finds the track of the first of several messages too.
    first = 1 if count > 1 else 500
    gateway.tracks.respond(
        SEARCH_TRACKS,
        SearchTracksResponse(tracks=[present(track(each)) for each in (first, *range(501, 500 + count))]),
    )


async def call(gateway: GatewayFixture, method: str, seconds: float = SECONDS) -> Any:
    """Call a composed read as the user."""
    read = READS[method]
    stub = GatewayServiceStub(gateway.channel)
    return await getattr(stub, method)(read.request, metadata=AS_USER, timeout=seconds)


def without(service: str, healthy: Any) -> Any:
    """The page that comes while a service other than its main one is away."""
    page = type(healthy)()
    page.CopyFrom(healthy)
    page.unreachable.append(service)
    _WITHOUT[service](page)
    return page


def _without_users(page: Any) -> None:
    ids = [each.id for each in page.authors]
    if isinstance(page, pb.SearchEverythingResponse):
        page.ClearField("artist_results")
        ids = _people(page.message_results.messages)
    del page.authors[:], page.artists[:]
    page.authors.extend(UserSummary(id=each) for each in ids)


def _without_tracks(page: Any) -> None:
    if isinstance(page, pb.GetMeResponse):
        page.unreachable.remove("tracks")
        return
    if isinstance(page, pb.SearchEverythingResponse):
        page.ClearField("track_results")
    numbers = [UUID(each.id).int - 2_000_000 for each in page.tracks]
    del page.tracks[:]
    page.tracks.extend(as_posted(number) for number in numbers)


def _without_chat(page: Any) -> None:
    if isinstance(page, pb.GetMeResponse):
        page.ClearField("rooms_rev")
        page.ClearField("epoch")
        return
    if isinstance(page, pb.GetArtistPageResponse):
        del page.messages[:]
        ids = [ARTIST]
    else:
        page.ClearField("message_results")
        ids = [each.artist_profile.user_id for each in page.artist_results.matches]
    del page.authors[:], page.artists[:], page.tracks[:]
    page.authors.extend(map(summary, ids))
    page.artists.extend(map(mark, ids))


_WITHOUT: dict[str, Callable[[Any], None]] = {
    "users": _without_users,
    "tracks": _without_tracks,
    "chat": _without_chat,
}


def _people(shown: Any) -> list[str]:
    return [each.author_id for each in shown] + [
        user_id for each in shown for user_id in each.mention_user_ids
    ]
