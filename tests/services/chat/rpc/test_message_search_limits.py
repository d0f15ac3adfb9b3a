"""SearchMessages over a long history: every page, its limits of time and concurrency, and what other calls feel."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from servicekit.concurrency_limit import ConcurrencyLimiter
from servicekit.errors import DatabaseBusyError, OverloadedError, RateLimitedError
from servicekit.rpc_status import UpstreamError
from services.chat.app import build
from services.chat.config import Settings
from services.chat.domain.errors import SearchTooBroadError
from services.chat.store import message_search as store
from tests.postgres import Database, administrator
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import Running, add_track, refused, running

_COUNT = 1_500
# Some seconds apart at first, later hours and days; the oldest third at one instant.
_FILL = """
INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, track_id, track, private_room_id,
                           created_at)
SELECT ($1::uuid[])[1 + n % 3], n, n, gen_random_uuid(), ($2::uuid[])[1 + n % 2], 'TRACK', t.text, t.text, $3,
       '{"provider": "spotify", "provider_id": "x", "url": "https://example.org"}',
       CASE WHEN n % 3 = 2 THEN ($1::uuid[])[3] END,
       now() - power(1.011, least(n - n % 3, 999)) * interval '10 seconds'
  FROM generate_series(1, $5::int) n
  CROSS JOIN LATERAL (SELECT concat($4::text, ' ', CASE WHEN n % 7 = 0 THEN 'seven' END, CASE WHEN n % 50 = 0 THEN ' rare' END) AS text) t
"""
_EXPECTED = """
SELECT m.room_id::text, m.seq FROM chat.messages m
 WHERE m.room_id = ANY ($1::uuid[]) AND m.type = 'TRACK' AND m.deleted_at IS NULL
   AND ($2::uuid IS NULL OR m.room_id = $2) AND ($3::uuid IS NULL OR m.user_id = $3)
   AND ($4::text IS NULL OR m.search_text LIKE '%' || $4 || '%')
   AND ($5::timestamptz IS NULL OR m.created_at >= $5) AND ($6::timestamptz IS NULL OR m.created_at < $6)
 ORDER BY m.created_at DESC, m.room_id DESC, m.seq DESC
"""


class Archive:
    """Two public rooms and a private one with a history of years, of two authors, about one track."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.ada, self.bob = new_user(), new_user()
        self.word = f"w{uuid.uuid4().hex[:10]}"

    async def open(self) -> Archive:
        """Make the rooms and their messages. Bob is in the public rooms alone."""
        private = (False, False, True)
        self.rooms = [(await self.client.create_room(self.ada, private=each)).id for each in private]
        await self.client.join_room(self.bob, self.rooms[0])
        self.authors = [await self.client.db.user_id(email) for email in (self.ada, self.bob)]
        self.track = await add_track(self.client.admin, uuid.uuid4().hex[:22])
        async with self.client.admin.transaction():
            await self.client.admin.execute("SET LOCAL session_replication_role = replica")
            await self.client.admin.execute(_FILL, self.rooms, self.authors, self.track, self.word, _COUNT)
        return self

    async def expected(self, rooms: list[str], **given: Any) -> list[tuple[str, int]]:
        """The room and seq of the matching messages, the newest first."""
        start, end = (
            given[name].ToDatetime(tzinfo=dt.UTC) if name in given else None
            for name in ("start_time", "end_time")
        )
        word = given.get("query", "").removeprefix(self.word).strip() or None
        rows = await self.client.admin.fetch(
            _EXPECTED, rooms, given.get("room_id"), given.get("author_id"), word, start, end
        )
        return [(row["room_id"], row["seq"]) for row in rows]

    async def pages(self, email: str, **fields: Any) -> list[list[tuple[str, int]]]:
        """The room and seq of all results, by their pages."""
        found, token = [], ""
        while True:
            page = await self.client.search_messages(email, page_token=token, **fields)
            found.append([(message.room_id, message.seq) for message in page.messages])
            token = page.next_page_token
            if not token:
                return found


@pytest.fixture(scope="module")
async def archive(chat: Running, admin: asyncpg.Connection) -> Archive:
    """The rooms, once for all."""
    return await Archive(ChatClient(chat, admin)).open()


def _ago(**span: int) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(dt.datetime.now(dt.UTC) - dt.timedelta(**span))
    return made


@pytest.mark.parametrize(
    "criteria",
    [
        ("word",),
        ("seven",),
        ("rare",),
        ("track",),
        ("author",),
        ("word", "author", "track"),
        ("seven", "room"),
        ("track", "author", "private"),
        ("word", "start"),
        ("seven", "start", "end"),
        ("author", "end"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(("page_size", "max_hits"), [(17, 10), (100, store.MAX_HITS)])
async def test_search_messages_pages_are_complete_in_order_and_without_repeats(
    archive: Archive,
    criteria: tuple[str, ...],
    page_size: int,
    max_hits: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "MAX_HITS", max_hits)
    fields: dict[str, dict[str, Any]] = {
        "word": {"query": archive.word},
        "seven": {"query": f"{archive.word} seven"},
        "rare": {"query": f"{archive.word} rare"},
        "track": {"track_id": archive.track},
        "author": {"author_id": archive.authors[1]},
        "room": {"room_id": archive.rooms[0]},
        "private": {"room_id": archive.rooms[2]},
        "start": {"start_time": _ago(days=30)},
        "end": {"end_time": _ago(hours=5)},
    }
    given: dict[str, Any] = {"page_size": page_size}
    for name in criteria:
        given |= fields[name]
    expected = await archive.expected(archive.rooms, **given)
    assert len(expected) > 20
    pages = await archive.pages(archive.ada, **given)
    assert [each for page in pages for each in page] == expected
    assert {len(page) for page in pages[:-1]} <= {page_size}


async def test_search_messages_of_a_non_member_pages_past_a_private_room(archive: Archive) -> None:
    pages = await archive.pages(archive.bob, query=archive.word, page_size=100)
    assert [each for page in pages for each in page] == await archive.expected(archive.rooms[:2])


@asynccontextmanager
async def _locked(database: Database) -> AsyncIterator[None]:
    """Let every search wait."""
    async with administrator(database.server, database.name) as connection, connection.transaction():
        await connection.execute("LOCK TABLE chat.messages IN ACCESS EXCLUSIVE MODE")
        yield


@asynccontextmanager
async def _chat(
    database: Database, neighbours: dict[str, str], admin: asyncpg.Connection, **settings: Any
) -> AsyncIterator[ChatClient]:
    async with running(Settings, build, database, **neighbours, **settings) as service:
        yield ChatClient(service, admin)


async def test_a_search_that_takes_too_long_is_too_broad(
    archive: Archive, database: Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    async with _chat(database, neighbours, admin, search_timeout_ms=100) as hasty:
        start = Timestamp(seconds=1_700_000_000)
        search = hasty.search_messages(archive.ada, archive.word, start_time=start)
        await hasty.get_room(archive.ada, archive.rooms[0])
        async with _locked(database):
            error = await refused(search, SearchTooBroadError, DOMAIN)
        assert error.metadata["start_time"] == "2023-11-14T22:13:20.000000Z"
        assert error.metadata["start_time"] < error.metadata["end_time"]
        # The connection is as good as before, and so is its timeout.
        assert (await hasty.search_messages(archive.ada, archive.word)).messages
        context = hasty.chat.process.context
        async with context.database.session() as session:
            assert await session._connection.fetchval("SHOW statement_timeout") != "100ms"


@pytest.mark.parametrize("limited", [True, False], ids=["limited", "control"])
async def test_searches_leave_connections_to_other_calls(
    archive: Archive,
    database: Database,
    neighbours: dict[str, str],
    admin: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    limited: bool,
) -> None:
    """Twenty searches of two users hold all connections that they get. The control: without slots these are all."""
    held, released = asyncio.Semaphore(0), asyncio.Event()

    async def search_recent(*_: object) -> tuple[list[object], None]:
        held.release()
        await released.wait()
        return [], None

    monkeypatch.setattr(store, "search_recent", search_recent)
    if not limited:
        monkeypatch.setattr(ConcurrencyLimiter, "slot", lambda *_: nullcontext())
    users = (archive.ada, archive.bob)
    async with _chat(database, neighbours, admin, db_pool_max=4) as client:
        await asyncio.gather(*(client.get_room(email, archive.rooms[0]) for email in users))
        searches = [asyncio.create_task(client.search_messages(each, archive.word)) for each in users * 10]
        for _ in range(2 if limited else 4):
            await held.acquire()
        other = client.get_room(archive.ada, archive.rooms[0])
        if limited:
            assert (await other).room.id == archive.rooms[0]
            await asyncio.wait(searches, return_when=asyncio.FIRST_EXCEPTION)
        else:
            await refused(other, DatabaseBusyError, DOMAIN)
        released.set()
        outcomes = await asyncio.gather(*searches, return_exceptions=True)
    errors = [each for each in outcomes if isinstance(each, UpstreamError)]
    if limited:
        # Three slots, one for each user.
        assert len(errors) == len(searches) - 2
        assert {each.reason for each in errors} == {RateLimitedError.reason}
        assert all(each.retry_after for each in errors)


async def test_searches_beyond_the_slots_are_overload(
    archive: Archive, database: Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    users = [archive.ada, archive.bob, new_user()]
    async with _chat(database, neighbours, admin, max_searches=1, max_queued_searches=1) as client:
        await asyncio.gather(*(client.get_room(email, archive.rooms[0]) for email in users))
        async with _locked(database):
            searches = [client.search_messages(email, archive.word) for email in users]
            outcomes = await asyncio.gather(*searches, return_exceptions=True)
    found = sorted(each.reason for each in outcomes if isinstance(each, UpstreamError))
    # One runs until its timeout, one waits too long, one finds the queue full.
    assert found == [OverloadedError.reason, OverloadedError.reason, SearchTooBroadError.reason]


@pytest.mark.parametrize(("pool", "slots"), [(1, 1), (2, 1), (8, 4)])
async def test_there_are_fewer_slots_than_connections(
    database: Database, neighbours: dict[str, str], pool: int, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = ConcurrencyLimiter.__init__

    def init(self: ConcurrencyLimiter, limit: int, *options: Any, **named: Any) -> None:
        made.append(limit)
        real(self, limit, *options, **named)

    monkeypatch.setattr(ConcurrencyLimiter, "__init__", init)
    async with running(Settings, build, database, **neighbours, db_pool_min=1, db_pool_max=pool):
        assert slots in made
