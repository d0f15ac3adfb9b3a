"""The start without a gap: read a page, then watch from its rev, while others write."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from seda.chat.v1.live_service_pb2 import RoomPosition, WatchRequest
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.message_pb2 import Message
from tests.effort import tries
from tests.services.chat.builders import make_room
from tests.services.chat.chat_client import ChatClient
from tests.services.running import Running, user
from tests.support.concurrency import gather_bounded

STARTS = tries(60, 1_000)
_AT_ONCE = 10
_CHANGES = 3
"""How many messages each start waits for."""

Position = Callable[[ChatClient, str, str], Awaitable[tuple[Message, int, str]]]


async def page_first(client: ChatClient, email: str, room_id: str) -> tuple[Message, int, str]:
    """The newest message of a page, and the page's position."""
    page = await client.list_messages(email, room_id, page_size=5)
    return page.messages[0], page.position.rev, page.position.epoch


async def position_last(client: ChatClient, email: str, room_id: str) -> tuple[Message, int, str]:
    """The control: a position that was read after the page."""
    page = await client.list_messages(email, room_id, page_size=5)
    position = (await client.get_room(email, room_id)).position
    return page.messages[0], position.rev, position.epoch


@contextlib.asynccontextmanager
async def sending(client: ChatClient, email: str, room_id: str) -> AsyncIterator[None]:
    """Send all the time, so that each rev of the room is the next message."""

    async def send() -> None:
        while not ended:
            await client.send_message(email, room_id, "hello")

    ended = False
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(send())
        try:
            yield
        finally:
            ended = True


async def start(clients: list[ChatClient], email: str, room_id: str, position: Position) -> None:
    """Read a page from one process and watch at another; the next messages must come, each once."""
    newest, rev, epoch = await position(clients[0], email, room_id)
    stub = LiveServiceStub(clients[1].chat.channel)
    request = WatchRequest(rooms=[RoomPosition(room_id=room_id, after_rev=rev)], epoch=epoch)
    seqs: list[int] = []
    stream = stub.Watch(request, metadata=user(email))
    async with asyncio.timeout(30):
        async for response in stream:
            seqs += [
                frame.change.message.message.seq for frame in response.frames if frame.HasField("change")
            ]
            if len(seqs) >= _CHANGES:
                break
    stream.cancel()
    assert seqs == list(range(newest.seq + 1, newest.seq + 1 + len(seqs)))


async def _start_often(client: ChatClient, second: Running, position: Position) -> None:
    owner, room = await make_room(client)
    # A user has few streams at a time.
    emails = [await client.join_as(room.id) for _ in range(_AT_ONCE)]
    there = ChatClient(second, client.admin)
    await client.send_message(owner, room.id, "the first one")
    async with sending(client, owner, room.id):
        pairs = [[client, there], [there, client], [client, client]]
        ends = await gather_bounded(
            (
                start(pairs[number % 3], emails[number % _AT_ONCE], room.id, position)
                for number in range(STARTS)
            ),
            _AT_ONCE,
        )
    failures = [each for each in ends if isinstance(each, BaseException)]
    if failures:
        raise failures[0]


@pytest.mark.timeout(300)
async def test_page_and_watch_from_its_rev_leave_no_gap(client: ChatClient, second_chat: Running) -> None:
    await _start_often(client, second_chat, page_first)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_position_that_is_newer_than_its_page_would_be_found(
    client: ChatClient, second_chat: Running
) -> None:
    with pytest.raises(AssertionError):
        await _start_often(client, second_chat, position_last)
