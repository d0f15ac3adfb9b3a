"""How long a change takes to 500 watchers at another process of chat, over each transport of hints and without any.

From the time under the room lock, which is before the commit, to the watcher's receipt.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from ops.topology import CHAT, USERS
from seda.chat.v1.live_service_pb2 import RoomPosition, WatchRequest
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from tests.postgres import Database
from tests.services.running import user
from tests.support.nats_server import nats_server
from tests.system.support.processes import SECOND_CHAT, RealProcess, real_suite

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(300)]
WATCHERS, ROOMS, ROOMS_EACH = 500, 50, 2
RATE, SECONDS = 100.0, 8.0
_AUTHOR = user("author@example.org")
_LOCAL = (("grpc.use_local_subchannel_pool", 1),)


@contextlib.asynccontextmanager
async def two_chats(folder: Path, database: Database, hints: str) -> AsyncIterator[list[RealProcess]]:
    with real_suite(folder, database.environ) as suite:
        environ = {
            "SEDA_HINTS": hints,
            "SEDA_SEND_RATE_PER_SECOND": "1000000",
            "SEDA_SEND_BURST": "1000000",
            "SEDA_WATCH_RATE_PER_SECOND": "1000000",
            "SEDA_WATCH_BURST": "1000000",
            "SEDA_MAX_STREAMS_PER_USER": str(WATCHERS),
        }
        users, *chats = [suite.add(each, **environ) for each in (USERS, CHAT, SECOND_CHAT)]
        await asyncio.gather(*(each.serving() for each in (users, *chats)))
        yield chats


class Watchers:
    """Streams of the second process. `delays` are in seconds, one for each change and watcher."""

    def __init__(self) -> None:
        self.delays: list[float] = []
        self.expected = 0
        self._ready = 0

    async def watch(self, stub: LiveServiceStub, rooms: list[str]) -> None:
        request = WatchRequest(rooms=[RoomPosition(room_id=each) for each in rooms])
        async for response in stub.Watch(request, metadata=_AUTHOR):
            now = time.time()
            for frame in response.frames:
                if frame.HasField("caught_up"):
                    self._ready += 1
                elif frame.HasField("change"):
                    sent = frame.change.message.message.create_time
                    self.delays.append(now - sent.seconds - sent.nanos / 1e9)

    async def ready(self) -> None:
        while self._ready < WATCHERS:
            # Streams open one by one.
            await asyncio.sleep(0.05)

    async def complete(self) -> None:
        async with asyncio.timeout(20):
            while len(self.delays) < self.expected:
                # The last ones are still on their way.
                await asyncio.sleep(0.05)


async def _send_steadily(
    stub: MessageServiceStub, rooms: list[str], watched: dict[str, int]
) -> tuple[int, float]:
    """Send at the rate; return how many deliveries that makes, and the rate that was achieved."""
    began = time.monotonic()
    deliveries = 0
    async with asyncio.TaskGroup() as group:
        for number in range(int(RATE * SECONDS)):
            # The pause is the rate.
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            room_id = rooms[number % ROOMS]
            deliveries += watched[room_id]
            request = SendMessageRequest(room_id=room_id, text=f"message {number}")
            group.create_task(_send(stub, request))
    return deliveries, RATE * SECONDS / (time.monotonic() - began)


async def _send(stub: MessageServiceStub, request: SendMessageRequest) -> None:
    await stub.SendMessage(request, metadata=_AUTHOR, timeout=20)


async def measured(chats: list[RealProcess]) -> tuple[float, float]:
    """Return the 99th percentile of the delays and the rate of the sends, both in seconds."""
    watchers = Watchers()
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(grpc.aio.insecure_channel(chats[0].address))
        rooms = [
            (
                await RoomServiceStub(first).CreateRoom(
                    CreateRoomRequest(room=Room(name="x")), metadata=_AUTHOR
                )
            ).room.id
            for _ in range(ROOMS)
        ]
        stubs = [
            LiveServiceStub(
                await stack.enter_async_context(grpc.aio.insecure_channel(chats[1].address, options=_LOCAL))
            )
            for _ in range(4)
        ]
        watched = dict.fromkeys(rooms, 0)
        tasks = []
        for number in range(WATCHERS):
            chosen = [rooms[(number * ROOMS_EACH + each) % ROOMS] for each in range(ROOMS_EACH)]
            for room_id in chosen:
                watched[room_id] += 1
            tasks.append(asyncio.create_task(watchers.watch(stubs[number % 4], chosen)))
        try:
            await watchers.ready()
            watchers.expected, rate = await _send_steadily(MessageServiceStub(first), rooms, watched)
            await watchers.complete()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    assert len(watchers.delays) == watchers.expected
    return sorted(watchers.delays)[int(len(watchers.delays) * 0.99)], rate


@pytest.mark.parametrize(("hints", "limit"), [("postgres", 0.25), ("nats", 0.25), ("none", 2.5)])
async def test_delay_to_watchers_at_another_process(
    tmp_path: Path,
    fresh_database: Database,
    capsys: pytest.CaptureFixture[str],
    hints: str,
    limit: float,
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        transport = hints
        if hints == "nats":
            transport = f"nats://{(await stack.enter_async_context(nats_server())).address}"
        chats = await stack.enter_async_context(two_chats(tmp_path, fresh_database, transport))
        delay, rate = await measured(chats)
    with capsys.disabled():
        sys.stdout.write(f"\nhints={hints}: p99 {delay * 1000:.0f} ms at {rate:.0f} changes/s\n")
    assert rate >= 0.8 * RATE, f"void: only {rate:.0f} changes/s were sent"
    assert delay < limit
    if hints == "none":
        # So the others do not owe their delay to the poll.
        assert delay > 0.25
