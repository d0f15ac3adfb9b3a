"""The hub read by read: nothing is started, each test calls what the hub's tasks call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from seda.chat.v1 import live_service_pb2 as pb
from services.chat.actions.deps import Epoch
from services.chat.live.hints import HintChannel
from services.chat.live.hub import Hub, PollPace
from services.chat.live.stream import Stream, Subscription
from services.chat.store import changes as store
from tests.services.chat.builders import make_messages
from tests.services.chat.chat_client import ChatClient, RoomWithMembers, new_user


@dataclass
class HubFixture:
    """A hub on the service's database, and one room."""

    hub: Hub
    epoch: Epoch
    room: RoomWithMembers

    @property
    def room_id(self) -> UUID:
        """The room."""
        return UUID(self.room.id)

    async def rev(self) -> int:
        """The room's last rev."""
        return (await self.room.client.get_room(self.room.owner, self.room.id)).position.rev

    async def stream(self, email: str, rev: int, *, role: str | None = "MEMBER") -> Stream:
        """A stream that has the room up to a rev; not attached."""
        user_id = UUID(await self.room.client.db.user_id(email))
        stream = Stream(user_id, all_my_rooms=False, include_typing=False)
        stream.epoch = self.epoch.value
        self.hub.open(stream)
        stream.subscriptions[self.room_id] = Subscription(
            stream, self.room_id, rev, member=role is not None, moderator=role in {"MODERATOR", "OWNER"}
        )
        return stream

    def attach(self, stream: Stream) -> bool:
        """Hand the room over to the hub."""
        return self.hub.attach(stream.subscriptions[self.room_id])

    async def watcher(self, email: str, **options: Any) -> Stream:
        """A stream that has everything, attached."""
        stream = await self.stream(email, await self.rev(), **options)
        assert self.attach(stream)
        return stream

    async def read(self) -> None:
        """What the hub does after a wake."""
        self.hub._dirty.clear()
        await self.hub._read({self.room_id: self.hub._feeds[self.room_id].rev})


def frames(stream: Stream) -> list[pb.Frame]:
    """What waits in a stream."""
    found: list[pb.Frame] = []
    while taken := stream.take():
        found += pb.WatchResponse.FromString(taken).frames
    return found


def revs(stream: Stream) -> list[int]:
    """The revs of the changes that wait in a stream; there is nothing else."""
    return [frame.change.rev for frame in frames(stream) if frame.HasField("change")]


@pytest.fixture
def at_hub(room: RoomWithMembers) -> HubFixture:
    database = room.client.chat.process.context.database
    epoch = getattr(database.on_connect, "__self__", None)
    assert isinstance(epoch, Epoch)
    return HubFixture(Hub(database, epoch, HintChannel(None), asyncio.Event()), epoch, room)


async def test_a_change_between_the_two_steps_of_a_read_comes_with_the_next_one(
    at_hub: HubFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, room = at_hub.room.client, at_hub.room
    stream = await at_hub.watcher(room.member)
    start = await at_hub.rev()
    first, second = [await client.send_message(room.owner, room.id, text) for text in ("one", "two")]
    last_revs = store.last_revs

    async def then_edit(*arguments: Any) -> list[store.LastRevsRow]:
        rows = await last_revs(*arguments)
        if await at_hub.rev() == start + 2:
            await client.update_message(room.owner, first, text="edited")
            await client.send_message(room.owner, room.id, "three")
        return rows

    monkeypatch.setattr(store, "last_revs", then_edit)
    await at_hub.read()
    # The first message is of a later rev by now.
    assert revs(stream) == [second.rev]
    assert at_hub.hub._feeds[at_hub.room_id].rev == start + 2
    await at_hub.read()
    assert revs(stream) == [start + 3, start + 4]


async def test_a_page_ends_where_one_kind_of_change_does(at_hub: HubFixture) -> None:
    client, room = at_hub.room.client, at_hub.room
    start = await at_hub.rev()
    stream = await at_hub.watcher(room.member)
    await make_messages(client.admin, room.id, await client.db.user_id(room.owner), store.PAGE + 20)
    await client.join_as(room.id)
    await at_hub.read()
    assert revs(stream) == list(range(start + 1, start + store.PAGE + 1))
    assert at_hub.room_id in at_hub.hub._dirty
    await at_hub.read()
    assert revs(stream) == list(range(start + store.PAGE + 1, await at_hub.rev() + 1))


async def test_a_stream_behind_the_hub_is_not_handed_over(at_hub: HubFixture) -> None:
    client, room = at_hub.room.client, at_hub.room
    late = await at_hub.stream(room.other, await at_hub.rev())
    await at_hub.watcher(room.member)
    message = await client.send_message(room.owner, room.id, "hello")
    await at_hub.read()
    assert not at_hub.attach(late)
    late.subscriptions[at_hub.room_id].rev = message.rev
    assert at_hub.attach(late)


async def test_a_stream_ahead_of_the_hub_gets_nothing_twice_and_no_older_position(
    at_hub: HubFixture,
) -> None:
    client, room = at_hub.room.client, at_hub.room
    on_time = await at_hub.watcher(room.member)
    message = await client.send_message(room.owner, room.id, "hello")
    await client.call(room.owner, "MuteMember", room_id=room.id, user_id=await client.db.user_id(room.other))
    before, ahead = await at_hub.rev(), await at_hub.stream(room.other, await at_hub.rev() + 1)
    await client.send_message(room.owner, room.id, "the last one that it knows")
    assert at_hub.attach(ahead)
    feed = at_hub.hub._feeds[at_hub.room_id]
    at_hub.hub._deliver(feed, [], before, _moved(feed.room_id, before))
    assert ahead.take_checkpoint() == []
    feed.rev = on_time.subscriptions[at_hub.room_id].rev = message.rev - 1
    ahead.subscriptions[at_hub.room_id].rev = before
    await at_hub.read()
    assert revs(on_time) == [message.rev, await at_hub.rev()]
    assert revs(ahead) == [await at_hub.rev()]
    assert ahead.subscriptions[at_hub.room_id].rev == await at_hub.rev()


def _moved(room_id: UUID, rev: int) -> store.LastRevsRow:
    return store.LastRevsRow(room_id, rev, 4, None, None, None, None, None, None, 0)


async def _kick(client: ChatClient, room: RoomWithMembers, user_id: str) -> None:
    await client.call(room.owner, "KickMember", room_id=room.id, user_id=user_id)


async def _leave(client: ChatClient, room: RoomWithMembers, user_id: str) -> None:
    assert user_id == await client.db.user_id(room.member)
    await client.call(room.member, "LeaveRoom", room_id=room.id)


async def _ban(client: ChatClient, room: RoomWithMembers, user_id: str) -> None:
    await client.call(room.owner, "BanMember", room_id=room.id, user_id=user_id)


async def _hide(client: ChatClient, room: RoomWithMembers, _: str) -> None:
    """No method makes a room private."""
    await client.admin.execute(
        """
        WITH moved AS (UPDATE chat.room_counters SET last_rev = last_rev + 1 WHERE room_id = $1 RETURNING last_rev)
        UPDATE chat.rooms SET private = true, rev = last_rev FROM moved WHERE id = $1
        """,
        UUID(room.id),
    )


Lose = Callable[[ChatClient, RoomWithMembers, str], Awaitable[None]]
WAYS = [
    pytest.param(_kick, "MEMBER", id="kicked"),
    pytest.param(_leave, "MEMBER", id="left"),
    pytest.param(_ban, "MEMBER", id="banned"),
    pytest.param(_ban, None, id="a banned stranger"),
    pytest.param(_hide, None, id="a stranger, made private"),
]


@pytest.mark.parametrize(("lose", "role"), WAYS)
async def test_a_watcher_gets_nothing_above_the_rev_at_which_the_room_was_lost(
    at_hub: HubFixture, lose: Lose, role: str | None
) -> None:
    client, room = at_hub.room.client, at_hub.room
    email = room.member if role else new_user()
    if role is None:
        # Nobody is banned who never was there.
        await client.join_room(email, room.id)
        await client.call(email, "LeaveRoom", room_id=room.id)
    staying = await at_hub.watcher(room.other)
    leaving = await at_hub.watcher(email, role=role)
    start = await at_hub.rev()
    before = await client.send_message(room.owner, room.id, "before")
    await lose(client, room, await client.db.user_id(email))
    after = await client.send_message(room.owner, room.id, "after")
    # All in one read.
    await at_hub.read()
    seen = frames(leaving)
    assert [frame.WhichOneof("event") for frame in seen[-1:]] == ["room_lost"]
    assert next(frame.change.rev for frame in seen[:-1]) == before.rev == start + 1
    assert all(frame.change.rev < after.rev for frame in seen[:-1])
    assert "after" not in {frame.change.message.message.text for frame in seen[:-1]}
    assert revs(staying)[-1] == after.rev
    await client.send_message(room.owner, room.id, "later")
    await at_hub.read()
    assert frames(leaving) == []
    assert leaving.take_checkpoint() == []


async def test_who_is_kicked_and_returns_within_one_read_keeps_the_room(at_hub: HubFixture) -> None:
    client, room = at_hub.room.client, at_hub.room
    stream = await at_hub.watcher(room.member)
    await _kick(client, room, await client.db.user_id(room.member))
    await client.join_room(room.member, room.id)
    message = await client.send_message(room.owner, room.id, "welcome back")
    await at_hub.read()
    assert revs(stream)[-1] == message.rev


async def test_only_moderators_see_the_log_from_their_promotion_on(at_hub: HubFixture) -> None:
    client, room = at_hub.room.client, at_hub.room
    stream = await at_hub.watcher(room.member)
    other_id = await client.db.user_id(room.other)
    logs = []
    for role in ("MEMBER_ROLE_MODERATOR", "MEMBER_ROLE_MEMBER"):
        await client.call(room.owner, "MuteMember", room_id=room.id, user_id=other_id)
        await client.call(
            room.owner,
            "SetMemberRole",
            room_id=room.id,
            user_id=await client.db.user_id(room.member),
            role=role,
        )
        await client.call(room.owner, "UnmuteMember", room_id=room.id, user_id=other_id)
        await at_hub.read()
        logs.append(
            [each.change.moderation.action for each in frames(stream) if each.change.HasField("moderation")]
        )
    assert [len(each) for each in logs] == [2, 1]


async def test_a_position_reaches_the_room_behind_the_last_change_that_is_shown(at_hub: HubFixture) -> None:
    client, room = at_hub.room.client, at_hub.room
    stream = await at_hub.watcher(room.member)
    message = await client.send_message(room.owner, room.id, "hello")
    await client.call(room.owner, "MuteMember", room_id=room.id, user_id=await client.db.user_id(room.other))
    await at_hub.read()
    assert revs(stream) == [message.rev]
    assert stream.take_checkpoint() == [(at_hub.room_id, await at_hub.rev())]


async def test_rows_of_another_copy_reach_no_stream(
    at_hub: HubFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, room = at_hub.room.client, at_hub.room
    former, start = await at_hub.watcher(room.member), await at_hub.rev()
    await client.send_message(room.owner, room.id, "of one of the copies")
    changed, real = store.changed, at_hub.epoch.value

    async def elsewhere(*arguments: Any) -> tuple[list[store.Changed], int]:
        found = await changed(*arguments)
        at_hub.epoch.value = "another copy"
        later.epoch = at_hub.epoch.value
        assert at_hub.attach(later)
        return found

    later = await at_hub.stream(room.other, start)
    monkeypatch.setattr(store, "changed", elsewhere)
    try:
        await at_hub.read()
    finally:
        at_hub.epoch.value = real
    assert frames(former) == []
    assert former.closing == pb.CLOSING_REASON_EPOCH_CHANGED
    # That of the new copy waits for rows that are certainly of it.
    assert frames(later) == []
    assert later.closing is None
    assert at_hub.room_id in at_hub.hub._dirty


async def test_a_poll_finds_the_stream_that_does_not_know_its_rooms_yet(at_hub: HubFixture) -> None:
    client, room = at_hub.room.client, at_hub.room
    user_id = UUID(await client.db.user_id(room.member))
    (version,) = (await store.room_list_versions(_session(at_hub), [user_id])).values()  # type: ignore[arg-type]  # rows of its own session
    knowing, behind = [
        Stream(user_id, all_my_rooms=True, include_typing=False, room_list_version=each)
        for each in (version, version - 1)
    ]
    for each in (behind, knowing):
        each.epoch = at_hub.epoch.value
        at_hub.hub.open(each)
    await at_hub.hub.poll_once()
    assert (knowing.room_list_moved, behind.room_list_moved) == (False, True)


def _session(at_hub: HubFixture) -> object:
    """A pool reads as a session does."""
    return at_hub.room.client.chat.process.context.database


def test_one_poll_that_waited_does_not_delay_the_next() -> None:
    pace = PollPace()
    pauses = [pace.pause_after(seconds) for seconds in (0.01, 4.0, 0.01, 0.5, 0.4, 0.3)]
    assert pauses == pytest.approx([1.0, 1.0, 1.0, 1.0, 4.0, 3.0])
