"""What happens while a stream reads the past: the room moves on, access ends, the database becomes another copy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from seda.chat.v1 import live_service_pb2 as pb
from services.chat.actions.changes import read_changes
from services.chat.actions.deps import Epoch
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.chat.live import watch as watch_module
from services.chat.live.stream import MAX_RESPONSE_BYTES, Stream
from tests.postgres import Database
from tests.services.chat.builders import make_messages, make_room
from tests.services.chat.chat_client import ChatClient
from tests.services.chat.live.watching import watcher
from tests.services.running import Running, running

_Meanwhile = Callable[[], Awaitable[object]]


def before_a_page(monkeypatch: pytest.MonkeyPatch, act: _Meanwhile) -> None:
    """Let something happen once, before the first page of the past is read."""
    _around_pages(monkeypatch, act, first=True)


def after_a_page(monkeypatch: pytest.MonkeyPatch, act: _Meanwhile) -> None:
    """Let something happen once, after the first page was read and before the stream has it."""
    _around_pages(monkeypatch, act, first=False)


def _around_pages(monkeypatch: pytest.MonkeyPatch, act: _Meanwhile, *, first: bool) -> None:
    acts = [act]

    async def read(*arguments: Any) -> Any:
        if acts and first:
            await acts.pop()()
        page = await read_changes(*arguments)
        if acts:
            await acts.pop()()
        return page

    monkeypatch.setattr(watch_module, "read_changes", read)


async def test_what_the_hub_has_read_meanwhile_comes_with_another_page(
    client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, room = await make_room(client, messages=3)
    position = (await client.get_room(owner, room.id)).position
    present, late = watcher(client, owner), watcher(client, owner)
    present.watch_room(room.id)
    late.watch_room(room.id, position.epoch, position.rev - 2)

    async def move_on() -> None:
        message = await client.send_message(owner, room.id, "meanwhile")
        await present.until(room.id, message.rev)

    async with present.watching():
        await present.caught_up.wait()
        after_a_page(monkeypatch, move_on)
        async with late.watching():
            last = await late.until(room.id, position.rev + 1)
            message = await client.send_message(owner, room.id, "later")
            await late.until(room.id, message.rev)
    assert [each.text for each in last.messages.values()] == ["1", "2", "meanwhile", "later"]


async def test_membership_that_ends_meanwhile_ends_the_room(
    client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, room = await make_room(client)
    member = await client.join_as(room.id)
    position = (await client.get_room(owner, room.id)).position
    await client.send_message(owner, room.id, "hello")
    live = watcher(client, member)
    live.watch_room(room.id, position.epoch, position.rev)
    before_a_page(monkeypatch, lambda: client.call(member, "LeaveRoom", room_id=room.id))
    async with live.watching():
        await live.caught_up.wait()
    assert live.rooms[room.id].lost == 1
    assert live.rooms[room.id].messages == {}


async def test_page_of_another_copy_ends_the_stream(
    client: ChatClient, chat: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, room = await make_room(client, messages=3)
    position = (await client.get_room(owner, room.id)).position
    epoch = getattr(chat.process.context.database.on_connect, "__self__", None)
    assert isinstance(epoch, Epoch)
    live = watcher(client, owner)
    live.watch_room(room.id, position.epoch, position.rev - 2)

    async def become_another() -> None:
        epoch.value = "another copy"

    after_a_page(monkeypatch, become_another)
    try:
        stream = live.stub.Watch(live.request(), metadata=tuple(live.metadata()))
        frames = [frame async for response in stream for frame in response.frames]
    finally:
        epoch.value = position.epoch
    assert [str(frame.WhichOneof("event")) for frame in frames] == ["hello", "room_state", "closing"]
    assert frames[-1].closing.reason == pb.CLOSING_REASON_EPOCH_CHANGED


async def test_position_of_a_page_without_changes_is_not_sent_after_later_changes(
    database: Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    options = {**neighbours, "watch_heartbeat_seconds": 0.1}
    async with running(ChatSettings, build_chat, database, **options) as chat:
        client = ChatClient(chat, admin)
        owner, room = await make_room(client)
        member = await client.join_as(room.id)
        member_id = await client.db.user_id(member)
        position = (await client.get_room(owner, room.id)).position
        for _ in range(51):
            # Lines of the log, which a member does not see, for more than a page.
            await client.call(owner, "MuteMember", room_id=room.id, user_id=member_id)
            await client.call(owner, "UnmuteMember", room_id=room.id, user_id=member_id)
        message = await client.send_message(owner, room.id, "hello")
        live = watcher(client, member)
        live.keep_frames = True
        live.watch_room(room.id, position.epoch, position.rev)
        async with live.watching():
            await live.until(room.id, message.rev)
            async with asyncio.timeout(10):
                while not live.frames[-1].HasField("checkpoint"):
                    # A heartbeat.
                    await asyncio.sleep(0.02)
        assert live.rooms[room.id].rev == message.rev


async def test_a_stream_holds_no_more_of_the_past_than_one_response(
    client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, room = await make_room(client)
    author = await client.db.user_id(owner)
    # The longest messages: 12 KB each, a hundred of which would be a page.
    await make_messages(client.admin, room.id, author, 150, text="repeat('鼓', 4000)")
    position = (await client.get_room(owner, room.id)).position
    held: list[int] = []
    add = Stream.add

    def measured(stream: Stream, *frames: bytes) -> None:
        held.append(sum(map(len, frames)))
        add(stream, *frames)

    monkeypatch.setattr(Stream, "add", measured)
    live = watcher(client, owner)
    live.watch_room(room.id, position.epoch, 0)
    async with live.watching():
        known = await live.until(room.id, position.rev)
    assert len(known.messages) == 150
    assert MAX_RESPONSE_BYTES // 2 < max(held) <= MAX_RESPONSE_BYTES
