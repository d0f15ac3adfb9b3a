"""Revisions on tables of a million rows while others write and read them: no statement stalls.

A build runs on the revisions from its own on, so that the calls here are statements that every revision has. Revisions
before the first release were made when nobody had data: some build indexes in transactions, and stop writers for as long
as that takes. Applied revisions are never edited; the last of that kind is the control, and those after it are tested.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Self

import asyncpg
import pytest

from migrations.heads import revisions
from ops.database.init import init_database
from ops.database.migrate import deploy
from tests.effort import LONG
from tests.postgres import Database, administrator
from tests.system.support.steady_calls import RATE, require_no_stall

pytestmark = [
    pytest.mark.serial,
    pytest.mark.slow,
    pytest.mark.timeout(1_200),
    pytest.mark.skipif(not LONG, reason="takes five minutes: SEDA_TEST_LONG=1 runs it"),
]
ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Tables:
    """The large tables of a schema: how they are filled before the control, and what writes and reads a row by its key."""

    control: str
    fill: tuple[str, ...]
    keys: str
    write: str
    read: str


_ROOMS = 8
_CHAT = Tables(
    control="20261129_1115",
    fill=(
        f"""
        WITH made AS (
          INSERT INTO chat.rooms (id, name, created_by, rev)
          SELECT gen_random_uuid(), 'Room ' || n, gen_random_uuid(), 1 FROM generate_series(1, {_ROOMS}) AS n RETURNING id)
        INSERT INTO chat.room_counters (room_id, last_seq, last_rev)
        SELECT id, {ROWS // _ROOMS}, {ROWS // _ROOMS} FROM made
        """,
        f"""
        INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at)
        SELECT r.id, n, n, gen_random_uuid(), md5((n % 1000)::text)::uuid, 'TEXT', 'Message number ' || n,
          now() - make_interval(secs => {ROWS} - n)
        FROM chat.rooms AS r, generate_series(1, {ROWS // _ROOMS}) AS n
        """,
        """
        INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
        SELECT room_id, id, user_id, (ARRAY['👍', '❤', ':ok:'])[1 + seq % 3], now(), rev FROM chat.messages
        """,
        "VACUUM ANALYZE chat.messages, chat.reactions",
    ),
    keys="SELECT id FROM chat.rooms",
    write="""
    WITH room AS (
      UPDATE chat.room_counters SET last_seq = last_seq + 1, last_rev = last_rev + 1 WHERE room_id = $1
      RETURNING room_id, last_seq, last_rev)
    INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at)
    SELECT room_id, last_seq, last_rev, gen_random_uuid(), gen_random_uuid(), 'TEXT', 'sent', clock_timestamp() FROM room
    """,
    read="SELECT seq, text, created_at FROM chat.messages WHERE room_id = $1 ORDER BY seq DESC LIMIT 20",
)
_USERS = Tables(
    control="20261129_2030",
    fill=(
        f"""
        INSERT INTO users.users (id, email, supabase_id, display_name)
        SELECT gen_random_uuid(), n || '@example.org', 's' || n, 'Ada' FROM generate_series(1, {ROWS}) AS n
        """,
        "VACUUM ANALYZE users.users",
    ),
    keys="SELECT id FROM users.users LIMIT 100",
    write="UPDATE users.users SET updated_at = now() WHERE id = $1",
    read="SELECT id, email, display_name FROM users.users WHERE id = $1",
)
_TRACKS = Tables(
    control="20261129_1900",
    # What is not listed is no part of the control's index.
    fill=(
        f"""
        INSERT INTO tracks.track_refs (id, provider, provider_id, url, title, artist, search_text, listed_at)
        SELECT gen_random_uuid(), 'spotify', md5(n::text), 'https://open.spotify.com/track/' || n, 'Title ' || n, 'Artist',
          'title ' || n || ' artist', CASE WHEN n % 5 = 0 THEN now() END
        FROM generate_series(1, {ROWS}) AS n
        """,
        "VACUUM ANALYZE tracks.track_refs",
    ),
    keys="SELECT id FROM tracks.track_refs LIMIT 100",
    write="UPDATE tracks.track_refs SET refreshed_at = now() WHERE id = $1",
    read="SELECT id, title, artist FROM tracks.track_refs WHERE id = $1",
)
STALL_OF_THE_CONTROL = 1.0
_ALONE_SECONDS = 5.0
# A process of its own, as Alembic would stop the event loop that measures. Between two revisions what waited goes on.
_DEPLOY_EACH = """
import asyncio, sys, time
from migrations.heads import revisions
from ops.database.migrate import deploy
dsn, schema, first = sys.argv[1:]
for each in revisions(schema):
    if each.id > first:
        print(each.id, flush=True)
        asyncio.run(deploy(dsn, to={"users": "", "chat": "", "tracks": "", schema: each.id}))
        print("", flush=True)
        time.sleep(1)
"""


class Statements:
    """Writes and reads in turn at a steady rate; `longest` has the longest by what was applied when it began or ended."""

    def __init__(self, pool: asyncpg.Pool, tables: Tables, keys: list[object]) -> None:
        self.longest: dict[str, float] = defaultdict(float)
        self.revision = ""
        self.count = 0
        self._pool = pool
        self._tables = tables
        self._keys = keys
        self._pending: set[asyncio.Task[None]] = set()
        self._pacer: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._pacer = asyncio.create_task(self._pace())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._pacer is not None
        self._pacer.cancel()
        await asyncio.gather(*self._pending)

    async def _pace(self) -> None:
        due = time.monotonic()
        while True:
            task = asyncio.create_task(self._run(self.count, due))
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)
            self.count, due = self.count + 1, due + 1 / RATE
            # The pause is the rate.
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _run(self, number: int, due: float) -> None:
        began = self.revision
        key = self._keys[number // 2 % len(self._keys)]
        async with self._pool.acquire() as connection:
            await connection.execute(self._tables.read if number % 2 else self._tables.write, key)
        seconds = time.monotonic() - due
        for each in {began, self.revision}:
            self.longest[each] = max(self.longest[each], seconds)


async def deploy_each(
    database: Database, schema: str, tables: Tables, first: str
) -> tuple[dict[str, float], float]:
    """Apply the revisions after `first` under load; return the longest statement beside each, and of those alone."""
    async with asyncpg.create_pool(database.admin_dsn, min_size=20, max_size=20) as pool:
        keys = [row[0] for row in await pool.fetch(tables.keys)]
        async with Statements(pool, tables, keys) as statements:
            await asyncio.sleep(2)  # connections and plans
            alone = await measured_alone(statements)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _DEPLOY_EACH, database.admin_dsn, schema, first),
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            async for line in process.stdout:
                statements.revision = line.decode().strip()
            assert await process.wait() == 0
            stalls = {name: seconds for name, seconds in statements.longest.items() if name}
            return stalls, max(alone, await measured_alone(statements))


async def measured_alone(statements: Statements) -> float:
    statements.longest.clear()
    await asyncio.sleep(_ALONE_SECONDS)  # the measure of the statements alone
    return statements.longest.pop("")


@pytest.mark.parametrize(("schema", "tables"), [("chat", _CHAT), ("users", _USERS), ("tracks", _TRACKS)])
async def test_no_revision_since_the_first_release_stalls_a_statement(
    blank_database: Database, schema: str, tables: Tables
) -> None:
    history = [each.id for each in revisions(schema)]
    place = history.index(tables.control)
    await init_database(blank_database.admin_dsn)
    to = {"users": "", "chat": "", "tracks": "", schema: history[place - 1]}
    await deploy(blank_database.admin_dsn, to=to)
    async with administrator(blank_database.server, blank_database.name) as connection:
        for each in tables.fill:
            await connection.execute(each)

    stalls, alone = await deploy_each(blank_database, schema, tables, history[place - 1])

    assert list(stalls) == history[place:]
    assert stalls.pop(tables.control) > STALL_OF_THE_CONTROL
    require_no_stall(max(stalls.values(), default=0.0), alone)
