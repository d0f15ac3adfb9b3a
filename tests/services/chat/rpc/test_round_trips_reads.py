"""Reading a room of forty thousand messages costs what reading one of ten costs, whatever the page."""

from __future__ import annotations

import os
import statistics
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.clock import Micros
from servicekit.pagination import MAX_TIMESTAMP
from servicekit.sql import Statement
from services.chat.domain.pagination import Window
from services.chat.store import message_cache, message_revisions, pins, reactions
from services.chat.store import message_list as store
from tests.postgres import Database
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.explain import Explainer, Plan
from tests.services.running import Running

_LARGE = 40_000
_PAGE = 50
_LATEST = (Micros(MAX_TIMESTAMP), uuid.UUID(int=0))
# A partition of no more rows is read through, and rightly so.
_FEW = 20
_TABLES = {"messages", "threads", "reactions", "reaction_tallies", "pins", "message_revisions"}
# Every fifth root has four replies, every second message has three reactions of two emojis; each 500th is deleted.
_FILL = """
WITH new AS (
  SELECT n AS seq, gen_random_uuid() AS id, n % 9 IN (1, 2, 3, 4) AND n > 9 AS reply, (n / 9) * 9 AS root
    FROM generate_series($3::int + 1, $3::int + $4::int) n
), messages AS (
  INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, created_at, root_id, root_seq,
                             deleted_at, deletion_type)
  SELECT $1, m.seq, m.seq + 10, m.id, md5((m.seq % 2000)::text)::uuid, 'TEXT', 'text number ' || m.seq, 'text number ' || m.seq,
         timestamptz '2026-01-01' + m.seq * interval '1 second', r.id, r.seq,
         CASE WHEN m.seq % 500 = 250 THEN now() END, CASE WHEN m.seq % 500 = 250 THEN 'AUTHOR' END
    FROM new m LEFT JOIN new r ON m.reply AND r.seq = m.root
), threads AS (
  INSERT INTO chat.threads (room_id, root_id, reply_count, last_reply_seq, last_reply_at)
  SELECT $1, r.id, count(*), max(m.seq), timestamptz '2026-01-01' + max(m.seq) * interval '1 second'
    FROM new m JOIN new r ON m.reply AND r.seq = m.root GROUP BY r.id
), reactions AS (
  INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
  SELECT $1, m.id, gen_random_uuid(), CASE WHEN k = 0 THEN ':a:' ELSE ':b:' END, now(), m.seq * 3 + k
    FROM new m, generate_series(0, 2) k WHERE m.seq % 2 = 0
), mine AS (
  INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
  SELECT $1, m.id, $2, ':a:', now(), m.seq * 3 FROM new m WHERE m.seq % 4 = 0
), tallies AS (
  INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
  SELECT $1, m.id, CASE WHEN k = 0 THEN ':a:' ELSE ':b:' END, k + 1, now()
    FROM new m, generate_series(0, 1) k WHERE m.seq % 2 = 0
)
UPDATE chat.room_counters SET last_seq = $3 + $4, last_rev = ($3 + $4) * 4 WHERE room_id = $1
"""


_GROW = """
WITH replies AS (
  INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, created_at, root_id, root_seq)
  SELECT $1, n, n + 10, gen_random_uuid(), $2, 'TEXT', 'reply', 'reply', now(), $3, 1
    FROM generate_series(2, 1 + $4::int) n
), thread AS (
  INSERT INTO chat.threads VALUES ($1, $3, $4, 1 + $4, now())
), tally AS (
  INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at) VALUES ($1, $3, ':a:', $4, now())
), reactions AS (
  INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
  SELECT $1, $3, gen_random_uuid(), ':a:', now(), n FROM generate_series(1, $4::int) n
), pins AS (
  INSERT INTO chat.pins (room_id, message_id, pinned_at, removed_at, rev)
  SELECT $1, CASE WHEN n = 1 THEN $3 ELSE gen_random_uuid() END, now(), CASE WHEN n > 1 THEN now() END, n
    FROM generate_series(1, $4::int) n
), revisions AS (
  INSERT INTO chat.message_revisions (room_id, message_id, number, text, replaced_at)
  SELECT $1, $3, n, 'before', now() FROM generate_series(1, $4::int) n
)
UPDATE chat.room_counters SET last_seq = $4 + 1, last_rev = $4 + 100 WHERE room_id = $1
"""


@dataclass(frozen=True)
class Talk:
    """A room of so many messages: a history of roots with replies, or one root with that many of everything."""

    owner: str
    caller: uuid.UUID
    room_id: uuid.UUID
    size: int
    root: Message


async def _talk(client: ChatClient, size: int, fill: str, *, thread: bool) -> Talk:
    ada = new_user()
    room = await client.create_room(ada)
    root = await client.send_message(ada, room.id, "root")
    room_id, caller = uuid.UUID(room.id), uuid.UUID(await client.db.user_id(ada))
    third = uuid.UUID(root.id) if thread else 1
    async with client.admin.transaction():
        # Without foreign keys' triggers, which take most of the time.
        await client.admin.execute("SET LOCAL session_replication_role = replica")
        await client.admin.execute(fill, room_id, caller, third, size)
    return Talk(ada, caller, room_id, size, root)


@dataclass(frozen=True)
class Talks:
    """Rooms of ten, of a thousand and of forty thousand messages, and threads of ten and four thousand replies."""

    ten: Talk
    small: Talk
    large: Talk
    short: Talk
    long: Talk


@pytest.fixture(scope="module")
async def talks(chat: Running, admin: asyncpg.Connection) -> Talks:
    """The rooms, once for all."""
    client = ChatClient(chat, admin)
    histories = [await _talk(client, size, _FILL, thread=False) for size in (10, 1_000, _LARGE)]
    threads = [await _talk(client, size, _GROW, thread=True) for size in (10, _LARGE // 10)]
    await admin.execute(f"VACUUM (ANALYZE) {', '.join(f'chat.{table}' for table in sorted(_TABLES))}")
    return Talks(*histories, *threads)


@pytest.fixture(scope="module")
async def explainer(database: Database) -> AsyncIterator[Explainer]:
    """Chat's own connection."""
    made = await Explainer.connect(database)
    yield made
    await made.close()


def _windows(size: int) -> list[list[Window]]:
    """Pages at the beginning of a room, in its middle, at its end: some of each, as no two have the same rows."""
    middle = [Window.before(size // 2 + step * 211, _PAGE) for step in range(_NEAR)]
    first = [Window.before(size - step * 211, _PAGE) for step in range(_NEAR - 1)]
    last = [Window.before(_PAGE * (3 + step), _PAGE) for step in range(_NEAR)]
    return [[Window.newest(_PAGE), *first], middle, last]


def _bounds(window: Window) -> tuple[int, int, int, int]:
    return window.older_from, window.older, window.newer_from, window.newer


_NOTHING_KNOWN = (0, b"")
_NEAR = 7
_PARTITIONED = os.environ.get("SEDA_TEST_PARTITIONS", "0") != "0"
# Where all is a handful of pages, a level of an index counts.
_SLACK = 5
_small_partitions = pytest.mark.skipif(
    _PARTITIONED, reason="a partition of little is read from one end to the other, and its indexes are flat"
)
_Explain = Callable[..., Awaitable[Plan]]


@pytest.fixture(params=["plan", "generic_plan"])
def explain(request: pytest.FixtureRequest, explainer: Explainer) -> _Explain:
    """Runs a statement as its first callers do, or as later ones."""
    made: _Explain = getattr(explainer, request.param)
    return made


async def _costs(
    explain: _Explain, statement: Statement[*tuple[Any, ...]], calls: Sequence[tuple[object, ...]]
) -> list[int]:
    """The shared buffers of each call. No table of any size is read from one end to the other."""
    # What a connection looks up in the catalog at its first statement counts, too.
    await explain(statement, *calls[0])
    costs = []
    for arguments in calls:
        plan = await explain(statement, *arguments)
        assert plan.rows_scanned <= _FEW
        costs.append(plan.buffers)
    return costs


@pytest.mark.parametrize(
    ("statement", "extra", "most"),
    [
        (store._ROOTS, (3,), 900),
        (store._ROOTS_AND_DELETED, (3,), 1_100),
        (store._ALL, (), 600),
        (store._ALL_AND_DELETED, (), 600),
        (message_cache._ROOTS, (*_NOTHING_KNOWN, 3), 1_100),
        (message_cache._ALL, _NOTHING_KNOWN, 800),
    ],
    ids=["roots", "roots and deleted", "all", "all and deleted", "roots, delta", "all, delta"],
)
async def test_pages_of_a_room_cost_the_same_wherever_they_are(
    talks: Talks,
    explain: _Explain,
    statement: Statement[*tuple[Any, ...]],
    extra: tuple[object, ...],
    most: int,
) -> None:
    room = talks.large
    costs = []
    for windows in _windows(room.size):
        calls = [(room.room_id, room.caller, *_bounds(window), *extra) for window in windows]
        costs.append(statistics.median(await _costs(explain, statement, calls)))
    assert max(costs) <= 1.1 * min(costs), costs
    assert max(costs) < most, costs


# A general plan is charged for all partitions, of which a run leaves all but one out, so it never looks cheap.
@pytest.mark.skipif(_PARTITIONED, reason="plans of partitions are made again")
async def test_pages_are_planned_once_and_for_all(talks: Talks, explainer: Explainer) -> None:
    room, window = talks.large, _bounds(Window.before(_LARGE // 2, _PAGE))
    who = (room.room_id, room.caller)
    root_id = uuid.UUID(talks.long.root.id)
    calls: list[tuple[Statement[*tuple[Any, ...]], tuple[object, ...]]] = [
        (store._ROOTS, (*who, *window, 3)),
        (store._ROOTS_AND_DELETED, (*who, *window, 3)),
        (store._ALL, (*who, *window)),
        (store._ALL_AND_DELETED, (*who, *window)),
        (message_cache._ROOTS, (*who, *window, *_NOTHING_KNOWN, 3)),
        (message_cache._ALL, (*who, *window, *_NOTHING_KNOWN)),
        (store._REPLIES, (talks.long.room_id, room.caller, *window, root_id)),
        (store._REPLIES_AND_DELETED, (talks.long.room_id, room.caller, *window, root_id)),
        (store._BY_ID, (*who, [root_id])),
        (reactions._ALL, (talks.long.room_id, room.caller, root_id, _PAGE, "", 0)),
        (message_revisions._REVISIONS, (talks.long.room_id, root_id, _LARGE, _PAGE)),
        (pins._ACTIVE_PINS, (*who, *_LATEST, _PAGE + 1)),
    ]
    assert [each.name for each, arguments in calls if await explainer.plans_anew(each, *arguments)] == []


@_small_partitions
async def test_pages_of_a_thread_cost_the_same_wherever_they_are(talks: Talks, explain: _Explain) -> None:
    room, root_id = talks.long, uuid.UUID(talks.long.root.id)
    windows = [Window.after(0, _PAGE), Window.after(room.size // 2, _PAGE), Window.before(room.size, _PAGE)]
    calls = [(room.room_id, room.caller, *_bounds(window), root_id) for window in windows]
    for statement in (store._REPLIES, store._REPLIES_AND_DELETED):
        costs = await _costs(explain, statement, calls)
        # Of so few, one look more whether something is newer counts as the same.
        assert max(costs) <= max(1.1 * min(costs), min(costs) + _SLACK), costs
        assert max(costs) < 400, costs


@_small_partitions
async def test_a_message_of_many_reactions_costs_what_one_of_few_costs(
    talks: Talks, explain: _Explain
) -> None:
    costs = []
    for room in (talks.short, talks.long):
        arguments = (room.room_id, room.caller, uuid.UUID(room.root.id))
        costs += await _costs(explain, store._BY_ID_UNCHECKED, [arguments])
        plan = await explain(store._BY_ID_UNCHECKED, *arguments)
        assert not {index for index in plan.indexes if "who" in index or "emoji_rev" in index}
    assert costs[1] <= costs[0] + _SLACK, costs
    assert costs[1] < 60


@_small_partitions
async def test_lists_about_a_message_cost_the_same_wherever_they_are(talks: Talks, explain: _Explain) -> None:
    room, message_id = talks.long, uuid.UUID(talks.long.root.id)
    who = (room.room_id, room.caller, message_id, _PAGE + 1)
    marks = (0, room.size // 2, room.size - 2 * _PAGE)
    lists: list[tuple[Statement[*tuple[Any, ...]], list[tuple[object, ...]]]] = [
        (reactions._ALL, [(*who, ":a:", rev) for rev in marks]),
        (reactions._OF_EMOJI, [(*who, ":a:", rev) for rev in marks]),
        (
            message_revisions._REVISIONS,
            [(room.room_id, message_id, mark + 2 * _PAGE, _PAGE + 1) for mark in marks],
        ),
    ]
    for statement, calls in lists:
        costs = await _costs(explain, statement, calls)
        assert max(costs) <= max(1.1 * min(costs), min(costs) + _SLACK), (statement.name, costs)
        assert max(costs) < 150, (statement.name, costs)
    # One pin stands, of ten thousand that did.
    (pinned,) = await _costs(explain, pins._ACTIVE_PINS, [(room.room_id, room.caller, *_LATEST, _PAGE + 1)])
    assert pinned < 40
