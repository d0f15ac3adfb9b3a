"""Revisions on tables of a million rows while others write and read them: no statement stalls.

A build runs on the revisions from its own on, so that the calls here are statements that every revision has. A table is
filled as soon as a revision has made it. The control is what revisions did until they were rewritten: they built indexes
in their transaction.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import asyncpg
import pytest

from migrations.heads import FOLDER, head, revisions
from ops.database.init import init_database
from ops.database.migrate import deploy
from tests.effort import LONG
from tests.migrations.revision_files import NEXT, add_revision, copy_migrations
from tests.postgres import Database, administrator
from tests.system.support.steady_calls import LONGEST_STALL, RATE, require_no_stall
from tests.system.test_migration_stalls import LockWaits

pytestmark = [
    pytest.mark.serial,
    pytest.mark.slow,
    pytest.mark.timeout(2_400),
    pytest.mark.skipif(not LONG, reason="takes ten minutes: SEDA_TEST_LONG=1 runs it"),
]
ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Stage:
    """What is filled after a revision, and what writes and reads rows by their key while the next ones are applied."""

    after: str
    fill: tuple[str, ...]
    write: str
    read: str


@dataclass(frozen=True, slots=True)
class Tables:
    """The stages of a schema, and the former text of a revision as the control."""

    keys: str
    stages: tuple[Stage, ...]
    control: str


_ROOMS = 8
_CHAT = Tables(
    keys="SELECT room_id FROM chat.room_counters WHERE last_seq > 0",
    stages=(
        Stage(
            "20261122_1020",
            (
                # Only a few rooms have messages, as many as there are small rooms.
                f"""
                INSERT INTO chat.rooms (id, name, private, created_by, rev)
                SELECT md5('room' || n)::uuid, 'Room ' || n, n % 2 = 0, gen_random_uuid(), 1
                FROM generate_series(1, {ROWS // 10}) AS n
                """,
                f"""
                INSERT INTO chat.room_counters (room_id, last_seq, last_rev)
                SELECT md5('room' || n)::uuid, seq, 1 + seq
                FROM generate_series(1, {ROWS // 10}) AS n, LATERAL (
                  SELECT CASE WHEN n <= {_ROOMS} THEN {ROWS // _ROOMS} ELSE 0 END) AS made (seq)
                """,
                f"""
                INSERT INTO chat.room_memberships (room_id, user_id, joined_at, left_at, rev)
                SELECT md5('room' || 1 + n % {ROWS // 10})::uuid, md5('user' || n)::uuid, now(),
                  CASE WHEN n % 10 = 0 THEN now() END, 1
                FROM generate_series(1, {ROWS}) AS n
                """,
                f"""
                INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at)
                SELECT md5('room' || r)::uuid, n, n, md5(r || '.' || n)::uuid, md5('user' || n % 1000)::uuid, 'TEXT',
                  'Message number ' || n, now() - make_interval(secs => {ROWS} - n)
                FROM generate_series(1, {_ROOMS}) AS r, generate_series(1, {ROWS // _ROOMS}) AS n
                """,
                "VACUUM ANALYZE chat.rooms, chat.room_counters, chat.room_memberships, chat.messages",
                "CHECKPOINT",
            ),
            write="""
            WITH room AS (
              UPDATE chat.room_counters SET last_seq = last_seq + 1, last_rev = last_rev + 1 WHERE room_id = $1
              RETURNING room_id, last_seq, last_rev),
            named AS (UPDATE chat.rooms AS r SET rev = room.last_rev FROM room WHERE r.id = room.room_id),
            joined AS (
              INSERT INTO chat.room_memberships (room_id, user_id, joined_at, rev)
              SELECT room_id, gen_random_uuid(), now(), last_rev FROM room)
            INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at)
            SELECT room_id, last_seq, last_rev, gen_random_uuid(), gen_random_uuid(), 'TEXT', 'sent', clock_timestamp()
            FROM room
            """,
            read="""
            SELECT m.seq, m.text, r.name, (SELECT count(*) FROM (
              SELECT FROM chat.room_memberships AS s WHERE s.room_id = r.id LIMIT 20) AS members)
            FROM chat.messages AS m JOIN chat.rooms AS r ON r.id = m.room_id
            WHERE m.room_id = $1 ORDER BY m.seq DESC LIMIT 20
            """,
        ),
        Stage(
            "20261122_1940",
            (
                """
                INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
                SELECT room_id, id, user_id, (ARRAY['👍', '❤', ':ok:'])[1 + seq % 3], now(), rev FROM chat.messages
                """,
                """
                INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
                SELECT room_id, message_id, emoji, 1, created_at FROM chat.reactions
                """,
                """
                INSERT INTO chat.reports (id, room_id, message_id, reporter_id, reason, created_at)
                SELECT gen_random_uuid(), room_id, id, gen_random_uuid(), 'spam', created_at FROM chat.messages
                """,
                """
                INSERT INTO chat.moderation_logs (id, room_id, rev, actor_id, actor_role, as_admin, action, request_id, created_at)
                SELECT gen_random_uuid(), room_id, rev, user_id, 'OWNER', false, 'MUTE_MEMBER', 'x', created_at
                FROM chat.messages
                """,
                "VACUUM ANALYZE chat.reactions, chat.reaction_tallies, chat.reports, chat.moderation_logs",
                "CHECKPOINT",
            ),
            write="""
            WITH room AS (
              UPDATE chat.room_counters SET last_seq = last_seq + 1, last_rev = last_rev + 1 WHERE room_id = $1
              RETURNING room_id, last_seq, last_rev),
            sent AS (
              INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, created_at)
              SELECT room_id, last_seq, last_rev, gen_random_uuid(), gen_random_uuid(), 'TEXT', 'sent', clock_timestamp()
              FROM room RETURNING room_id, id, user_id, rev),
            given AS (
              INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
              SELECT room_id, id, user_id, '👍', now(), rev FROM sent),
            reported AS (
              INSERT INTO chat.reports (id, room_id, message_id, reporter_id, reason, created_at)
              SELECT gen_random_uuid(), room_id, id, user_id, 'spam', now() FROM sent)
            INSERT INTO chat.moderation_logs (id, room_id, rev, actor_id, actor_role, as_admin, action, request_id, created_at)
            SELECT gen_random_uuid(), room_id, rev, user_id, 'OWNER', false, 'MUTE_MEMBER', 'x', now() FROM sent
            """,
            read="""
            SELECT m.seq, m.text, (
              SELECT sum(t.count) FROM chat.reaction_tallies AS t WHERE (t.room_id, t.message_id) = (m.room_id, m.id))
            FROM chat.messages AS m WHERE m.room_id = $1 ORDER BY m.seq DESC LIMIT 20
            """,
        ),
    ),
    # From 20261122_2310 as it was.
    control="""
    op.drop_index("messages_author_idx", "messages", schema="chat")
    op.drop_index("messages_replies_idx", "messages", schema="chat")
    for kind, columns in (("author", ["user_id", "room_id", "created_at"]), ("replies", ["room_id", "root_seq", "seq"])):
        op.create_index(f"messages_{kind}_idx", "messages", columns, schema="chat")
    """.strip(),
)
_USERS = Tables(
    keys="SELECT id FROM users.users LIMIT 100",
    stages=(
        Stage(
            "20261122_1015",
            (
                f"""
                INSERT INTO users.users (id, email, supabase_id, display_name)
                SELECT gen_random_uuid(), n || '@example.org', 's' || n, 'Ada' FROM generate_series(1, {ROWS}) AS n
                """,
                """
                INSERT INTO users.admin_actions
                  (id, actor_kind, action, target_id, before, after, reason, request_id, created_at)
                SELECT gen_random_uuid(), 'OPERATOR', 'MUTE_USER', id, '{}', '{}', 'spam', 'x', now() FROM users.users
                """,
                "VACUUM ANALYZE users.users, users.admin_actions",
                "CHECKPOINT",
            ),
            write="""
            WITH one AS (UPDATE users.users SET updated_at = now() WHERE id = $1 RETURNING id)
            INSERT INTO users.admin_actions
              (id, actor_kind, action, target_id, before, after, reason, request_id, created_at)
            SELECT gen_random_uuid(), 'OPERATOR', 'MUTE_USER', id, '{}', '{}', 'spam', 'x', now() FROM one
            """,
            read="SELECT id, email, display_name FROM users.users WHERE id = $1",
        ),
    ),
    # From 20261129_2030 as it was.
    control="""
    op.drop_index("users_created_at_id_idx", "users", schema="users")
    op.drop_index("users_role_created_at_id_idx", "users", schema="users")
    for columns in (["created_at", "id"], ["role", "created_at", "id"]):
        op.create_index(f"users_{'_'.join(columns)}_idx", "users", columns, schema="users")
    """.strip(),
)
_WRITE_TRACK = "UPDATE tracks.track_refs SET refreshed_at = now() WHERE id = $1"
_READ_TRACK = "SELECT id, title, artist FROM tracks.track_refs WHERE id = $1"
_TRACKS = Tables(
    keys="SELECT id FROM tracks.track_refs LIMIT 100",
    stages=(
        Stage(
            "20261122_1015",
            (
                f"""
                INSERT INTO tracks.track_refs (id, provider, provider_id, url, title, artist)
                SELECT gen_random_uuid(), 'spotify', md5(n::text), 'https://open.spotify.com/track/' || n, 'Title ' || n,
                  'Artist' FROM generate_series(1, {ROWS}) AS n
                """,
                "VACUUM ANALYZE tracks.track_refs",
                "CHECKPOINT",
            ),
            _WRITE_TRACK,
            _READ_TRACK,
        ),
        Stage(
            "20261129_1055",
            (
                # What is not listed is no part of the next index.
                """
                UPDATE tracks.track_refs SET search_text = lower(title || ' ' || artist), listed_at = now()
                WHERE provider_id < '4'
                """,
                "VACUUM ANALYZE tracks.track_refs",
                "CHECKPOINT",
            ),
            _WRITE_TRACK,
            _READ_TRACK,
        ),
    ),
    # From 20261122_1935 as it was.
    control="""
    op.drop_index("track_refs_search_text_idx", "track_refs", schema="tracks")
    op.create_index(
        "track_refs_search_text_idx",
        "track_refs",
        ["search_text"],
        schema="tracks",
        postgresql_using="gin",
        postgresql_ops={"search_text": "extensions.gin_trgm_ops"},
    )
    """.strip(),
)
STALL_OF_THE_CONTROL = 2 * LONGEST_STALL
_ALONE_SECONDS = 5.0
# A process of its own, as Alembic would stop the event loop that measures. Between two revisions what waited goes on.
_DEPLOY_EACH = """
import asyncio, sys, time
from pathlib import Path
from migrations.heads import revisions
from ops.database.migrate import deploy
dsn, schema, folder, *wanted = sys.argv[1:]
for each in wanted:
    print(each, flush=True)
    to = {"users": "", "chat": "", "tracks": "", schema: each}
    asyncio.run(deploy(dsn, to=to, folder=Path(folder)))
    print("", flush=True)
    time.sleep(1)
"""


class Statements:
    """Writes and reads in turn at a steady rate; `longest` has the longest by what was applied when it began or ended."""

    def __init__(self, pool: asyncpg.Pool, stage: Stage, keys: list[object]) -> None:
        self.longest: dict[str, float] = defaultdict(float)
        self.revision = ""
        self.count = 0
        self._pool = pool
        self._stage = stage
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
            await connection.execute(self._stage.read if number % 2 else self._stage.write, key)
        seconds = time.monotonic() - due
        for each in {began, self.revision}:
            self.longest[each] = max(self.longest[each], seconds)


@dataclass(frozen=True, slots=True)
class Stalls:
    """The longest statement beside each revision and without any, and the longest wait for a lock of one; seconds."""

    beside: dict[str, float]
    alone: float
    lock_wait: float


async def deploy_each(
    database: Database, schema: str, tables: Tables, stage: Stage, wanted: list[str], folder: Path = FOLDER
) -> Stalls:
    """Apply revisions one by one under load."""
    settings = {"application_name": "seda-chat"}
    async with asyncpg.create_pool(
        database.admin_dsn, min_size=20, max_size=20, server_settings=settings
    ) as pool:
        keys = [row[0] for row in await pool.fetch(tables.keys)]
        async with Statements(pool, stage, keys) as statements, LockWaits(database, "seda migrate") as waits:
            await asyncio.sleep(2)  # connections and plans
            alone = await measured_alone(statements)
            waits.longest = 0.0
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _DEPLOY_EACH, database.admin_dsn, schema, str(folder), *wanted),
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdout is not None
            async for line in process.stdout:
                statements.revision = line.decode().strip()
            assert await process.wait() == 0
            stalls = {name: seconds for name, seconds in statements.longest.items() if name}
            return Stalls(stalls, max(alone, await measured_alone(statements)), waits.longest)


async def measured_alone(statements: Statements) -> float:
    statements.longest.clear()
    await asyncio.sleep(_ALONE_SECONDS)  # the measure of the statements alone
    return statements.longest.pop("")


@pytest.mark.parametrize(("schema", "tables"), [("chat", _CHAT), ("users", _USERS), ("tracks", _TRACKS)])
async def test_no_revision_stalls_a_statement(
    blank_database: Database, tmp_path: Path, schema: str, tables: Tables
) -> None:
    history = [each.id for each in revisions(schema)]
    await init_database(blank_database.admin_dsn)
    found: list[Stalls] = []
    ends = [each.after for each in tables.stages[1:]] + [head(schema)]
    for stage, end in zip(tables.stages, ends, strict=True):
        to = {"users": "", "chat": "", "tracks": "", schema: stage.after}
        await deploy(blank_database.admin_dsn, to=to)
        async with administrator(blank_database.server, blank_database.name) as connection:
            for each in stage.fill:
                await connection.execute(each)
        wanted = [each for each in history if stage.after < each <= end]
        found.append(await deploy_each(blank_database, schema, tables, stage, wanted))
    folder = copy_migrations(tmp_path)
    add_revision(folder, tables.control, schema)
    control = await deploy_each(blank_database, schema, tables, tables.stages[-1], [NEXT], folder)

    assert control.beside[NEXT] > STALL_OF_THE_CONTROL
    assert control.lock_wait > STALL_OF_THE_CONTROL
    assert [name for each in found for name in each.beside] == history[
        history.index(tables.stages[0].after) + 1 :
    ]
    # By the server's own account, which counts no time that others keep the machine busy.
    assert max(each.lock_wait for each in found) < LONGEST_STALL, found
    for stalls in found:
        require_no_stall(max(stalls.beside.values()), stalls.alone)
