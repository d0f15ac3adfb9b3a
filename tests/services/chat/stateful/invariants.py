"""Compares the service with the model: all views, sums, marks, numbers, the log, and the change feed."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg

from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.message_pb2 import DeletionType, SystemEvent
from seda.chat.v1.message_service_pb2 import THREAD_VIEW_ALL, THREAD_VIEW_ROOTS
from seda.chat.v1.room_pb2 import MemberRole
from services.chat.actions.deps import Epoch
from tests.services.chat.stateful.client import Client
from tests.services.chat.stateful.model import MEMBER, Message, Room
from tests.services.running import Running
from tests.services.running import user as authorized
from tests.support.live_client import LiveClient

PREVIEW = 3
_FEED = {
    "rooms": ("id", "id = $1"),
    "messages": ("id", "room_id = $1"),
    "room_memberships": ("user_id", "room_id = $1"),
    "reactions": ("message_id::text || user_id || emoji", "room_id = $1"),
    "pins": ("message_id", "room_id = $1"),
    "moderation_logs": ("id", "room_id = $1"),
}
_COLUMNS = {
    "rooms": "name, announcement, slow_mode_seconds, locked_at IS NOT NULL AS locked",
    "messages": "id, seq, user_id, text, system_event, root_seq, deleted_at IS NOT NULL AS deleted",
    "room_memberships": "user_id, role, left_at IS NOT NULL AS ended",
    "reactions": "message_id, user_id, emoji, removed_at IS NOT NULL AS ended",
    "pins": "message_id, removed_at IS NOT NULL AS ended",
    "moderation_logs": "action, actor_id, target_user_id",
}


class Feed:
    """What a watcher knows of a room who has only ever read what changed since the last time."""

    def __init__(self) -> None:
        self.rev = 0
        self._rows: dict[str, dict[Any, Any]] = {table: {} for table in _FEED}

    async def follow(self, admin: asyncpg.Connection, room_id: str) -> None:
        """Read every row whose rev is above what was read before; revs never repeat."""
        newest, revs = self.rev, []
        for table, (key, where) in _FEED.items():
            rows = await admin.fetch(
                f"SELECT {key} AS key, rev, {_COLUMNS[table]} FROM chat.{table} WHERE {where} AND rev > $2",
                uuid.UUID(room_id),
                self.rev,
            )
            for row in rows:
                self._rows[table][row["key"]] = row
                revs.append(row["rev"])
                newest = max(newest, row["rev"])
        assert len(revs) == len(set(revs)), "two rows of one rev"
        self.rev = newest

    def rows(self, table: str) -> list[Any]:
        """What is known of a table, in the order of changes."""
        return sorted(self._rows[table].values(), key=lambda row: row["rev"])


async def check_feed(feed: Feed, admin: asyncpg.Connection, room: Room) -> None:
    """What was folded from changes equals the model."""
    before = feed.rev
    await feed.follow(admin, room.id)
    assert feed.rev >= before
    last = await admin.fetchrow(
        "SELECT last_seq, last_rev, member_count FROM chat.room_counters WHERE room_id = $1",
        uuid.UUID(room.id),
    )
    assert last is not None
    assert feed.rev <= last["last_rev"]
    assert (last["last_seq"], last["member_count"]) == (len(room.messages), len(room.roles))
    (own,) = feed.rows("rooms")
    assert (own["name"], own["announcement"], own["slow_mode_seconds"] > 0, own["locked"]) == (
        room.name,
        room.announcement,
        room.slow,
        room.locked,
    )
    told = sorted(feed.rows("messages"), key=lambda row: row["seq"])
    assert [
        (
            row["seq"],
            str(row["user_id"]),
            row["text"] or "",
            row["system_event"] or "",
            row["root_seq"],
            row["deleted"],
        )
        for row in told
    ] == [
        (each.seq, each.author, each.text, each.system, each.root.seq if each.root else None, not each.live)
        for each in room.messages
    ]
    assert {
        str(row["user_id"]): row["role"] for row in feed.rows("room_memberships") if not row["ended"]
    } == (room.roles)
    ids = {str(row["id"]): row["seq"] for row in told}
    given = {
        (ids[str(row["message_id"])], str(row["user_id"]), row["emoji"])
        for row in feed.rows("reactions")
        if not row["ended"]
    }
    assert given == {
        (each.seq, user, emoji)
        for each in room.messages
        for emoji, users in each.reactions.items()
        for user in users
    }
    assert {str(row["message_id"]) for row in feed.rows("pins") if not row["ended"]} == room.pins
    logged = [
        (row["action"], str(row["actor_id"]), str(row["target_user_id"] or ""))
        for row in feed.rows("moderation_logs")
    ]
    assert logged == room.log


async def check_pages(client: Client, room: Room, user: str) -> None:
    """Every view of the history, as a member or a non_member to a public room sees it."""
    roots = [each for each in room.messages if each.root is None and each.live]
    page = await client("ListMessages", user, room_id=room.id, thread_view=THREAD_VIEW_ROOTS, page_size=100)
    assert [shown(each) for each in page.messages] == [expected(room, each, user) for each in reversed(roots)]
    for each, root in zip(page.messages, reversed(roots), strict=True):
        replies = room.replies(root)
        assert [shown(reply) for reply in each.replies] == [
            expected(room, reply, user) for reply in replies[:PREVIEW]
        ]
        assert each.has_more_replies == (len(replies) > PREVIEW)
    page = await client("ListMessages", user, room_id=room.id, thread_view=THREAD_VIEW_ALL, page_size=100)
    live = [each for each in room.messages if each.live]
    assert [shown(each) for each in page.messages] == [expected(room, each, user) for each in reversed(live)]
    for root in room.messages:
        if root.root is None and room.replies(root) and root.id:
            thread = await client("ListReplies", user, room_id=room.id, root_id=root.id, page_size=100)
            assert [shown(each) for each in thread.messages] == [
                expected(room, each, user) for each in room.replies(root)
            ]
    if room.roles.get(user, MEMBER) != MEMBER:
        page = await client(
            "ListMessages",
            user,
            room_id=room.id,
            thread_view=THREAD_VIEW_ALL,
            page_size=100,
            show_deleted=True,
        )
        assert [(each.seq, each.text, each.deletion_type) for each in page.messages] == [
            (
                each.seq,
                each.text,
                DeletionType.Value(f"DELETION_TYPE_{each.deletion or 'UNSPECIFIED'}"),
            )
            for each in reversed(room.messages)
        ]


class Watcher:
    """One user's client of one room, which watches now and then and keeps what it was told."""

    def __init__(self, chat: Running, email: str, room_id: str) -> None:
        epoch = getattr(chat.process.context.database.on_connect, "__self__", None)
        assert isinstance(epoch, Epoch)
        self._live = LiveClient(LiveServiceStub(chat.channel), lambda: authorized(email))
        self._room_id = room_id
        self._rev: int | None = 0
        self._live.watch_room(room_id, epoch.value, 0)

    async def check(self, room: Room, user: str) -> None:
        """Go on where the last stream ended; what is known then equals the model, or the room is lost."""
        live = self._live.watch_room(self._room_id, rev=self._rev)
        losses = live.lost
        async with self._live.watching(), asyncio.timeout(20):
            await self._live.caught_up.wait()
        assert self._live.errors == []
        readable = user not in room.banned and (user in room.roles or not room.private)
        assert live.lost == losses + (not readable)
        if not readable:
            return
        self._rev = live.rev
        assert live.room is not None
        assert (live.room.name, live.room.announcement, live.room.HasField("lock_time")) == (
            room.name,
            room.announcement,
            room.locked,
        )
        told = sorted(live.messages.values(), key=lambda message: message.seq)
        known, wanted = (
            [shown(each) for each in told],
            [expected(room, each, "") for each in room.messages if each.live],
        )
        assert known == wanted, (known, wanted)
        roles = {each.user_id: MemberRole.Name(each.role) for each in live.members.values()}
        assert roles == {member: f"MEMBER_ROLE_{role}" for member, role in room.roles.items()}
        assert set(live.pins) == room.pins
        assert live.member_count == len(room.roles)


async def check_mine(client: Client, rooms: list[Room], user: str) -> None:
    """The user's rooms with what is new in each."""
    mine = await client("ListMyRooms", user, page_size=100)
    assert {
        each.room.id: (
            each.membership.role,
            each.last_read_seq,
            each.unread_count,
            each.unread_mention_count,
            each.last_message.seq,
        )
        for each in mine.rooms
    } == {
        room.id: (
            {"MEMBER": 1, "MODERATOR": 2, "OWNER": 3}[room.roles[user]],
            room.read[user],
            room.unread(user),
            room.unread_mentions(user),
            max((each.seq for each in room.messages if each.live), default=0),
        )
        for room in rooms
        if user in room.roles
    }


def shown(message: Any) -> tuple[Any, ...]:
    """What a page says of a message."""
    return (
        message.seq,
        message.author_id,
        message.text,
        message.system_event,
        message.reply_count,
        message.HasField("edit_time"),
        tuple((each.emoji, each.count, each.me) for each in message.reactions),
        frozenset(message.mention_user_ids),
    )


def expected(room: Room, message: Message, user: str) -> tuple[Any, ...]:
    """The same, as the model has it."""
    return (
        message.seq,
        message.author,
        message.text,
        SystemEvent.Value(f"SYSTEM_EVENT_{message.system or 'UNSPECIFIED'}"),
        0 if message.root else len(room.replies(message)),
        message.edited,
        tuple((emoji, len(users), user in users) for emoji, users in message.reactions.items()),
        message.mentions,
    )
