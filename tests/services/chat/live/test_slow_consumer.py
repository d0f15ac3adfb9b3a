"""A client that does not read its stream: what is kept for it, and what it costs others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import grpc
import pytest

from seda.chat.v1 import live_service_pb2 as pb
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from servicekit import server
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from tests.postgres import Database
from tests.services.chat.builders import make_messages, make_room
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.live.watching import watcher
from tests.services.running import Running, running, user
from tests.support.raw_http2 import UnreadStreams, unread_streams

pytestmark = pytest.mark.slow

_WATCH = "/seda.chat.v1.LiveService/Watch"


def gauge(chat: Running, name: str) -> float | None:
    return chat.process.metrics.registry.get_sample_value(name)


async def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for the server to learn of something."""
    async with asyncio.timeout(seconds):
        while not holds():
            # The server tells nobody.
            await asyncio.sleep(0.01)


@asynccontextmanager
async def unread(chat: Running, room_id: str, email: str, count: int = 1) -> AsyncIterator[UnreadStreams]:
    """Streams of a room that nobody reads, once the hub has them."""
    before = gauge(chat, "seda_chat_streams") or 0
    request = pb.WatchRequest(rooms=[pb.RoomPosition(room_id=room_id)]).SerializeToString()
    body = b"\0" + len(request).to_bytes(4, "big") + request
    ((_, token),) = user(email)
    port = chat.process.servers.port
    async with unread_streams(port, _WATCH, count, "127.0.0.1", body, authorization=token) as streams:
        await until(lambda: gauge(chat, "seda_chat_streams") == before + count)
        yield streams


async def fill(client: ChatClient, owner: str, room_id: str) -> int:
    """Change a room by more than a queue holds; returns its rev."""
    await make_messages(client.admin, room_id, await client.db.user_id(owner), 400, text="repeat('x', 4000)")
    return (await client.send_message(owner, room_id, "wake up")).rev


async def drop(client: ChatClient, owner: str, room_id: str, left: int = 0) -> None:
    """Change a room until so many streams are left: one that was about to begin misses the first changes."""
    async with asyncio.timeout(20):
        while gauge(client.chat, "seda_chat_streams") != left:
            await fill(client, owner, room_id)
            with contextlib.suppress(TimeoutError):
                await until(lambda: gauge(client.chat, "seda_chat_streams") == left, seconds=2)


def frames(data: bytes) -> list[pb.Frame]:
    """The frames in the messages of a stream."""
    found: list[pb.Frame] = []
    while data:
        size = int.from_bytes(data[1:5], "big")
        found += pb.WatchResponse.FromString(data[5 : 5 + size]).frames
        data = data[5 + size :]
    return found


async def test_stream_that_is_not_read_is_dropped_and_others_get_everything(client: ChatClient) -> None:
    owner, room = await make_room(client)
    live = watcher(client, new_user())
    live.watch_room(room.id)
    chat, email = client.chat, new_user()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(live.watching())
        await live.caught_up.wait()
        streams = await stack.enter_async_context(unread(chat, room.id, email))
        await drop(client, owner, room.id, left=1)
        await live.until(room.id, (await client.send_message(owner, room.id, "the last one")).rev)
        assert len(live.rooms[room.id].messages) % 401 == 1
        # It is one of its user's streams until it ends, which takes the client.
        assert gauge(chat, "seda_streams_open") == 2
        streams.read(1)
        await until(lambda: 1 in streams.ended)
        closing = frames(streams.data[1])[-1].closing
        assert (closing.reason, closing.retry_after.seconds) == (pb.CLOSING_REASON_SLOW_CONSUMER, 1)
        # What waited is dropped, not sent late.
        assert len(streams.data[1]) < 1_000
        await until(lambda: gauge(chat, "seda_streams_open") == 1)


async def test_unread_streams_take_a_place_until_they_end(client: ChatClient) -> None:
    owner, room = await make_room(client)
    chat, email = client.chat, new_user()
    limit = chat.process.settings.max_streams_per_user
    stub, request = LiveServiceStub(chat.channel), pb.WatchRequest(rooms=[pb.RoomPosition(room_id=room.id)])

    async def code() -> grpc.StatusCode | None:
        stream: Any = stub.Watch(request, metadata=user(email))
        try:
            assert (await stream.read()).frames[0].HasField("hello")
        except grpc.aio.AioRpcError as error:
            return error.code()
        stream.cancel()
        return None

    async with unread(chat, room.id, email, limit) as streams:
        await drop(client, owner, room.id)
        assert await code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        streams.reset(1)
        await until(lambda: gauge(chat, "seda_streams_open") == limit - 1)
        assert await code() is None
    await until(lambda: gauge(chat, "seda_streams_open") == 0)


async def test_unread_stream_does_not_hold_up_the_shutdown(
    database: Database,
    neighbours: dict[str, str],
    admin: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "STREAM_GRACE", 0.2)
    async with running(ChatSettings, build_chat, database, **neighbours) as chat:
        client = ChatClient(chat, admin)
        owner, room = await make_room(client)
        async with unread(chat, room.id, new_user()):
            await drop(client, owner, room.id)
            async with asyncio.timeout(5):
                await chat.process.stop(grace=15)
