"""Read markers and what is unread: MarkRead, MarkUnread and ListMyRooms, compared with a recount."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Any

import pytest

from seda.chat.v1.message_pb2 import MessageType
from seda.chat.v1.room_service_pb2 import MyRoom
from servicekit.errors import InvalidFieldsError, PageTokenMismatchError
from servicekit.pagination import encode_token, fingerprint
from services.chat.store import room_listing as store
from tests.postgres import Database
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.chat.explain import Explainer
from tests.services.running import refused

# Roots, replies, SYSTEM messages and deleted ones, by several authors, one of them erased; some mention the reader.
_FILL = """
    WITH made AS (
      INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, system_event, root_id, root_seq,
                                 created_at, deleted_at, deletion_type)
      SELECT $1, b.base + n, b.base + n + 10, gen_random_uuid(), CASE d.author WHEN 1 THEN $2::uuid WHEN 2 THEN NULL
             ELSE $3::uuid END, CASE WHEN d.system THEN 'SYSTEM' ELSE 'TEXT' END,
             CASE WHEN NOT d.system THEN 'text ' || n END, CASE WHEN d.system THEN 'JOINED' END,
             CASE WHEN d.reply AND b.base + n > 1 THEN gen_random_uuid() END,
             CASE WHEN d.reply AND b.base + n > 1 THEN 1 END, now(),
             CASE WHEN d.gone THEN now() END, CASE WHEN d.gone THEN 'AUTHOR' END
        FROM (SELECT last_seq AS base FROM chat.room_counters WHERE room_id = $1) b,
             unnest($4::int[], $5::bool[], $6::bool[], $7::bool[]) WITH ORDINALITY
               AS d(author, system, reply, gone, n)
      RETURNING room_id, id, seq
    ), mentioned AS (
      INSERT INTO chat.mentions (room_id, message_id, user_id, message_seq)
      SELECT m.room_id, m.id, $2, m.seq FROM made m
        JOIN chat.room_counters c ON c.room_id = m.room_id
        JOIN unnest($8::bool[]) WITH ORDINALITY AS d(mentions, n) ON m.seq = c.last_seq + d.n AND d.mentions
    )
    UPDATE chat.room_counters SET last_seq = last_seq + array_length($4, 1),
                                  last_rev = last_rev + array_length($4, 1) + 10
     WHERE room_id = $1
"""


async def fill(client: ChatClient, room_id: str, reader: str, count: int, seed: int, **shares: float) -> None:
    """Write messages of all kinds behind the service's back."""
    dice = random.Random(seed)
    share = {"system": 0.1, "reply": 0.2, "gone": 0.2, "mention": 0.5, "mine": 0.2, **shares}

    def thrown(kind: str) -> list[bool]:
        return [dice.random() < share[kind] for _ in range(count)]

    system, mine = thrown("system"), thrown("mine")
    await client.admin.execute(
        _FILL,
        room_id,
        await client.db.user_id(reader),
        uuid.uuid4(),
        [1 if own else dice.choice((2, 3)) for own in mine],
        system,
        [reply and not sys for reply, sys in zip(thrown("reply"), system, strict=True)],
        thrown("gone"),
        thrown("mention"),
    )


async def recount(
    client: ChatClient, room_id: str, reader: str, mark: int
) -> tuple[int, bool, int, bool, int]:
    """Unread roots, capped, unread mentions, capped, and the newest live message: by looking at every message."""
    me = uuid.UUID(await client.db.user_id(reader))
    rows = await client.admin.fetch(
        "SELECT m.*, EXISTS (SELECT 1 FROM chat.mentions e WHERE e.room_id = m.room_id AND e.message_id = m.id"
        " AND e.user_id = $2) AS mentions FROM chat.messages m WHERE room_id = $1 ORDER BY seq",
        room_id,
        me,
    )
    live = [row for row in rows if row["deleted_at"] is None]
    roots = [row for row in live if row["root_id"] is None and row["seq"] > mark]
    mentions = [row for row in live if row["mentions"] and row["seq"] > mark]
    unread = [row for row in roots[:100] if row["type"] != "SYSTEM" and row["user_id"] != me]
    counted = [row for row in mentions[:100] if row["user_id"] != me]
    newest = max((row["seq"] for row in live), default=0)
    return len(unread), len(roots) > 100, len(counted), len(mentions) > 100, newest


def told(my: MyRoom) -> tuple[int, bool, int, bool, int]:
    """The same as recount, as ListMyRooms says it."""
    counts = (my.unread_count, my.unread_capped, my.unread_mention_count, my.unread_mentions_capped)
    return (*counts, my.last_message.seq)


async def mine(client: ChatClient, email: str, **fields: Any) -> list[MyRoom]:
    """The rooms of somebody, over all pages."""
    found: list[MyRoom] = []
    token = ""
    while True:
        page = await client.call(email, "ListMyRooms", page_token=token, **fields)
        found += list(page.rooms)
        token = page.next_page_token
        if not token:
            return found


async def one(client: ChatClient, email: str, room_id: str) -> MyRoom:
    """One of somebody's rooms."""
    (found,) = [each for each in await mine(client, email) if each.room.id == room_id]
    return found


async def mark_read(client: ChatClient, email: str, room_id: str, seq: int) -> int:
    """Mark as read; returns where the mark stands."""
    return int((await client.call(email, "MarkRead", room_id=room_id, seq=seq)).last_read_seq)


async def mark_unread(client: ChatClient, email: str, room_id: str, seq: int) -> int:
    """Mark as unread; returns where the mark stands."""
    return int((await client.call(email, "MarkUnread", room_id=room_id, from_seq=seq)).last_read_seq)


async def test_list_my_rooms_shows_what_is_new(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bob, room.id)
    fresh = await one(client, bob, room.id)
    # What was said before one came is not news, and the room's own words never are.
    assert (fresh.unread_count, fresh.last_read_seq, fresh.last_message.type) == (
        0,
        0,
        MessageType.MESSAGE_TYPE_SYSTEM,
    )
    root = await client.send_message(ada, room.id, "hello", mention_user_ids=[await client.db.user_id(bob)])
    await client.send_message(bob, room.id, "hello yourself")
    sent = await client.call(ada, "SendMessage", room_id=room.id, text="a reply", parent_id=root.id)
    got = await one(client, bob, room.id)
    assert (got.unread_count, got.unread_capped) == (1, False)
    assert (got.unread_mention_count, got.unread_mentions_capped) == (1, False)
    assert got.last_message == await client.get_message(bob, sent.message)
    assert got.room == (await client.get_room(bob, room.id)).room
    assert got.membership == (await client.get_room(bob, room.id)).membership
    assert got.position == (await client.get_room(bob, room.id)).position
    assert got.position == sent.position
    assert await mark_read(client, bob, room.id, sent.message.seq) == sent.message.seq
    got = await one(client, bob, room.id)
    assert (got.unread_count, got.unread_mention_count, got.last_read_seq) == (0, 0, sent.message.seq)
    assert not (await one(client, ada, room.id)).unread_mention_count
    assert await mine(client, new_user()) == []


async def test_what_was_said_while_one_was_away_is_not_new(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada)
    await client.join_room(bob, room.id)
    await client.call(bob, "LeaveRoom", room_id=room.id)
    away = await client.send_message(ada, room.id, "he is gone")
    await client.join_room(bob, room.id)
    back = await one(client, bob, room.id)
    assert (back.unread_count, back.last_read_seq) == (0, away.seq)


@pytest.mark.parametrize("seed", range(4))
async def test_list_my_rooms_counts_as_a_recount_does(client: ChatClient, seed: int) -> None:
    ada, bob = new_user(), new_user()
    rooms = [await client.create_room(ada, name=f"Room {n}") for n in range(6)]
    dice = random.Random(seed)
    for n, room in enumerate(rooms):
        await client.join_room(bob, room.id)
        # Around the cap, well below it, and far above.
        shares = {"system": 0, "reply": 0, "gone": 0, "mention": 1, "mine": 0} if n < 3 else {}
        await fill(client, room.id, bob, (99, 100, 101, 30, 130, 400)[n], seed * 10 + n, **shares)
    capped = set()
    for _ in range(3):
        for my in await mine(client, bob, page_size=4):
            assert told(my) == await recount(client, my.room.id, bob, my.last_read_seq)
            capped.add((my.unread_capped, my.unread_mentions_capped))
            await mark_unread(client, bob, my.room.id, dice.randint(1, 200))
    assert capped >= {(False, False), (True, True)}


async def test_unread_at_the_cap(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    plain = {"system": 0, "reply": 0, "gone": 0, "mention": 1, "mine": 0}
    for count, expected in ((99, (99, False)), (100, (100, False)), (101, (100, True)), (250, (100, True))):
        room = await client.create_room(ada)
        await client.join_room(bob, room.id)
        await mark_read(client, bob, room.id, 1)
        await fill(client, room.id, bob, count, 0, **plain)
        my = await one(client, bob, room.id)
        assert (my.unread_count, my.unread_capped) == expected
        assert (my.unread_mention_count, my.unread_mentions_capped) == expected
    # One's own words alone are many, and none of them is unread.
    room = await client.create_room(ada)
    await client.join_room(bob, room.id)
    await fill(client, room.id, bob, 150, 0, **{**plain, "mine": 1})
    my = await one(client, bob, room.id)
    assert (my.unread_count, my.unread_capped) == (0, True)
    assert (my.unread_mention_count, my.unread_mentions_capped) == (0, True)


async def test_list_my_rooms_without_a_live_message(client: ChatClient, room: RoomWithMembers) -> None:
    await client.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE room_id = $1",
        room.id,
    )
    my = await one(client, room.member, room.id)
    assert not my.HasField("last_message")
    assert (my.unread_count, my.unread_mention_count) == (0, 0)


async def test_list_my_rooms_pages_by_room(client: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    rooms = [await client.create_room(ada) for _ in range(5)]
    for room in rooms:
        await client.join_room(bob, room.id)
    await client.call(bob, "LeaveRoom", room_id=rooms[2].id)
    expected = sorted(room.id for n, room in enumerate(rooms) if n != 2)
    for size in (1, 3, 4, 100):
        assert [my.room.id for my in await mine(client, bob, page_size=size)] == expected
    page = await client.call(bob, "ListMyRooms", page_size=1)
    mark = fingerprint("ListMyRooms", uuid.UUID(await client.db.user_id(bob)))
    for email, token in ((ada, page.next_page_token), (bob, "x"), (bob, encode_token(mark, texts=["7"]))):
        call = client.call(email, "ListMyRooms", page_token=token)
        await refused(call, PageTokenMismatchError, DOMAIN)


async def test_list_my_rooms_ends_a_page_before_it_grows_too_large(client: ChatClient) -> None:
    ada = new_user()
    await client.create_room(ada)
    ada_id = await client.db.user_id(ada)
    await client.admin.execute(
        """
        WITH made AS (
          INSERT INTO chat.rooms (id, name, description, created_by, rev)
          SELECT gen_random_uuid(), repeat('🎵', 80), repeat('🎵', 500), $1, 1 FROM generate_series(1, 120)
          RETURNING id
        ), counted AS (
          INSERT INTO chat.room_counters (room_id, last_seq, last_rev, member_count) SELECT id, 1, 3, 1 FROM made
        ), joined AS (
          INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)
          SELECT id, $1, 'OWNER', now(), 2 FROM made
        )
        INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at, mention_user_ids,
                                   track_id, track)
        SELECT id, 1, 3, gen_random_uuid(), $1, 'TRACK', repeat('🎵', 1000), now(),
               ARRAY (SELECT gen_random_uuid() FROM generate_series(1, 50) WHERE id IS NOT NULL),
               gen_random_uuid(), jsonb_build_object(
                 'provider', 'spotify', 'provider_id', repeat('x', 100), 'url', repeat('x', 1000), 'title',
                 repeat('🎵', 500), 'artist', repeat('🎵', 500), 'artwork_url', repeat('x', 1000))
          FROM made
        """,
        ada_id,
    )
    first = await client.call(ada, "ListMyRooms", page_size=100)
    assert len(first.rooms) < 100
    assert (1 << 20) * 0.9 < first.ByteSize() <= 1 << 20
    assert len({my.room.id for my in await mine(client, ada, page_size=100)}) == 121


async def test_mark_read_goes_forward_and_no_further_than_the_newest(
    client: ChatClient, room: RoomWithMembers
) -> None:
    # Three came in after the owner, each with a message.
    rev = (await client.get_room(room.owner, room.id)).position.rev
    assert await mark_read(client, room.owner, room.id, 0) == 0
    assert await mark_read(client, room.owner, room.id, 2) == 2
    assert await mark_read(client, room.owner, room.id, 1) == 2
    assert await mark_read(client, room.owner, room.id, (1 << 63) - 1) == 3
    assert (await one(client, room.owner, room.id)).last_read_seq == 3
    # Nobody else is told, and nothing else moves.
    assert (await client.get_room(room.owner, room.id)).position.rev == rev
    call = client.call(room.owner, "MarkRead", room_id=room.id, seq=-1)
    await refused(call, InvalidFieldsError, DOMAIN)


async def test_mark_unread_puts_the_mark_where_it_says(client: ChatClient, room: RoomWithMembers) -> None:
    await mark_read(client, room.owner, room.id, 3)
    assert await mark_unread(client, room.owner, room.id, 2) == 1
    assert await mark_unread(client, room.owner, room.id, 3) == 2
    assert await mark_unread(client, room.owner, room.id, 1) == 0
    assert await mark_unread(client, room.owner, room.id, (1 << 63) - 1) == 3
    call = client.call(room.owner, "MarkUnread", room_id=room.id, from_seq=0)
    await refused(call, InvalidFieldsError, DOMAIN)


async def test_mark_read_at_once_from_many_devices_ends_at_the_furthest(
    client: ChatClient, room: RoomWithMembers
) -> None:
    await fill(client, room.id, room.member, 40, 1)
    seqs = list(range(1, 41))
    random.Random(5).shuffle(seqs)
    marks = await asyncio.gather(*(mark_read(client, room.member, room.id, seq) for seq in seqs))
    assert all(mark >= seq for mark, seq in zip(marks, seqs, strict=True))
    assert (await one(client, room.member, room.id)).last_read_seq == 40


async def test_mark_read_waits_for_no_lock_of_the_room(client: ChatClient, room: RoomWithMembers) -> None:
    async with client.admin.transaction():
        await client.admin.execute("SELECT 1 FROM chat.room_counters WHERE room_id = $1 FOR UPDATE", room.id)
        assert await mark_read(client, room.owner, room.id, 3) == 3
        assert await mark_unread(client, room.owner, room.id, 1) == 0


async def test_a_repeated_read_marker_writes_nothing(client: ChatClient, room: RoomWithMembers) -> None:
    async def version() -> str:
        found = await client.admin.fetchval(
            "SELECT xmin::text || ctid::text FROM chat.room_memberships WHERE room_id = $1 AND user_id = $2",
            room.id,
            await client.db.user_id(room.owner),
        )
        return str(found)

    for method, fields in (("MarkRead", {"seq": 3}), ("MarkUnread", {"from_seq": 2})):
        await client.call(room.owner, method, room_id=room.id, **fields)
        before = await version()
        await client.call(room.owner, method, room_id=room.id, **fields)
        assert await version() == before


async def test_unread_of_a_hundred_rooms_is_one_statement_and_bounded(
    client: ChatClient, database: Database
) -> None:
    ada, bob = new_user(), new_user()
    await client.create_room(bob)
    bob_id = uuid.UUID(await client.db.user_id(bob))
    rooms = [(await client.create_room(ada)).id for _ in range(100)]
    for n, room_id in enumerate(rooms):
        await client.admin.execute(
            "INSERT INTO chat.room_memberships (room_id, user_id, joined_at, rev) VALUES ($1, $2, now(), 3)",
            room_id,
            bob_id,
        )
        await fill(client, room_id, bob, 300, n)
    await client.admin.execute("VACUUM (ANALYZE)")
    for size in (1, 100):
        with client.chat.counting() as statements:
            page = await client.call(bob, "ListMyRooms", page_size=size)
        assert statements == ["chat.my_rooms"]
        assert len(page.rooms) == size
        assert all(my.unread_capped for my in page.rooms if my.unread_count)
    explainer = await Explainer.connect(database)
    try:
        for explain in (explainer.plan, explainer.generic_plan):
            unread = await explain(store._MY_ROOMS, bob_id, uuid.UUID(int=0), 101)
            assert not unread.scanned & {"messages", "mentions"}
            # Of the 300 messages after the mark 101 roots and as many mentions are looked at.
            assert unread.buffers < 100 * 900
        await client.admin.execute(
            "UPDATE chat.room_memberships m SET last_read_seq = c.last_seq FROM chat.room_counters c"
            " WHERE c.room_id = m.room_id AND m.user_id = $1",
            bob_id,
        )
        read = await explainer.plan(store._MY_ROOMS, bob_id, uuid.UUID(int=0), 101)
        # Where everything is read, only the newest message is looked up.
        assert read.buffers < 100 * 15
    finally:
        await explainer.close()
