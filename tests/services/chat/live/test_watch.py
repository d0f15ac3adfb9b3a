"""Watch: what a stream sends, from its first frame to its last."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import grpc
import pytest

from seda.chat.v1 import live_service_pb2 as pb
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from tests.postgres import Database
from tests.services.chat.builders import make_messages, make_room
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.live.watching import facts, load, watcher
from tests.services.running import Running, running
from tests.support.live_client import LiveClient


def _events(live: LiveClient) -> list[str]:
    return [str(frame.WhichOneof("event")) for frame in live.frames]


async def test_watch_shows_each_change(client: ChatClient) -> None:
    ada, bo = new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bo, room.id)
    live = watcher(client, bo)
    live.know_room(room.id, *await load(client, bo, room.id))
    async with live.watching():
        root = await client.send_message(ada, room.id, "hello")
        reply = await client.send_message(bo, room.id, "hi", parent_id=root.id)
        await client.add_reaction(bo, root)
        await client.update_message(ada, root, text="hello all")
        await client.pin_message(ada, root)
        await client.call(ada, "LockRoom", room_id=room.id)
        await client.call(ada, "UnlockRoom", room_id=room.id)
        await client.join_as(room.id)
        await client.delete_message(bo, reply)
        restored = await client.restore_message(ada, reply, reason="a mistake")
        await live.until(room.id, restored.rev)
    known, _ = await load(client, ada, room.id)
    assert facts(live.rooms[room.id]) == facts(known)


async def test_frames_come_in_the_order_of_the_protocol(client: ChatClient) -> None:
    owner, room = await make_room(client, messages=5)
    other = await client.create_room(owner)
    missing = str(uuid.uuid4())
    position = (await client.get_room(owner, room.id)).position
    live = watcher(client, owner)
    live.keep_frames = True
    live.watch_room(room.id, position.epoch, position.rev - 2)
    for each in (other.id, missing):
        live.watch_room(each)
    async with live.watching():
        await live.caught_up.wait()
        assert _events(live) == [
            "hello", "room_state", "room_state", "room_lost", "change", "change", "caught_up",
        ]  # fmt: skip
        hello, resumed, fresh, lost = live.frames[:4]
        assert hello.hello.epoch == position.epoch
        assert hello.hello.heartbeat_interval.seconds == 25
        states = {each.room_state.room_id: each.room_state for each in (resumed, fresh)}
        assert states[room.id] == pb.RoomState(
            room_id=room.id, outcome=pb.ROOM_OUTCOME_RESUMED, rev=position.rev - 2
        )
        assert states[other.id] == pb.RoomState(room_id=other.id, outcome=pb.ROOM_OUTCOME_FRESH, rev=2)
        assert lost.room_lost.room_id == missing


@pytest.mark.parametrize(("epoch", "ahead"), [("another", -1), ("", -1), ("same", 1)])
async def test_position_of_another_copy_is_reset(client: ChatClient, epoch: str, ahead: int) -> None:
    owner, room = await make_room(client, messages=3)
    position = (await client.get_room(owner, room.id)).position
    live = watcher(client, owner)
    live.keep_frames = True
    live.epoch = {"same": position.epoch}.get(epoch, epoch)
    live.watch_room(room.id, live.epoch, position.rev + ahead)
    async with live.watching():
        await live.caught_up.wait()
    (state,) = [frame.room_state for frame in live.frames if frame.HasField("room_state")]
    assert (state.outcome, state.rev) == (pb.ROOM_OUTCOME_RESET, position.rev)
    assert "change" not in _events(live)


async def test_stream_resumes_far_back_and_misses_nothing(client: ChatClient) -> None:
    owner, room = await make_room(client)
    start = (await client.get_room(owner, room.id)).position
    await make_messages(
        client.admin, room.id, await client.db.user_id(owner), 1_000, text="repeat('x', 2000)"
    )
    live = watcher(client, owner)
    live.watch_room(room.id, start.epoch, start.rev)
    async with live.watching():
        message = await client.send_message(owner, room.id, "the last one")
        await live.until(room.id, message.rev)
    assert len(live.rooms[room.id].messages) == 1_001


async def test_all_my_rooms_follows_joins_and_ends(client: ChatClient, second_chat: Running) -> None:
    ada, bo = new_user(), new_user()
    there = ChatClient(second_chat, client.admin)
    old, new, private = [await client.create_room(ada, private=each) for each in (False, False, True)]
    await client.join_room(bo, old.id)
    bo_id = await client.db.user_id(bo)
    live = watcher(client, bo, all_my_rooms=True)
    async with live.watching():
        await live.caught_up.wait()
        assert set(live.rooms) == {old.id}
        # Through another process: the hint comes from there.
        await there.join_room(bo, new.id)
        message = await client.send_message(ada, new.id, "welcome")
        await live.until(new.id, message.rev)
        await client.call(ada, "InviteUser", room_id=private.id, user_id=bo_id)
        await there.call(bo, "AcceptInvitation", room_id=private.id)
        message = await client.send_message(ada, private.id, "psst")
        await live.until(private.id, message.rev)
        await client.call(bo, "LeaveRoom", room_id=old.id)
        async with asyncio.timeout(5):
            while not live.rooms[old.id].lost:
                live.rooms[old.id].moved.clear()
                await live.rooms[old.id].moved.wait()
        await client.send_message(ada, old.id, "gone already")
        await client.join_room(bo, old.id)
        message = await client.send_message(ada, old.id, "again")
        await live.until(old.id, message.rev)
        assert "gone already" not in {each.text for each in live.rooms[old.id].messages.values()}


async def test_stream_ends_at_its_age_and_goes_on(
    database: Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    options = {**neighbours, "watch_max_age_seconds": 0.5, "watch_heartbeat_seconds": 0.1}
    async with running(ChatSettings, build_chat, database, **options) as chat:
        aging = ChatClient(chat, admin)
        owner, room = await make_room(aging)
        member = await aging.join_as(room.id)
        live = watcher(aging, member)
        live.keep_frames = True
        live.watch_room(room.id)
        async with live.watching():
            await live.caught_up.wait()
            # A change that a member does not see moves the position all the same.
            await aging.call(owner, "MuteMember", room_id=room.id, user_id=await aging.db.user_id(member))
            async with asyncio.timeout(10):
                while live.closings.count(pb.CLOSING_REASON_MAX_AGE) < 2:
                    # The stream ends when its time has come.
                    await asyncio.sleep(0.05)
            message = await aging.send_message(owner, room.id, "after two ends")
            await live.until(room.id, message.rev)
        assert live.errors == []
        checkpoints = [frame.checkpoint for frame in live.frames if frame.HasField("checkpoint")]
        assert [each for each in checkpoints if not each.positions]
        (moved,) = [position for each in checkpoints for position in each.positions]
        assert moved.room_id == room.id
        assert next(frame for frame in live.frames if frame.HasField("change")).change.rev > moved.rev


async def test_streams_end_when_the_process_shuts_down(
    database: Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    async with running(ChatSettings, build_chat, database, **neighbours) as chat:
        ending = ChatClient(chat, admin)
        owner, room = await make_room(ending)
        live = watcher(ending, owner)
        live.watch_room(room.id)
        stream = live.stub.Watch(live.request(), metadata=tuple(live.metadata()))
        responses = aiter(stream)
        frames = list((await anext(responses)).frames)
        stopping = asyncio.create_task(chat.process.stop(grace=10))
        frames += [frame async for response in responses for frame in response.frames]
        await stopping
        assert frames[-1].closing.reason == pb.CLOSING_REASON_SHUTDOWN
        assert await stream.code() is grpc.StatusCode.OK
