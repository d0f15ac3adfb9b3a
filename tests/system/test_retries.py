"""The channel repeats what may be repeated, and never a message without a request id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.message import Message

from ops.topology import CHAT, GATEWAY, TRACKS, USERS
from seda.chat.v1 import message_service_pb2, room_service_pb2
from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest, GetRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from seda.gateway.v1.gateway_service_pb2 import PostMessageRequest
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from sedaclient.channels import open_channel
from servicekit.methods import Method, methods_of
from tests.postgres import Database, administrator
from tests.services.running import user
from tests.system.support.processes import SECOND_CHAT, real_suite

pytestmark = pytest.mark.timeout(200)
CALLS = 6
METHODS = [
    method
    for file in (message_service_pb2, room_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in methods_of(service)
]
EVERYTHING = [replace(method, idempotent=True) for method in METHODS]
_EMAIL = "author@example.org"
_SECONDS = 10.0


async def killed_while_answering(
    folder: Path, database: Database, methods: Iterable[Method], *, request_ids: bool
) -> tuple[Counter[str], list[int]]:
    """Send to two replicas, one of which commits the first message that it gets, and is killed.

    Returns how the sends ended, and how often each message stands in the table.
    """
    with real_suite(folder, database.environ) as suite:
        users = suite.add(USERS)
        chats = [suite.add(CHAT), suite.add(SECOND_CHAT, "tests.system.support.dying_chat")]
        for each in (users, *chats):
            await each.serving()
        ends: Counter[str] = Counter()
        async with open_channel(",".join(each.address for each in chats), methods) as channel:
            rooms = RoomServiceStub(channel)
            created = await rooms.CreateRoom(
                CreateRoomRequest(room=Room(name="A room")), metadata=user(_EMAIL), timeout=_SECONDS
            )
            get_room = GetRoomRequest(room_id=created.room.id)
            while b"RoomService.GetRoom" not in chats[1].log.read_bytes():
                # The channel has not found both yet.
                assert await _ended(rooms.GetRoom, get_room) == "OK"
            texts = [str(uuid4()) for _ in range(CALLS)]
            for text in texts:
                request = SendMessageRequest(
                    room_id=created.room.id, text=text, request_id=str(uuid4()) if request_ids else ""
                )
                ends[await _ended(MessageServiceStub(channel).SendMessage, request)] += 1
            # What has no effect was never in doubt.
            for _ in texts:
                assert await _ended(rooms.GetRoom, get_room) == "OK"
        assert not chats[1].running, "void: nobody was killed"
    written = await _written(database)
    return ends, [written[text] for text in texts]


async def _written(database: Database) -> Counter[str]:
    """How often each text stands in the table."""
    async with administrator(database.server, database.name) as connection:
        rows = await connection.fetch("SELECT text FROM chat.messages WHERE type <> 'SYSTEM'")
    return Counter(row["text"] for row in rows)


async def _ended(method: Any, request: Message) -> str:
    try:
        await method(request, metadata=user(_EMAIL), timeout=_SECONDS, wait_for_ready=True)
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


async def test_send_message_without_a_request_id_is_never_repeated(
    tmp_path: Path, fresh_database: Database
) -> None:
    """Its author is told that it is not known, and it stands there once. Under random kills: test_crash.py."""
    ends, written = await killed_while_answering(tmp_path, fresh_database, METHODS, request_ids=False)
    assert ends == {"OK": CALLS - 1, "UNAVAILABLE": 1}
    assert written == [1] * CALLS


@pytest.mark.slow
async def test_repeating_everything_would_be_found(tmp_path: Path, fresh_database: Database) -> None:
    ends, written = await killed_while_answering(tmp_path, fresh_database, EVERYTHING, request_ids=False)
    assert ends == {"OK": CALLS}
    assert sorted(written) == [1] * (CALLS - 1) + [2]


async def test_repeating_is_right_with_request_ids(tmp_path: Path, fresh_database: Database) -> None:
    ends, written = await killed_while_answering(tmp_path, fresh_database, EVERYTHING, request_ids=True)
    assert ends == {"OK": CALLS}
    assert written == [1] * CALLS


async def test_post_message_fills_the_request_id_and_repeats(
    tmp_path: Path, fresh_database: Database
) -> None:
    """The gateway's own call, other than what it forwards: neither lost nor doubled when chat dies amid it."""
    with real_suite(tmp_path, fresh_database.environ) as suite:
        chats = [suite.add(CHAT), suite.add(SECOND_CHAT, "tests.system.support.dying_chat")]
        others = [suite.add(each) for each in (USERS, TRACKS)]
        gateway = suite.add(GATEWAY, SEDA_CHAT_TARGET=",".join(each.address for each in chats))
        for each in (*others, *chats, gateway):
            await each.serving()
        texts = []
        async with open_channel(gateway.address) as channel:
            created = await RoomServiceStub(channel).CreateRoom(
                CreateRoomRequest(room=Room(name="A room")), metadata=user(_EMAIL), timeout=_SECONDS
            )
            while chats[1].running:
                # The gateway finds the replica that dies sooner or later, and goes by turns then.
                texts.append(str(uuid4()))
                request = PostMessageRequest(room_id=created.room.id, text=texts[-1])
                assert await _ended(GatewayServiceStub(channel).PostMessage, request) == "OK"
    assert await _written(fresh_database) == dict.fromkeys(texts, 1)
