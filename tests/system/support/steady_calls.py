"""Chat under a steady rate of calls, each timed: sends and reads of small pages in turn."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import grpc
import pytest

from ops.topology import CHAT, USERS
from seda.chat.v1 import message_service_pb2, room_service_pb2
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from sedaclient.channels import open_channel
from servicekit.methods import methods_of
from tests.postgres import Database
from tests.services.running import user
from tests.system.support.processes import real_suite

RATE = 200.0
"""Calls per second."""
LONGEST_STALL = 0.3
"""Seconds that any call may take while a migration or maintenance runs."""
_ROOMS = 8
_WARM_UP_SECONDS = 2.0
_METADATA = user("reader@example.org")
_METHODS = [
    method
    for file, service in ((room_service_pb2, "RoomService"), (message_service_pb2, "MessageService"))
    for method in methods_of(file.DESCRIPTOR.services_by_name[service])
]


class Calls:
    """Sends and reads in turn, each begun when it is due, whether or not the earlier ones have ended."""

    def __init__(self, channel: grpc.aio.Channel, room_ids: list[str]) -> None:
        self.seconds: list[float] = []
        self.failures: Counter[str] = Counter()
        self._messages = MessageServiceStub(channel)
        self._room_ids = room_ids
        self._pending: set[asyncio.Task[None]] = set()
        self._pacer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._pacer = asyncio.create_task(self._pace())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._pacer is not None
        self._pacer.cancel()
        await asyncio.gather(*self._pending)

    async def _pace(self) -> None:
        due, number = time.monotonic(), 0
        while True:
            task = asyncio.create_task(self._call(number))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)
            number, due = number + 1, due + 1 / RATE
            # The pause is the rate.
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _call(self, number: int) -> None:
        room_id = self._room_ids[number // 2 % len(self._room_ids)]
        began = time.monotonic()
        try:
            if number % 2:
                await self._messages.ListMessages(
                    ListMessagesRequest(room_id=room_id, page_size=5), metadata=_METADATA, timeout=20
                )
            else:
                await self._messages.SendMessage(
                    SendMessageRequest(room_id=room_id, text=f"Message {number}"),
                    metadata=_METADATA,
                    timeout=20,
                )
        except grpc.aio.AioRpcError as error:
            self.failures[f"{error.code().name} {error.details()}"] += 1
        self.seconds.append(time.monotonic() - began)


@asynccontextmanager
async def chat_in_use(database: Database, logs: Path) -> AsyncIterator[tuple[grpc.aio.Channel, list[str]]]:
    """Run users and chat, make rooms and warm up; yield the arguments of `Calls`."""
    with real_suite(logs, database.environ) as suite:
        processes = [suite.add(each) for each in (USERS, CHAT)]
        await asyncio.gather(*(each.serving() for each in processes))
        async with open_channel(processes[1].address, _METHODS) as channel:
            room_ids = [await _new_room(channel, number) for number in range(_ROOMS)]
            async with Calls(channel, room_ids):
                await asyncio.sleep(_WARM_UP_SECONDS)  # connections and statements
            yield channel, room_ids


async def _new_room(channel: grpc.aio.Channel, number: int) -> str:
    created = await RoomServiceStub(channel).CreateRoom(
        CreateRoomRequest(room=Room(name=f"Room {number}")),
        metadata=_METADATA,
        timeout=20,
        wait_for_ready=True,
    )
    return created.room.id


def require_no_stall(longest: float, alone: float) -> None:
    """Fail when a call stalled; skip when calls alone took so long that others must have kept the machine busy."""
    if longest >= LONGEST_STALL and alone > LONGEST_STALL / 2:
        pytest.skip(
            f"others keep this machine busy: a call alone took {alone:.2f} s, beside it {longest:.2f} s"
        )
    assert longest < LONGEST_STALL
