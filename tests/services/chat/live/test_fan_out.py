"""A change of a large room costs its writer and the hub the same, however many watch."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from seda.chat.v1 import live_service_pb2 as pb
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from services.chat.live import hub as hub_module
from services.chat.live import watch as watch_module
from services.chat.wire.live import change_frame
from tests.services.chat.builders import make_room
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import user

_MEMBERS, _MANY, _FEW = 50_000, 1_000, 2
_STREAMS_PER_USER = 5
# What the hub and its streams read beside the writer, and what each new connection reads.
_READS = {"chat.last_revs", "chat.changed_messages", "chat.moved_rooms", "chat.instance"}


@asynccontextmanager
async def watching(client: ChatClient, room_id: str, count: int) -> AsyncIterator[list[Any]]:
    """So many streams of a room, each of which has caught up."""
    stub = LiveServiceStub(client.chat.channel)
    request = pb.WatchRequest(rooms=[pb.RoomPosition(room_id=room_id)])
    callers = [user(new_user()) for _ in range(-(-count // _STREAMS_PER_USER))]
    streams = [stub.Watch(request, metadata=callers[number % len(callers)]) for number in range(count)]
    try:
        await asyncio.gather(*(until(each, "caught_up") for each in streams))
        yield streams
    finally:
        for each in streams:
            each.cancel()


async def until(stream: Any, event: str, rev: int = 0) -> None:
    """Read a stream until such a frame; of changes, the one with this rev."""
    while True:
        response = await stream.read()
        assert response is not grpc.aio.EOF
        for frame in response.frames:
            if frame.WhichOneof("event") == event and (not rev or frame.change.rev == rev):
                return


@pytest.mark.slow
async def test_send_costs_the_same_with_a_thousand_watchers(
    client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = 0

    def counted(*args: Any) -> bytes:
        nonlocal encoded
        encoded += 1
        return change_frame(*args)

    for module in (hub_module, watch_module):
        monkeypatch.setattr(module, "change_frame", counted)
    sends = 3
    found = []
    for count in (_FEW, _MANY):
        owner, room = await make_room(client, members=_MEMBERS)
        encoded = 0
        async with watching(client, room.id, count) as streams:
            with client.chat.counting() as statements:
                for _ in range(sends):
                    rev = (await client.send_message(owner, room.id, "for everybody")).rev
                    await asyncio.gather(*(until(each, "change", rev) for each in streams))
                names = Counter(statements)
        assert encoded == sends
        assert names["chat.changed_messages"] == sends
        # A poll that comes between a commit and its delivery lets the hub ask once more.
        assert sends <= names["chat.last_revs"] <= 2 * sends
        found.append({name: times for name, times in names.items() if name not in _READS})
    few, many = found
    assert few == many
    assert sum(few.values()) == 5 * sends
