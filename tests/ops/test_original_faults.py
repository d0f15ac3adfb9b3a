"""Every fault of the original's scripts and queries: a control that runs them as they stand, and what proves ours.

A control is a test that shows the fault; a proof is a test that fails when ours has it. Most proofs are elsewhere, beside
what they are about: here is only that they exist.
"""

from __future__ import annotations

import ast
import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg
import pytest
from grpc_health.v1 import health_pb2

from ops.backup.programs import as_target, find_pg_dump, find_pg_restore
from ops.diagnose.indexes import _REDUNDANT
from ops.diagnose.maintain import Run, maintain
from seda.chat.v1 import message_pb2
from tests.architecture.project import ROOT
from tests.ops.diagnose.test_maintain import BLOATED, SMALL
from tests.postgres import Database, Server, administrator, empty_database

pytestmark = pytest.mark.slow

# Its models as Prisma makes tables of them, as far as its queries go.
_MODELS = """
CREATE TYPE "UserRole" AS ENUM ('USER', 'ARTIST', 'MOD', 'ADMIN');
CREATE TABLE users (id text PRIMARY KEY, email text NOT NULL UNIQUE, supabase_id text NOT NULL UNIQUE,
  role "UserRole" NOT NULL DEFAULT 'USER');
CREATE TABLE artist_profiles (id text PRIMARY KEY, user_id text NOT NULL UNIQUE REFERENCES users, artist_name text NOT NULL,
  verified boolean NOT NULL DEFAULT false);
CREATE INDEX ON artist_profiles (verified);
CREATE INDEX ON artist_profiles (artist_name);
CREATE TABLE messages (id text PRIMARY KEY, room_id text NOT NULL, user_id text NOT NULL REFERENCES users, text text,
  parent_id text REFERENCES messages, created_at timestamp(3) NOT NULL DEFAULT now(), deleted_at timestamp(3));
CREATE INDEX ON messages (room_id, created_at);
CREATE INDEX ON messages (parent_id);
CREATE TABLE track_refs (id text PRIMARY KEY, provider text NOT NULL, provider_id text NOT NULL, url text NOT NULL,
  UNIQUE (provider, provider_id));
CREATE UNIQUE INDEX track_refs_url_key ON track_refs (url);
CREATE INDEX idx_track_refs_provider ON track_refs(provider);
CREATE INDEX idx_track_refs_url ON track_refs(url);
CREATE TABLE crawler_cache (id text PRIMARY KEY, expires_at timestamp NOT NULL, hits int NOT NULL DEFAULT 0);
INSERT INTO users SELECT n::text, n || '@example.org', 's' || n FROM generate_series(1, 20000) AS n;
INSERT INTO artist_profiles SELECT n::text, n::text, md5(n::text), true FROM generate_series(1, 20000) AS n;
INSERT INTO crawler_cache SELECT n::text, now() - interval '8 days' FROM generate_series(1, 100) AS n;
-- Sent within one millisecond, as by a script; the last one is a reply to the first.
INSERT INTO messages SELECT 'm' || n, 'r', '1', 'text', CASE WHEN n = 9 THEN 'm1' END, '2026-11-30 12:00'
FROM generate_series(1, 9) AS n;
ANALYZE;
"""
_INDEX_USAGE = """
SELECT
  t.tablename,
  indexname,
  idx_scan,
  idx_tup_read,
  idx_tup_fetch
FROM pg_tables t
LEFT JOIN pg_stat_user_indexes i ON t.tablename = i.relname
WHERE t.schemaname = 'public'
ORDER BY idx_scan DESC;
"""
_SLOW_QUERIES = """
SELECT query, mean_exec_time, calls
FROM pg_stat_statements
ORDER BY mean_exec_time DESC
LIMIT 10;
"""
_CLEAN_UP = "DELETE FROM crawler_cache WHERE expires_at < NOW() - INTERVAL '7 days';"
# What Prisma sends for searchArtists and getMessages.
_SEARCH = "SELECT id FROM artist_profiles WHERE artist_name ILIKE '%' || 'c0ffee' || '%' AND verified ORDER BY artist_name LIMIT 20"
_PAGE = """
SELECT id FROM messages WHERE room_id = 'r' AND deleted_at IS NULL
  AND ($1::text IS NULL OR created_at <= (SELECT created_at FROM messages WHERE id = $1))
ORDER BY created_at DESC LIMIT 3 OFFSET CASE WHEN $1::text IS NULL THEN 0 ELSE 1 END
"""
_REPLIES = "SELECT id FROM messages WHERE parent_id = ANY ($1) ORDER BY created_at LIMIT 3"
# Its interceptor around a handler that asks no database and takes 1.1 s, by a clock of its own.
_INTERCEPTOR = """
let now = 0; Date.now = () => now;
const tap = (f) => (value) => { f(); return value; };
class DatabaseMetricsInterceptor {
  intercept(context, next) {
    const start = Date.now();
    return next.handle().pipe(
      tap(() => {
        const duration = Date.now() - start;
        if (duration > 1000) {
          console.warn(`Slow database query: ${duration}ms`);
        }
      })
    );
  }
}
new DatabaseMetricsInterceptor().intercept({}, { handle: () => ({ pipe: (f) => { now += 1100; return f(); } }) });
"""
_NOBODY = "postgresql://seda:secret@127.0.0.1:1/seda"
_WAITS = """
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


@pytest.fixture(scope="module")
async def original(postgres_server: Server) -> AsyncIterator[Database]:
    async with empty_database(postgres_server) as made:
        async with administrator(made.server, made.name) as connection:
            await connection.execute(_MODELS)
        yield made


@asynccontextmanager
async def running(database: Database, statement: str) -> AsyncIterator[asyncio.Task[str]]:
    """Run a statement until the block ends, which begins once somebody waits for a lock."""
    async with administrator(database.server, database.name) as connection:
        task = asyncio.create_task(connection.execute(statement))
        async with asyncio.timeout(20), administrator(database.server, database.name) as watcher:
            while not await watcher.fetchval(_WAITS):
                await asyncio.sleep(0.02)  # nothing announces it
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def is_blocked(database: Database, statement: str) -> bool:
    async with administrator(database.server, database.name) as connection:
        await connection.execute("SET lock_timeout = '300ms'")
        try:
            await connection.execute(statement)
        except asyncpg.LockNotAvailableError:
            return True
        return False


async def restore_of_tables(database: Database) -> None:
    """Of a real archive: a table with an enum is missing, the other one has neither index nor foreign key."""
    target, major = as_target(database.admin_dsn), database.server.major
    archive = [find_pg_dump(major)[0], "--format=custom", *target.arguments]
    dump = await asyncio.to_thread(
        subprocess.run, archive, env=target.environ, capture_output=True, check=True
    )
    async with empty_database(database.server) as empty:
        command = [
            find_pg_restore(major),
            "--table=messages",
            "--table=users",
            *as_target(empty.admin_dsn).arguments,
        ]
        done = await asyncio.to_thread(
            subprocess.run, command, env=target.environ, input=dump.stdout, capture_output=True
        )
        async with administrator(empty.server, empty.name) as connection:
            tables = await connection.fetch(
                "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            )
            keys = await connection.fetchval(
                "SELECT count(*) FROM pg_constraint WHERE conrelid = 'messages'::regclass AND contype IN ('p', 'f')"
            )
    assert b'type "public.UserRole" does not exist' in done.stderr
    assert ([row[0] for row in tables], keys) == (["messages"], 0)


async def index_usage(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        with pytest.raises(asyncpg.UndefinedColumnError, match='"indexname" does not exist'):
            await connection.execute(_INDEX_USAGE)


async def slow_queries(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        with pytest.raises(asyncpg.UndefinedTableError, match="pg_stat_statements"):
            await connection.execute(_SLOW_QUERIES)


async def reindex_database(database: Database) -> None:
    """It waits for one reader, and every later reader waits for it."""
    async with administrator(database.server, database.name) as reader, reader.transaction():
        await reader.execute("SELECT FROM users LIMIT 1")
        async with running(database, f"REINDEX DATABASE {database.name};"):
            assert await is_blocked(database, "SELECT FROM users WHERE id = '1'")


async def delete_interval(database: Database) -> None:
    """It waits for one row, with the locks of all rows before it."""
    async with administrator(database.server, database.name) as other, other.transaction():
        await other.execute("SELECT FROM crawler_cache WHERE id = '100' FOR UPDATE")
        async with running(database, _CLEAN_UP):
            assert await is_blocked(database, "UPDATE crawler_cache SET hits = 1 WHERE id = '1'")


async def error_message(_: Database) -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1"):
        await asyncpg.connect(_NOBODY)


async def interceptor(_: Database) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    done = await asyncio.to_thread(
        subprocess.run, [node, "-e", _INTERCEPTOR], capture_output=True, text=True, check=True
    )
    assert done.stderr == "Slow database query: 1100ms\n"


async def contains_search(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        (plan,) = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {_SEARCH}"))
    assert '"Seq Scan"' in json.dumps(plan)
    assert "artist_profiles_artist_name_idx" not in json.dumps(plan)


async def redundant_index(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        found = {row["name"]: row["other"] for row in await connection.fetch(_REDUNDANT)}
    assert found["public.idx_track_refs_url"] == "public.track_refs_url_key"


async def uuid_cursor(database: Database) -> None:
    """Of nine messages of one instant, pages show some twice and others never; a reply is shown in two places."""
    async with administrator(database.server, database.name) as connection:
        seen: list[str] = []
        for _ in range(3):
            seen += [row["id"] for row in await connection.fetch(_PAGE, seen[-1] if seen else None)]
        assert len(set(seen)) < len(seen)
        alone = {row["id"] for row in await connection.fetch("SELECT id FROM messages WHERE room_id = 'r'")}
        nested = {row["id"] for row in await connection.fetch(_REPLIES, ["m1"])}
    assert alone & nested == {"m9"}


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: the control here, or the tests elsewhere that have it, and the tests that prove ours."""

    control: Callable[[Database], Awaitable[None]] | str
    proofs: tuple[str, ...]


_NAIVE = "tests/ops/backup/test_naive_scripts.py::"
_LISTED = "tests/services/chat/rpc/test_message_list.py::"
ROWS = {
    "pg_dump, gzip, find -delete": Row(
        f"{_NAIVE}test_a_failed_dump_deletes_good_backups_there_and_none_here",
        (
            "tests/ops/backup/test_interrupted.py::test_half_a_dump_is_not_published",
            "tests/ops/backup/test_retention.py::test_sixty_days_with_ten_failures_keep_exactly_what_the_policy_says",
        ),
    ),
    "psql < backup.sql": Row(
        f"{_NAIVE}test_a_truncated_backup_is_restored_with_exit_0_there_and_refused_here",
        ("tests/ops/backup/test_damage.py::test_200_bit_flips_and_50_truncations_are_refused",),
    ),
    "pg_restore --table": Row(
        restore_of_tables,
        (
            f"{_NAIVE}test_a_table_can_not_be_taken_from_a_plain_dump",
            "tests/ops/backup/test_tables.py::test_tables_come_back_and_no_other_row_changes",
        ),
    ),
    "index usage": Row(
        index_usage, ("tests/ops/diagnose/test_views.py::test_indexes_tells_which_were_never_read",)
    ),
    "pg_stat_statements": Row(
        slow_queries,
        (
            "tests/ops/diagnose/test_views.py::test_a_missing_extension_is_told",
            "tests/ops/diagnose/test_views.py::test_slow_names_statements_by_their_tag",
            "tests/ops/diagnose/test_db_doctor.py::test_the_fault_is_found_and_nothing_else",
        ),
    ),
    "REINDEX DATABASE": Row(
        reindex_database,
        (
            "tests/ops/test_original_faults.py::test_a_rebuilt_index_makes_no_reader_wait",
            "tests/ops/diagnose/test_maintain.py::test_reindex_rebuilds_bloated_indexes_alone_and_drops_leftovers",
        ),
    ),
    "DELETE ... INTERVAL": Row(
        delete_interval,
        (
            "tests/ops/diagnose/test_maintain.py::test_rows_that_others_have_locked_are_left_for_the_next_run",
            "tests/ops/diagnose/test_maintain.py::test_purge_removes_what_is_past_its_time_in_batches",
        ),
    ),
    "health returns error.message": Row(
        error_message,
        (
            "tests/ops/test_original_faults.py::test_health_and_messages_have_no_field_for_what_leaked",
            "tests/system/test_secrets.py::test_no_secret_is_told_whatever_happens",
        ),
    ),
    "slow call logged as slow query": Row(
        interceptor, ("tests/servicekit/test_database.py::test_slow_statement_is_logged_without_values",)
    ),
    "index for a contains search": Row(
        contains_search,
        (
            "tests/services/users/store/test_artist_search_plans.py::test_search_uses_its_indexes_and_reads_few_rows",
        ),
    ),
    "index beside UNIQUE": Row(
        redundant_index, ("tests/ops/diagnose/test_db_doctor.py::test_nothing_is_found_without_a_fault",)
    ),
    "getMessages": Row(
        uuid_cursor,
        (
            f"{_LISTED}test_list_messages_pages_stand_still_while_messages_come_in",
            f"{_LISTED}test_list_messages_shows_roots_with_their_first_replies",
            "tests/ops/test_original_faults.py::test_health_and_messages_have_no_field_for_what_leaked",
        ),
    ),
}


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not isinstance(row.control, str)])
async def test_the_original_has_the_fault(original: Database, name: str) -> None:
    control = ROWS[name].control
    assert not isinstance(control, str)
    await control(original)


@pytest.mark.parametrize("name", ROWS)
def test_every_fault_has_a_control_and_a_proof_that_exist(name: str) -> None:
    row = ROWS[name]
    assert row.proofs
    for each in (*row.proofs, *((row.control,) if isinstance(row.control, str) else ())):
        path, _, test = each.partition("::")
        defined = ast.walk(ast.parse((ROOT / path).read_text()))
        functions = {
            node.name for node in defined if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert test in functions, each


async def test_a_rebuilt_index_makes_no_reader_wait(fresh_database: Database) -> None:
    """The arrangement of the control: one reader in a transaction, the rebuilding that waits for it, and later readers."""
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        for each in BLOATED:
            await connection.execute(each)
        async with administrator(fresh_database.server, fresh_database.name) as reader, reader.transaction():
            await reader.execute("SELECT FROM chat.made WHERE id = 10")
            task = asyncio.create_task(maintain(Run(fresh_database.admin_dsn, limits=SMALL), ["reindex"]))
            async with asyncio.timeout(20):
                while not await connection.fetchval(_WAITS):
                    await asyncio.sleep(0.02)  # nothing announces it
            for each in (
                "SELECT FROM chat.made WHERE id = 10",
                "UPDATE chat.made SET id = -10 WHERE id = 10",
            ):
                assert not await is_blocked(fresh_database, each)
            assert not task.done()
        (step,) = await task
    assert (step.object, step.done) == ("chat.made_pkey", True)


def test_health_and_messages_have_no_field_for_what_leaked() -> None:
    assert list(health_pb2.HealthCheckResponse.DESCRIPTOR.fields_by_name) == ["status"]
    assert [name for name in message_pb2.Message.DESCRIPTOR.fields_by_name if "mail" in name] == []
