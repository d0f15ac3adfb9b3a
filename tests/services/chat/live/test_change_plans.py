"""Reading the changes of a room costs the same in a small and in a large one: index ranges, planned once."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from servicekit.sql import Statement
from services.chat.store import changes as store
from tests import postgres
from tests.postgres import Database
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.explain import Explainer
from tests.services.running import Running

_SMALL, _LARGE = 400, 20_000
_KINDS = 6
pytestmark = pytest.mark.slow
_WATCHED = 200
_TABLES = (
    "messages", "threads", "reactions", "reaction_tallies", "room_memberships", "pins", "sanctions", "moderation_logs",
    "rooms", "room_counters", "user_counters",
)  # fmt: skip
# A partition of no more rows is read through, and rightly so.
_FEW = 20
# A level more of an index, where all is a handful of pages.
_SLACK = 5
_MOST_FOR_ONE, _MOST_FOR_A_PAGE = 40, 900
_STATEMENTS = 9

# Of each kind $3 rows, by turns: n * 6 and the five revs after it. Every third message answers the one before it; each has
# two reactions, of which one is gone. Half of the memberships, pins and sanctions have ended.
_FILL = """
WITH new AS (
  SELECT n, n * 6 AS rev, md5($1::uuid::text || n)::uuid AS id, md5($1::uuid::text || (n - 1))::uuid AS previous,
         CASE WHEN n % 2 = 0 THEN now() END AS ended
    FROM generate_series(2, $3::int + 1) n
), messages AS (
  INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, created_at, root_id, root_seq)
  SELECT $1, n, rev, id, $2, 'TEXT', 'text', 'text', now(), CASE WHEN n % 3 = 0 THEN previous END,
         CASE WHEN n % 3 = 0 THEN n - 1 END FROM new
), threads AS (
  INSERT INTO chat.threads (room_id, root_id, reply_count, last_reply_seq, last_reply_at)
  SELECT $1, previous, 1, n, now() FROM new WHERE n % 3 = 0
), reactions AS (
  INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, removed_at, rev)
  SELECT $1, id, gen_random_uuid(), emoji, now(), CASE WHEN emoji = ':b:' THEN now() END, rev + 1
    FROM new, (VALUES (':a:'), (':b:')) e (emoji)
), tallies AS (
  INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
  SELECT $1, id, ':a:', 1, now() FROM new
), members AS (
  INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, left_at, removal, rev)
  SELECT $1, gen_random_uuid(), 'MEMBER', now(), ended, CASE WHEN n % 2 = 0 THEN 'LEFT' END, rev + 2 FROM new
), pins AS (
  INSERT INTO chat.pins (room_id, message_id, pinned_at, removed_at, rev) SELECT $1, id, now(), ended, rev + 3 FROM new
), sanctions AS (
  INSERT INTO chat.sanctions (id, room_id, user_id, kind, reason, starts_at, ended_at, rev)
  SELECT gen_random_uuid(), $1, gen_random_uuid(), 'BAN', 'test', now(), ended, rev + 4 FROM new
), logs AS (
  INSERT INTO chat.moderation_logs (id, room_id, rev, actor_id, actor_role, as_admin, action, request_id, created_at)
  SELECT gen_random_uuid(), $1, rev + 5, $2, 'OWNER', false, 'MUTE_MEMBER', 'test', now() FROM new
)
UPDATE chat.room_counters SET last_seq = $3::int + 1, last_rev = $3::int * 6 + 11 WHERE room_id = $1
"""
# Rooms of one user, whose members are many.
_MORE_ROOMS = """
WITH new AS (SELECT gen_random_uuid() AS id FROM generate_series(1, $2::int)), rooms AS (
  INSERT INTO chat.rooms (id, name, search_name, created_by, rev) SELECT id, 'a room', 'a room', $1, 1 FROM new
), counters AS (
  INSERT INTO chat.room_counters (room_id, last_rev, member_count) SELECT id, 2, 1 FROM new
), members AS (
  INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)
  SELECT id, user_id, 'MEMBER', now(), 2 FROM new, (SELECT $1::uuid UNION ALL SELECT gen_random_uuid()) u (user_id)
)
SELECT id FROM new
"""


@dataclass(frozen=True)
class Busy:
    """A room with so many rows of each kind."""

    room_id: uuid.UUID
    owner_id: uuid.UUID
    last_rev: int

    def reads(self) -> dict[Statement[*tuple[Any, ...]], list[tuple[object, ...]]]:
        """The statements about one room, with arguments: a page of the oldest, of the middle, and the newest change."""
        ranges: list[tuple[object, ...]] = [
            (self.room_id, after, self.last_rev) for after in (0, self.last_rev // 2, self.last_rev - _KINDS)
        ]
        pages = (store._MESSAGES, store._REACTIONS, store._MEMBERS, store._PINS, store._BANS, store._LOGS)
        return {
            **dict.fromkeys(pages, ranges),
            store._ROOM: ranges,
            store._LAST_REVS: [([self.room_id], [after]) for _, after, _ in ranges],
            store._ACCESS: [([self.room_id], self.owner_id)],
        }


async def busy(client: ChatClient, size: int) -> Busy:
    """Make a room of that size."""
    owner = new_user()
    room_id = uuid.UUID((await client.create_room(owner)).id)
    owner_id = uuid.UUID(await client.db.user_id(owner))
    async with client.admin.transaction():
        # Without foreign keys' triggers, which take most of the time.
        await client.admin.execute("SET LOCAL session_replication_role = replica")
        await client.admin.execute(_FILL, room_id, owner_id, size)
    return Busy(room_id, owner_id, size * _KINDS + 11)


@pytest.fixture(scope="module")
async def rooms(chat: Running, admin: asyncpg.Connection) -> tuple[Busy, Busy]:
    """A small and a large room, beside others."""
    client = ChatClient(chat, admin)
    made = [await busy(client, size) for size in (_SMALL, _LARGE)]
    for _ in range(3):
        await busy(client, _SMALL)
    await admin.execute(f"VACUUM (ANALYZE) {', '.join(f'chat.{table}' for table in _TABLES)}")
    return made[0], made[1]


@pytest.fixture(scope="module")
async def explainer(database: Database) -> AsyncIterator[Explainer]:
    """Chat's own connection."""
    made = await Explainer.connect(database)
    yield made
    await made.close()


@pytest.mark.skipif(postgres.PARTITIONS > 0, reason="a small partition is read through, a large one is not")
@pytest.mark.parametrize("kind", ["plan", "generic_plan"])
async def test_changes_of_a_large_room_cost_what_those_of_a_small_one_cost(
    rooms: tuple[Busy, Busy], explainer: Explainer, kind: str
) -> None:
    explain = getattr(explainer, kind)
    costs: list[list[int]] = []
    for room in rooms:
        costs.append([])
        for statement, calls in room.reads().items():
            # What a connection looks up in the catalog at its first statement counts, too.
            await explain(statement, *calls[0])
            plans = [await explain(statement, *arguments) for arguments in calls]
            assert max(plan.rows_scanned for plan in plans) <= _FEW, statement.name
            costs[-1] += [plan.buffers for plan in plans]
            # The newest change alone, without a page of others.
            assert len(plans) == 1 or plans[-1].buffers < _MOST_FOR_ONE, statement.name
    small, large = costs
    assert [each for each in zip(small, large, strict=True) if each[1] > each[0] + _SLACK] == []
    assert max(large) < _MOST_FOR_A_PAGE, large


async def test_polls_look_up_each_room_and_user_in_an_index(
    rooms: tuple[Busy, Busy], explainer: Explainer, admin: asyncpg.Connection
) -> None:
    user_id = rooms[0].owner_id
    room_ids = [row[0] for row in await admin.fetch(_MORE_ROOMS, user_id, _WATCHED)]
    await admin.execute("VACUUM (ANALYZE) chat.room_counters, chat.room_memberships, chat.rooms")
    calls: list[tuple[Statement[*tuple[Any, ...]], tuple[object, ...], int]] = [
        (store._MOVED, (room_ids, [1] * _WATCHED), 4 * _WATCHED),
        (store._ACCESS, (room_ids, user_id), 13 * _WATCHED),
        (store._MY_ROOMS, (1_001, user_id), 13 * _WATCHED),
        (store._LIST_VERSIONS, ([user_id],), 8),
    ]
    for statement, arguments, most in calls:
        await explainer.generic_plan(statement, *arguments)
        plan = await explainer.generic_plan(statement, *arguments)
        assert plan.buffers <= most, statement.name


@pytest.mark.skipif(postgres.PARTITIONS > 0, reason="plans of partitions are made again")
async def test_changes_are_planned_once_and_for_all(rooms: tuple[Busy, Busy], explainer: Explainer) -> None:
    calls = [(statement, each) for statement, calls in rooms[1].reads().items() for each in calls]
    assert len(dict(calls)) == _STATEMENTS
    room_ids = [room.room_id for room in rooms]
    calls += [
        (store._MOVED, (room_ids, [0, 0])),
        (store._MY_ROOMS, (1_001, rooms[0].owner_id)),
        (store._LIST_VERSIONS, ([rooms[0].owner_id],)),
    ]
    assert [each.name for each, arguments in calls if await explainer.plans_anew(each, *arguments)] == []
