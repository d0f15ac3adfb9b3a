"""A stream that loses a room: told within two seconds, and nothing later."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seda.chat.internal.v1.author_data_service_pb2 import ErasureMode
from seda.chat.v1.live_service_pb2 import RoomPosition, WatchRequest
from services.chat.actions.deps import Epoch
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from tests.postgres import Database
from tests.services.chat.author_fixtures import ANONYMISE, TOMBSTONE, AuthorData
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.live.watching import facts, load, watcher
from tests.services.running import Running, running, user

_Act = Callable[[ChatClient, str, str, str], Awaitable[object]]


async def _leave(client: ChatClient, _owner: str, member: str, room_id: str) -> None:
    await client.call(member, "LeaveRoom", room_id=room_id)


async def _kick(client: ChatClient, owner: str, member: str, room_id: str) -> None:
    await client.call(owner, "KickMember", room_id=room_id, user_id=await client.db.user_id(member))


async def _ban(client: ChatClient, owner: str, member: str, room_id: str) -> None:
    await client.call(owner, "BanMember", room_id=room_id, user_id=await client.db.user_id(member))


async def _make_private(client: ChatClient, _owner: str, member: str, room_id: str) -> None:
    """No call does this; an operator might. The member's row goes with it, as if it had never been."""
    await client.admin.execute(
        """
        WITH moved AS (
          UPDATE chat.room_counters SET last_rev = last_rev + 1 WHERE room_id = $1 RETURNING last_rev
        ), gone AS (
          DELETE FROM chat.room_memberships WHERE room_id = $1 AND user_id = $2
        )
        UPDATE chat.rooms SET private = true, rev = (SELECT last_rev FROM moved) WHERE id = $1
        """,
        uuid.UUID(room_id),
        uuid.UUID(await client.db.user_id(member)),
    )


@pytest.mark.parametrize("act", [_leave, _kick, _ban])
@pytest.mark.parametrize("all_my_rooms", [False, True])
async def test_lost_room_is_told_and_silent(client: ChatClient, act: _Act, all_my_rooms: bool) -> None:
    owner = new_user()
    room, other = [await client.create_room(owner) for _ in range(2)]
    member = await client.join_as(room.id)
    await client.join_room(member, other.id)
    live = watcher(client, member, all_my_rooms=all_my_rooms)
    live.keep_frames = True
    if not all_my_rooms:
        live.watch_room(room.id)
        live.watch_room(other.id)
    async with live.watching():
        await live.caught_up.wait()
        await client.send_message(owner, room.id, "before")
        await act(client, owner, member, room.id)
        after = await client.send_message(owner, room.id, "after")
        # Five times the bound that the contract names would be a test of the machine.
        async with asyncio.timeout(2):
            while not live.rooms[room.id].lost:
                live.rooms[room.id].moved.clear()
                await live.rooms[room.id].moved.wait()
        # What comes later in another room shows that the stream has been read up to here.
        later = await client.send_message(owner, other.id, "later")
        await live.until(other.id, later.rev)
    changes = [frame.change for frame in live.frames if frame.HasField("change")]
    texts = [each.message.message.text for each in changes if each.room_id == room.id]
    assert "before" in texts
    assert "after" not in texts
    assert all(each.rev < after.rev for each in changes if each.room_id == room.id)


async def test_room_that_becomes_private_is_lost_by_strangers(client: ChatClient) -> None:
    owner, stranger = new_user(), new_user()
    room = await client.create_room(owner)
    member = await client.join_as(room.id)
    strangers, members = watcher(client, stranger), watcher(client, member)
    for live in (strangers, members):
        live.watch_room(room.id)
    async with strangers.watching(), members.watching():
        for live in (strangers, members):
            await live.caught_up.wait()
        await client.send_message(owner, room.id, "seen by all")
        await _make_private(client, owner, stranger, room.id)
        message = await client.send_message(owner, room.id, "seen by members")
        await members.until(room.id, message.rev)
        async with asyncio.timeout(2):
            while not strangers.rooms[room.id].lost:
                strangers.rooms[room.id].moved.clear()
                await strangers.rooms[room.id].moved.wait()
    assert {each.text for each in strangers.rooms[room.id].messages.values()} == {"seen by all"}


async def test_promoted_member_sees_the_log_from_then_on(client: ChatClient) -> None:
    owner = new_user()
    room = await client.create_room(owner)
    member, target = await client.join_as(room.id), await client.join_as(room.id)
    ids = {email: await client.db.user_id(email) for email in (member, target)}
    live = watcher(client, member)
    live.watch_room(room.id)
    shown = []
    async with live.watching():
        await live.caught_up.wait()
        for role in (2, 1):
            await client.call(owner, "MuteMember", room_id=room.id, user_id=ids[target])
            await client.call(owner, "SetMemberRole", room_id=room.id, user_id=ids[member], role=role)
            message = await client.send_message(owner, room.id, "done")
            await live.until(room.id, message.rev)
            shown.append(len(live.rooms[room.id].log))
        await client.call(owner, "UnmuteMember", room_id=room.id, user_id=ids[target])
        message = await client.send_message(owner, room.id, "done")
        await live.until(room.id, message.rev)
        shown.append(len(live.rooms[room.id].log))
    # The promotion's own line comes after the member's row; the mute before it is not shown, the second one is.
    assert shown == [1, 2, 2]


@pytest.mark.parametrize("mode", [TOMBSTONE, ANONYMISE])
async def test_erasure_ends_the_rooms_of_the_user_and_shows_others_what_is_left(
    client: ChatClient, second_chat: Running, mode: ErasureMode.ValueType
) -> None:
    owner = new_user()
    room = await client.create_room(owner)
    member, other = await client.join_as(room.id), await client.join_as(room.id)
    member_id = await client.db.user_id(member)
    erased, staying = watcher(client, member), watcher(client, other)
    for live in (erased, staying):
        live.know_room(room.id, *await load(client, other, room.id))
    async with erased.watching(), staying.watching():
        root = await client.send_message(member, room.id, "by the one who goes")
        await client.send_message(other, room.id, "an answer", parent_id=root.id)
        named = await client.send_message(owner, room.id, "and you?", mention_user_ids=[member_id])
        await client.add_reaction(member, named)
        await client.pin_message(owner, root)
        await staying.until(room.id, (await client.get_room(owner, room.id)).position.rev - 1)
        # Another process does it, and a worker at that: nobody tells this one.
        await AuthorData(second_chat).erase(member_id, mode)
        async with asyncio.timeout(3):
            while not erased.rooms[room.id].lost:
                erased.rooms[room.id].moved.clear()
                await erased.rooms[room.id].moved.wait()
        later = await client.send_message(owner, room.id, "later")
        await staying.until(room.id, later.rev)
    assert "later" not in {each.text for each in erased.rooms[room.id].messages.values()}
    known, _ = await load(client, owner, room.id)
    assert facts(staying.rooms[room.id]) == facts(known)


async def _answer(chat: Running, email: str, room_id: str, after_rev: int | None) -> tuple[bytes, object]:
    """All bytes of a whole stream, with the id of the room taken out, and how it ended."""
    epoch = getattr(chat.process.context.database.on_connect, "__self__", None)
    assert isinstance(epoch, Epoch)
    rooms = [RoomPosition(room_id=room_id, after_rev=after_rev)]
    request = WatchRequest(rooms=rooms, epoch=epoch.value).SerializeToString()
    watch: Any = chat.channel.unary_stream("/seda.chat.v1.LiveService/Watch")
    stream = watch(request, metadata=(*user(email), ("x-request-id", "the same")), timeout=20)
    answered = b"".join([response async for response in stream])
    ends = (await stream.code(), await stream.initial_metadata(), await stream.trailing_metadata())
    return answered.replace(room_id.encode(), b"id"), ends


@pytest.mark.parametrize("after_rev", [None, 1, 1_000])
async def test_hidden_and_missing_rooms_are_answered_alike(
    database: Database,
    neighbours: dict[str, str],
    client: ChatClient,
    after_rev: int | None,
) -> None:
    owner, stranger, left, banned, invited = [new_user() for _ in range(5)]
    room = await client.create_room(owner, private=True)
    for email in (stranger, left, banned, invited):
        await client.call(email, "ListMyRooms")
    for email in (left, banned, invited):
        await client.call(owner, "InviteUser", room_id=room.id, user_id=await client.db.user_id(email))
    for email in (left, banned):
        await client.join_room(email, room.id)
    await client.call(left, "LeaveRoom", room_id=room.id)
    await _ban(client, owner, banned, room.id)
    ages = {"watch_max_age_seconds": 0.3, "max_streams_per_user": 20}
    async with running(ChatSettings, build_chat, database, **neighbours, **ages) as chat:
        people = (stranger, left, banned, invited)
        hidden = await asyncio.gather(*(_answer(chat, email, room.id, after_rev) for email in people))
        missing = await asyncio.gather(
            *(_answer(chat, email, str(uuid.uuid4()), after_rev) for email in people)
        )
        seen = await _answer(chat, owner, room.id, after_rev)
    assert hidden == missing
    assert seen[0] != hidden[0][0]
