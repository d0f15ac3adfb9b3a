"""One request id over two processes: one message, whoever answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import grpc
import pytest

from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from tests.postgres import Database, administrator
from tests.services.running import user
from tests.system.support.processes import real_suite

pytestmark = pytest.mark.timeout(200)
CALLS = 200
EMAIL = "owner@example.org"
_SECONDS = 20.0


@pytest.fixture(scope="module")
async def channels(
    tmp_path_factory: pytest.TempPathFactory, database: Database
) -> AsyncIterator[list[grpc.aio.Channel]]:
    """Two channels, each to a process of chat of its own."""
    with real_suite(tmp_path_factory.mktemp("dedup"), database.environ) as suite:
        opened = [grpc.aio.insecure_channel(each.address) for each in await suite.add_chat()]
        yield opened
        for channel in opened:
            await channel.close()


async def new_room(channel: grpc.aio.Channel) -> str:
    created = await RoomServiceStub(channel).CreateRoom(
        CreateRoomRequest(room=Room(name="Late night records")), metadata=user(EMAIL), timeout=_SECONDS
    )
    return created.room.id


async def send_all(
    channels: list[grpc.aio.Channel], requests: list[SendMessageRequest]
) -> list[SendMessageResponse]:
    """Send everything at once, in turn over the channels."""
    sends = [MessageServiceStub(channel).SendMessage for channel in channels]
    return await asyncio.gather(
        *(
            sends[number % len(sends)](request, metadata=user(EMAIL), timeout=_SECONDS)
            for number, request in enumerate(requests)
        )
    )


async def stored(database: Database, room_id: str) -> list[str]:
    """The texts of a room's messages in their order, which must be without a gap."""
    async with administrator(database.server, database.name) as connection:
        rows = await connection.fetch(
            "SELECT seq, text FROM chat.messages WHERE room_id = $1 ORDER BY seq", room_id
        )
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["text"] for row in rows]


async def test_send_message_with_one_request_id_many_times_over_two_processes(
    channels: list[grpc.aio.Channel], database: Database
) -> None:
    room_id = await new_room(channels[0])
    request = SendMessageRequest(room_id=room_id, text="once", request_id=str(uuid4()))
    answers = await send_all(channels, [request] * CALLS)
    assert len(answers) == CALLS
    assert len({answer.message.SerializeToString(deterministic=True) for answer in answers}) == 1
    assert sum(not answer.deduplicated for answer in answers) == 1
    assert await stored(database, room_id) == ["once"]


async def test_send_message_with_a_used_request_id_among_others_fails_nobody(
    channels: list[grpc.aio.Channel], database: Database
) -> None:
    room_id = await new_room(channels[0])
    used = SendMessageRequest(room_id=room_id, text="once", request_id=str(uuid4()))
    (first,) = await send_all(channels[:1], [used])
    others = [
        SendMessageRequest(room_id=room_id, text=str(number), request_id=str(uuid4()) if number % 2 else "")
        for number in range(CALLS)
    ]
    answers = await send_all(channels, [*others, used, used])
    assert [answer.deduplicated for answer in answers] == [False] * CALLS + [True, True]
    assert [answer.message.text for answer in answers[:CALLS]] == [other.text for other in others]
    assert answers[-1].message == answers[-2].message == first.message
    texts = await stored(database, room_id)
    assert sorted(texts) == sorted(["once", *(other.text for other in others)])
