"""The calls of every composed read: each method once, whatever the size of the page."""

from __future__ import annotations

from typing import Any

import pytest

from seda.chat.v1.message_service_pb2 import ListMessagesResponse, SearchMessagesRequest
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.users.v1.user_service_pb2 import LookupUsersRequest
from tests.gateway.composed_reads import ARTIST, READS, ROOM, call, messages, respond
from tests.gateway.fake_data import mark, user
from tests.gateway.gateway_fixture import (
    AS_USER,
    LIST,
    LOOKUP_USERS,
    RESOLVE,
    SEARCH_ARTISTS,
    SEARCH_MESSAGES,
    SEARCH_TRACKS,
    SECONDS,
    GatewayFixture,
)


def called(gateway: GatewayFixture) -> list[str]:
    """All calls to the upstreams but the one that resolves the caller, sorted."""
    paths = [*gateway.users.paths(), *gateway.chat.paths(), *gateway.tracks.paths()]
    return sorted(path for path in paths if path != RESOLVE)


def test_every_composed_read_is_in_the_table() -> None:
    methods = pb.DESCRIPTOR.services_by_name["GatewayService"].methods_by_name
    reads = {name for name, method in methods.items() if name.startswith(("Get", "Search"))}
    assert set(READS) == reads - {"GetSystemStatus"}


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("method", READS)
async def test_composed_read_calls_each_method_once(gateway: GatewayFixture, method: str, count: int) -> None:
    respond(gateway, count)
    page = await call(gateway, method)
    assert called(gateway) == sorted(READS[method].calls)
    assert len({each.id for each in getattr(page, "authors", [])}) == len(getattr(page, "authors", []))


async def test_get_room_page_reads_the_room_with_the_first_page_only(gateway: GatewayFixture) -> None:
    respond(gateway, 1)
    request = pb.GetRoomPageRequest(room_id=ROOM, page_token="there")
    page = await GatewayServiceStub(gateway.channel).GetRoomPage(request, metadata=AS_USER, timeout=SECONDS)
    assert not page.HasField("room")
    assert gateway.chat.paths() == [LIST]


async def test_lookups_stop_at_a_thousand_users_authors_first(gateway: GatewayFixture) -> None:
    respond(gateway, 1)
    crowd = messages(100)
    for number, message in enumerate(crowd):
        message.mention_user_ids.extend(user(10_000 + 50 * number + each) for each in range(49))
    gateway.chat.respond(LIST, ListMessagesResponse(messages=crowd))
    page = await call(gateway, "GetRoomPage")
    asked = LookupUsersRequest.FromString((await gateway.users.received(LOOKUP_USERS)).data).user_ids
    assert len(asked) == 1_000
    assert list(asked[:100]) == [each.author_id for each in crowd]
    assert gateway.users.paths().count(LOOKUP_USERS) == 1
    assert len(page.authors) == 100 * 51
    assert [bool(each.display_name) for each in page.authors] == [True] * 1_000 + [False] * 4_100


async def test_get_artist_page_asks_for_track_messages_in_public_rooms(gateway: GatewayFixture) -> None:
    respond(gateway, 2)
    page = await call(gateway, "GetArtistPage")
    asked = SearchMessagesRequest.FromString((await gateway.chat.received(SEARCH_MESSAGES)).data)
    assert asked == SearchMessagesRequest(author_id=ARTIST, has_track=True, public_only=True, page_size=20)
    # Users has told who the artist is.
    looked_up = LookupUsersRequest.FromString((await gateway.users.received(LOOKUP_USERS)).data).user_ids
    assert ARTIST not in looked_up
    assert (page.authors[0], page.artists[0]) == (page.user, mark(ARTIST))


@pytest.mark.parametrize(("limit", "size"), [(0, 10), (1, 1), (20, 20)])
async def test_search_everything_limits_each_kind(gateway: GatewayFixture, limit: int, size: int) -> None:
    respond(gateway, 1)
    request = pb.SearchEverythingRequest(query="late", limit=limit)
    found = await GatewayServiceStub(gateway.channel).SearchEverything(
        request, metadata=AS_USER, timeout=SECONDS
    )
    asked: list[tuple[Any, str]] = [
        (gateway.users, SEARCH_ARTISTS),
        (gateway.tracks, SEARCH_TRACKS),
        (gateway.chat, SEARCH_MESSAGES),
    ]
    for server, path in asked:
        wanted = SearchMessagesRequest.FromString((await server.received(path)).data)
        assert wanted.query == "late", path
    assert [found.artist_results.has_more, found.track_results.has_more, found.message_results.has_more] == [
        True,
        False,
        True,
    ]
    sizes = SearchMessagesRequest.FromString((await gateway.chat.received(SEARCH_MESSAGES)).data).page_size
    assert sizes == size
