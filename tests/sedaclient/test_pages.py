"""Lists that come in pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from google.protobuf.message import Message

from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import ListMyRoomsRequest, ListMyRoomsResponse, MyRoom
from sedaclient import AsyncSeda, PageTokenError, Seda, paginate
from tests.gateway.fake_server import FakeServer
from tests.sedaclient.scripts import ROOMS, UNAVAILABLE, Failure, script, script_by

REQUEST = ListMyRoomsRequest(page_size=2)


def page(ids: str, next_page_token: str = "") -> ListMyRoomsResponse:
    return ListMyRoomsResponse(
        rooms=[MyRoom(room=Room(id=each)) for each in ids], next_page_token=next_page_token
    )


def three_pages_with_a_failure() -> Callable[[bytes], Message | Failure]:
    pages = {"": page("ab", "2"), "2": page("cd", "3"), "3": page("e")}
    failures = ["2"]

    def choose(data: bytes) -> Message | Failure:
        request = ListMyRoomsRequest.FromString(data)
        assert request.page_size == 2
        if request.page_token in failures:
            failures.remove(request.page_token)
            return UNAVAILABLE
        return pages[request.page_token]

    return choose


async def test_a_list_is_complete_although_one_page_fails_once(server: FakeServer, seda: AsyncSeda) -> None:
    script_by(server, ROOMS, three_pages_with_a_failure())
    rooms = [each.room.id async for each in paginate(seda.rooms.ListMyRooms, REQUEST, items="rooms")]
    assert (rooms, len(server.calls)) == (list("abcde"), 4)
    script_by(server, ROOMS, three_pages_with_a_failure())
    pages = paginate(seda.rooms.ListMyRooms, REQUEST, items="rooms").pages()
    assert [len(each.rooms) async for each in pages] == [2, 2, 1]


async def test_a_list_can_be_read_again(server: FakeServer, seda: AsyncSeda) -> None:
    script_by(server, ROOMS, three_pages_with_a_failure())
    listed = paginate(seda.rooms.ListMyRooms, REQUEST, items="rooms")
    for _ in range(2):
        assert [each.room.id async for each in listed] == list("abcde")


async def test_no_page_is_read_that_a_limit_does_not_need(server: FakeServer, seda: AsyncSeda) -> None:
    for limit, calls in ((1, 1), (2, 1), (3, 3)):
        script_by(server, ROOMS, three_pages_with_a_failure())
        server.calls.clear()
        listed = paginate(seda.rooms.ListMyRooms, REQUEST, items="rooms", limit=limit)
        assert [each.room.id async for each in listed] == list("abcde")[:limit]
        assert len(server.calls) == calls
    with pytest.raises(ValueError, match="positive"):
        paginate(seda.rooms.ListMyRooms, REQUEST, items="rooms", limit=0)
    with pytest.raises(ValueError, match="no field"):
        paginate(seda.rooms.ListMyRooms, REQUEST, items="messages")  # type: ignore[call-overload]  # as its types say


async def test_a_repeated_token_is_an_error_and_no_loop(server: FakeServer, seda: AsyncSeda) -> None:
    script(server, ROOMS, page("a", "2"), page("b", "3"), page("c", "2"))

    listed = aiter(paginate(seda.rooms.ListMyRooms, REQUEST, items="rooms"))
    seen = [(await anext(listed)).room.id for _ in range(3)]
    with pytest.raises(PageTokenError, match=r"chat\.ListMyRooms repeats a page token"):
        await anext(listed)
    assert seen == list("abc")


async def test_a_caller_without_an_event_loop_reads_the_same(server: FakeServer) -> None:
    script_by(server, ROOMS, three_pages_with_a_failure())

    def read() -> list[str]:
        with Seda(server.target) as seda:
            return [
                each.room.id for each in paginate(seda.rooms.ListMyRooms, REQUEST, items="rooms", limit=4)
            ]

    assert await asyncio.to_thread(read) == list("abcd")
