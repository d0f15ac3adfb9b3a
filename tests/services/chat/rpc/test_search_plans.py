"""What a search reads depends on its page, not on how many hits there are, and not on what hidden rooms say."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from search_text import query_phrases
from servicekit.clock import Micros
from servicekit.pagination import MAX_TIMESTAMP
from services.chat.domain.message_search import TimeWindow, time_windows
from services.chat.domain.pagination import MAX_SEQ
from services.chat.store import message_search as store
from services.chat.store.message_search import Criteria, Cursor
from tests.postgres import PARTITIONS, Database
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.explain import Explainer, Plan
from tests.services.running import Running, add_track

_PAGE = 51
_SIZE = 20_000
_HIDDEN = 5_000
_SPACE_SECONDS = 1_800
# With or without a track, in any room.
_NO_FILTERS = (False, False)
_NEWEST = Cursor(Micros(MAX_TIMESTAMP), uuid.UUID(int=(1 << 128) - 1), MAX_SEQ)
# A window has at most 128 times the hits of the one before, which had no page; see time_windows.
_MAX_READ = 128 * _PAGE
# Every message says "common", every fifth "often", every 2,000th "rarely". A message each half hour.
_FILL = """
INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, track_id, track, private_room_id,
                           created_at)
SELECT $1, n, n, gen_random_uuid(), $2, 'TEXT', t.text, t.text, NULL, NULL, $5,
       timestamptz '2026-11-01' - n * $4::int * interval '1 second'
  FROM generate_series(1, $3::int) n
  CROSS JOIN LATERAL (SELECT concat($6::text, CASE WHEN n % 5 = 0 THEN ' often' END,
                                    CASE WHEN n % 2000 = 0 THEN ' rarely' END) AS text) t
"""
_small_partitions = pytest.mark.skipif(
    PARTITIONS > 0, reason="each search reads every partition: four times as many pages"
)


@dataclass(frozen=True)
class History:
    """A public room with a long history, and a user who is not in it."""

    room_id: uuid.UUID
    author_id: uuid.UUID
    non_member: uuid.UUID
    end: Cursor
    """Right after the newest message that the windows are to find."""

    def windows(self, end: Cursor | None = None) -> list[TimeWindow]:
        """The windows of a search that looked at the newest messages before."""
        return list(time_windows(None, Micros((end or self.end).created_at + 1)))


def _patterns(words: str | None) -> list[str] | None:
    return None if words is None else [f"% {word} %" for word in words.split()]


def _arguments(
    history: History, windows: list[TimeWindow], words: str | None = None, **given: Any
) -> tuple[object, ...]:
    """The arguments of a statement that searches windows."""
    return (
        given.get("room_id"),
        given.get("caller", history.non_member),
        _patterns(words),
        given.get("track_id"),
        given.get("author_id"),
        *_NO_FILTERS,
        *given.get("end", history.end),
        [window.start_at for window in windows],
        [window.end_at for window in windows],
        [f"{{{','.join(map(str, window.buckets))}}}" for window in windows],
        _PAGE,
        given.get("most", store.MAX_HITS + 1),
    )


async def _fill(
    admin: asyncpg.Connection,
    room_id: uuid.UUID,
    author_id: uuid.UUID,
    count: int,
    space: int,
    private: uuid.UUID | None,
    word: str,
) -> None:
    async with admin.transaction():
        await admin.execute("SET LOCAL session_replication_role = replica")
        await admin.execute(_FILL, room_id, author_id, count, space, private, word)
    # Also merges what is pending into the search index.
    await admin.execute("VACUUM (ANALYZE) chat.messages")


@pytest.fixture(scope="module")
async def history(chat: Running, admin: asyncpg.Connection) -> History:
    """A message each half hour for more than a year."""
    client = ChatClient(chat, admin)
    ada, bob = new_user(), new_user()
    room = await client.create_room(ada)
    await client.create_room(bob)
    room_id, author_id = uuid.UUID(room.id), uuid.UUID(await client.db.user_id(ada))
    await _fill(admin, room_id, author_id, _SIZE, _SPACE_SECONDS, None, "common")
    newest = await admin.fetchval(
        "SELECT (extract(epoch FROM max(created_at)) * 1000000)::bigint FROM chat.messages WHERE room_id = $1",
        room_id,
    )
    end = Cursor(Micros(newest), uuid.UUID(int=(1 << 128) - 1), MAX_SEQ)
    return History(room_id, author_id, uuid.UUID(await client.db.user_id(bob)), end)


@pytest.fixture(scope="module")
async def explainer(database: Database) -> AsyncIterator[Explainer]:
    """Chat's own connection."""
    made = await Explainer.connect(database)
    yield made
    await made.close()


@pytest.fixture(params=["plan", "generic_plan"])
def explain(request: pytest.FixtureRequest, explainer: Explainer) -> Any:
    """Runs a statement as its first callers do, or as later ones."""
    return getattr(explainer, request.param)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _messages_read(plan: Plan) -> int:
    """How many messages were read from the table, whether they were hits or not."""
    return sum(
        (
            int(each["Actual Rows"])
            + int(each.get("Rows Removed by Filter", 0))
            + int(each.get("Rows Removed by Index Recheck", 0))
        )
        * int(each["Actual Loops"])
        for each in _nodes(plan.root)
        if str(each.get("Relation Name", "")).startswith("messages")
    )


@_small_partitions
@pytest.mark.parametrize("words", ["common", "often", "common often", "rarely", "never"])
@pytest.mark.parametrize("in_room", [False, True])
async def test_a_search_reads_what_its_page_needs(
    history: History, explain: Any, words: str, in_room: bool
) -> None:
    room_id = history.room_id if in_room else None
    plan = await explain(store._BY_WORDS, *_arguments(history, history.windows(), words, room_id=room_id))
    expected = {"rarely": _SIZE // 2_000, "never": 0}.get(words, _PAGE)
    assert plan.root["Actual Rows"] == expected
    assert _messages_read(plan) <= min(_MAX_READ, _SIZE // 2), plan.root
    assert plan.buffers < 1_500
    assert plan.rows_scanned < 100
    assert "messages_search_keys_idx" in plan.indexes
    assert "messages_created_at_idx" not in plan.indexes


@_small_partitions
async def test_a_search_by_author_or_track_reads_what_its_page_needs(
    history: History, explain: Any, admin: asyncpg.Connection
) -> None:
    track_id = uuid.UUID(await add_track(admin, uuid.uuid4().hex[:22]))
    cases: list[tuple[Any, dict[str, Any]]] = [
        (store._BY_AUTHOR, {"author_id": history.author_id}),
        (store._BY_WORDS_AUTHOR, {"author_id": history.author_id, "words": "often"}),
        (store._BY_WORDS_AUTHOR, {"author_id": uuid.uuid4(), "words": "common"}),
        (store._BY_TRACK, {"track_id": track_id}),
        (store._BY_WORDS_TRACK, {"track_id": track_id, "words": "common"}),
        (store._BY_TRACK_AUTHOR, {"track_id": track_id, "author_id": history.author_id}),
        (
            store._BY_WORDS_TRACK_AUTHOR,
            {"track_id": track_id, "author_id": history.author_id, "words": "common"},
        ),
    ]
    for statement, given in cases:
        found = _PAGE if given.get("author_id") == history.author_id and "track_id" not in given else 0
        plan = await explain(statement, *_arguments(history, history.windows(), **given))
        assert plan.root["Actual Rows"] == found, given
        assert _messages_read(plan) <= (_MAX_READ if found else 0), given
        assert plan.buffers < 1_500


@_small_partitions
async def test_without_windows_a_search_would_read_all_hits(history: History, explain: Any) -> None:
    """The control: one window of all the time."""
    (*_, last) = history.windows()
    whole = TimeWindow(Micros(0), Micros(history.end.created_at + 1), last.buckets)
    plan = await explain(store._BY_WORDS, *_arguments(history, [whole], "common", most=store._UNBOUNDED))
    assert _messages_read(plan) >= _SIZE


async def test_hits_after_a_gap_are_found_by_splitting_windows(history: History, client: ChatClient) -> None:
    """Half a year without a hit, then one each half hour: the first window with hits has ten thousand of them."""
    start = Cursor(Micros(history.end.created_at + 180 * 86_400 * 1_000_000), uuid.UUID(int=0), 0)
    criteria = Criteria(["common"], None, None, None, None)
    async with client.chat.process.context.database.session() as session:
        with client.chat.counting() as statements:
            found = await store.search_windows(
                session, history.non_member, criteria, start, history.windows(start), _PAGE
            )
    assert [key.seq for key in found] == list(range(1, _PAGE + 1))
    # Each reads MAX_HITS at most.
    assert len(statements) <= 3


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我家在上海东边。", "上海东"),
        ("我家在上海东边。", "边"),
        ("\U00020bb7野家で会う", "\U00020bb7"),
        ("방탄소년단이 왔다", "소년"),
        # Marks that PostgreSQL's parser takes for spaces.
        ("ก็เพราะดี", "ก็เ"),
        ("ខ្ញុំចូលចិត្តចម្រៀង", "្ត"),
        ("သီချင်းကို", "င်း"),
    ],
)
async def test_the_index_finds_parts_of_words_of_unspaced_scripts(
    history: History, client: ChatClient, text: str, query: str
) -> None:
    ada = new_user()
    message = await client.send_message(ada, (await client.create_room(ada)).id, text)
    end = Cursor(Micros(message.create_time.ToMicroseconds() + 1), uuid.UUID(int=0), 0)
    criteria = Criteria(query_phrases(query), None, None, uuid.UUID(message.room_id), None)
    async with client.chat.process.context.database.session() as session:
        found = await store.search_windows(
            session, history.non_member, criteria, end, history.windows(end), _PAGE
        )
    assert [key.seq for key in found] == [message.seq]


async def test_the_newest_messages_cost_the_same_whatever_is_searched(history: History, explain: Any) -> None:
    costs = set()
    for words in ("common", "rarely", "never"):
        for caller in (history.non_member, uuid.uuid4()):
            plan = await explain(
                store._RECENT, None, caller, [f"% {words} %"], None, None, *_NO_FILTERS, None, *_NEWEST, _PAGE
            )
            costs.add(_messages_read(plan))
            assert plan.buffers < 3_000
    # Partitions are merged: each scan looks some rows ahead in each, as many for all searches.
    assert len(costs) == 1
    assert 0 <= costs.pop() - 2 * store.RECENT <= 4 * PARTITIONS


_BURST = 5_000


async def test_a_page_of_a_burst_of_hits_is_found_among_the_newest(
    history: History, explain: Any, client: ChatClient
) -> None:
    """Thousands of hits of one instant, which no window of time divides."""
    room = await client.create_room(new_user())
    await _fill(client.admin, uuid.UUID(room.id), history.author_id, _BURST, 0, None, "burst")
    await client.admin.execute(
        "UPDATE chat.messages SET created_at = clock_timestamp() WHERE room_id = $1", uuid.UUID(room.id)
    )
    plan = await explain(
        store._RECENT,
        None,
        history.non_member,
        ["% burst %"],
        None,
        None,
        *_NO_FILTERS,
        None,
        *_NEWEST,
        _PAGE,
    )
    # Partitions are merged: each scan looks one row ahead in each.
    assert 0 <= _messages_read(plan) - 2 * store.RECENT <= 2 * PARTITIONS
    assert plan.root["Actual Rows"] == _PAGE + 1


@_small_partitions
async def test_hits_in_hidden_rooms_cost_nothing(history: History, explain: Any, client: ChatClient) -> None:
    """A stranger's search reads as many pages with 5,000 hits in a private room as without; its member's reads more."""
    owner = new_user()
    room = await client.create_room(owner, private=True)
    room_id, owner_id = uuid.UUID(room.id), uuid.UUID(await client.db.user_id(owner))
    word = f"w{uuid.uuid4().hex[:10]}"

    async def cost(caller: uuid.UUID, **given: Any) -> tuple[int, int]:
        arguments = _arguments(history, history.windows(), word, caller=caller, **given)
        await explain(store._BY_WORDS, *arguments)
        plan = await explain(store._BY_WORDS, *arguments)
        return plan.buffers, _messages_read(plan)

    before, _ = await cost(history.non_member)
    await _fill(client.admin, room_id, owner_id, _HIDDEN, _SPACE_SECONDS, room_id, word)
    after, read = await cost(history.non_member)
    assert read == 0
    assert after <= before + _HIDDEN // 100, (before, after)
    assert (await cost(owner_id))[1] > _PAGE
    # Asked for by name, it costs what a missing one costs.
    hidden, missing = [await cost(history.non_member, room_id=each) for each in (room_id, uuid.uuid4())]
    assert (hidden[1], missing[1]) == (0, 0)
    assert hidden[0] <= missing[0] + 8

    # The control: as messages of earlier builds, which search reads before it skips them.
    await client.admin.execute("UPDATE chat.messages SET private_room_id = NULL WHERE room_id = $1", room_id)
    await client.admin.execute("VACUUM (ANALYZE) chat.messages")
    assert (await cost(history.non_member))[1] >= store.MAX_HITS
