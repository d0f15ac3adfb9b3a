"""Everything that may go wrong in a deployment: exit code, message, what is left, and the way out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from migrations.heads import head, revisions
from ops.database import SERVICES
from ops.database.drift import drift
from ops.database.lock import _KEY
from ops.database.migrate import deploy, status
from ops.errors import CliError, Exit
from tests.migrations.revision_files import NEXT, add_revision, applied
from tests.pooler import PROGRAM, Pooler
from tests.postgres import Database, administrator, free_port, new_folder
from tests.support.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.slow

_DEPLOY = """
import asyncio, sys
from pathlib import Path
from ops.database.migrate import deploy
from ops.errors import CliError

try:
    asyncio.run(deploy(sys.argv[1], lock_wait_seconds=240, folder=Path(sys.argv[2])))
except CliError as error:
    sys.exit(f"{error.code} {error.why}")
"""
_INDEX = "concurrently.create_index('rooms_extra_idx', 'rooms', ['created_at', 'id'], schema='chat')"
_VALID = """
SELECT i.indisvalid FROM pg_index AS i WHERE i.indexrelid = to_regclass('chat.rooms_extra_idx')
"""


@asynccontextmanager
async def deploying(database: Database, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a deployment as a process, which is killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _DEPLOY, database.admin_dsn, str(folder)), stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until(connection: asyncpg.Connection, condition: str, seconds: float = 60.0) -> None:
    """Wait until a condition in SQL is true."""
    async with asyncio.timeout(seconds):
        # Nothing announces it.
        while not await connection.fetchval(f"SELECT {condition}"):
            await asyncio.sleep(0.02)  # how often it is asked


# Of deployments in this database, but for the asking session.
_SESSIONS = (
    "EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'seda migrate%')"
)


async def failed(database: Database, folder: Path, attempts: int = 30) -> CliError:
    """Deploy, which has to fail and to leave the revision pending."""
    with pytest.raises(CliError) as caught:
        await deploy(database.admin_dsn, folder=folder, attempts=attempts)
    assert (await status(database.admin_dsn, folder=folder))[1].pending == (NEXT,)
    return caught.value


async def test_a_syntax_error_is_told_with_the_file(fresh_database: Database, folder: Path) -> None:
    path = add_revision(folder, "op.execute('CREATE TABLE chat.half (id int)'); op.execute('SELEKT 1')")
    error = await failed(fresh_database, folder)

    assert (error.code, error.exit_code, error.retry) == ("MIGRATION_FAILED", Exit.MIGRATION_FAILED, False)
    assert error.message == f"chat: revision {NEXT}_next failed and was rolled back."
    assert 'syntax error at or near "SELEKT"' in error.why
    # The way out: correct the file, which nobody has applied.
    # Of another length: Python reuses bytecode of a file of the same second and size.
    path.write_text(path.read_text().replace("SELEKT 1", "SELECT 1 AS one"))
    assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == (NEXT,)


async def test_a_deadlock_is_tried_again(fresh_database: Database, folder: Path) -> None:
    path = add_revision(
        folder,
        "op.execute('ALTER TABLE chat.pins ADD COLUMN a int'); op.execute('ALTER TABLE chat.rooms ADD COLUMN a int')",
    )
    # Otherwise the revision gives up before a deadlock is noticed.
    path.write_text(path.read_text().replace("compatible_from", 'lock_timeout = "20s"\ncompatible_from', 1))
    async with administrator(fresh_database.server, fresh_database.name) as other:
        # The revision notices it first and so is the one that PostgreSQL ends.
        await other.execute("SET deadlock_timeout = '30s'; BEGIN; LOCK TABLE chat.rooms IN SHARE MODE")
        task = asyncio.create_task(deploy(fresh_database.admin_dsn, folder=folder))
        async with administrator(fresh_database.server, fresh_database.name) as watcher:
            await until(
                watcher,
                "EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'chat.rooms'::regclass)",
            )
        await other.execute("LOCK TABLE chat.pins IN SHARE MODE; COMMIT")
        assert (await task)[1].applied == (NEXT,)


async def test_a_deadlock_for_good_fails_the_deploy(fresh_database: Database, folder: Path) -> None:
    add_revision(
        folder,
        "op.execute(\"DO $$ BEGIN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END $$\")",
    )
    error = await failed(fresh_database, folder, attempts=2)

    assert (error.exit_code, error.retry) == (Exit.MIGRATION_FAILED, True)
    assert "deadlock detected" in error.why
    assert "Tried 2 times." in error.why


async def test_a_lock_time_out_says_what_to_do(fresh_database: Database, folder: Path) -> None:
    add_revision(folder, "op.execute('ALTER TABLE chat.rooms ADD COLUMN topic text')")
    async with administrator(fresh_database.server, fresh_database.name) as holder:
        await holder.execute("BEGIN; LOCK TABLE chat.rooms IN ACCESS SHARE MODE")
        error = await failed(fresh_database, folder, attempts=2)
    assert (error.exit_code, error.retry) == (Exit.MIGRATION_FAILED, True)
    assert "lock timeout" in error.why
    assert error.fix.endswith("run: seda migrate deploy")


@asynccontextmanager
async def full_tablespace(disk: SmallDisk, database: Database) -> AsyncIterator[asyncpg.Connection]:
    """Make a tablespace `small` on the disk, which chat's owner may use."""
    place = disk.path / "tablespace"
    place.mkdir(mode=0o700)
    async with administrator(database.server, database.name) as connection:
        owner = Path(await connection.fetchval("SHOW data_directory")).stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        await connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
        try:
            await connection.execute("GRANT CREATE ON TABLESPACE small TO chat_owner")
            yield connection
        finally:
            await connection.execute(
                "DROP TABLE IF EXISTS chat.big; DROP INDEX IF EXISTS chat.rooms_extra_idx"
            )
            await connection.execute("DROP TABLESPACE small")


async def test_a_full_disk_leaves_nothing(fresh_database: Database, folder: Path) -> None:
    add_revision(
        folder,
        "op.execute('CREATE TABLE chat.big TABLESPACE small AS"
        " SELECT repeat(md5(n::text), 30) AS x FROM generate_series(1, 20000) AS n')",
    )
    with small_disk(8) as disk:
        async with full_tablespace(disk, fresh_database) as connection:
            error = await failed(fresh_database, folder)
            assert error.exit_code == Exit.MIGRATION_FAILED
            assert "No space left on device" in error.why
            assert await connection.fetchval("SELECT to_regclass('chat.big') IS NULL")
            # The way out: more space, and the same command.
            disk.grow()
            assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == (NEXT,)


async def test_a_full_disk_in_concurrently_is_cleaned_up_by_the_next(
    fresh_database: Database, folder: Path
) -> None:
    add_revision(folder, _INDEX.replace("schema=", "postgresql_tablespace='small', schema="))
    rooms = "INSERT INTO chat.rooms (id, name, rev) SELECT gen_random_uuid(), 'r', 1 FROM generate_series(1, 50000)"
    with small_disk(1) as disk:
        async with full_tablespace(disk, fresh_database) as connection:
            await connection.execute(rooms)
            error = await failed(fresh_database, folder)
            assert (error.exit_code, error.message) == (
                Exit.MIGRATION_FAILED,
                f"chat: revision {NEXT}_next failed.",
            )
            assert "No space left on device" in error.why
            assert await connection.fetchval(_VALID) is False
            disk.grow()
            assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == (NEXT,)
            assert await connection.fetchval(_VALID) is True


async def test_a_deploy_killed_in_a_transaction_leaves_nothing(
    fresh_database: Database, folder: Path
) -> None:
    add_revision(
        folder,
        "op.execute('CREATE TABLE chat.half (id int)')\n"
        "    op.execute(\"SELECT CASE WHEN to_regclass('public.slow') IS NOT NULL THEN pg_sleep(600) END\")",
    )
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("CREATE TABLE public.slow (id int)")
        async with deploying(fresh_database, folder) as process:
            await until(connection, "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')")
            process.send_signal(signal.SIGKILL)
            await process.wait()
        # Its statement ends, and with it the locks, although nothing was to be sent for ten minutes.
        await until(connection, f"NOT {_SESSIONS}", 20)
        assert await connection.fetchval("SELECT to_regclass('chat.half') IS NULL")
        await connection.execute("DROP TABLE public.slow")

    assert (await deploy(fresh_database.admin_dsn, lock_wait_seconds=0, folder=folder))[1].applied == (NEXT,)


async def test_a_deploy_killed_in_concurrently_is_cleaned_up_by_the_next(
    fresh_database: Database, folder: Path
) -> None:
    add_revision(folder, _INDEX)
    async with (
        administrator(fresh_database.server, fresh_database.name) as connection,
        administrator(fresh_database.server, fresh_database.name) as writer,
    ):
        await writer.execute("BEGIN; LOCK TABLE chat.rooms IN ROW EXCLUSIVE MODE")
        async with deploying(fresh_database, folder) as process:
            await until(connection, f"({_VALID}) IS FALSE")
            process.send_signal(signal.SIGKILL)
            await process.wait()
        await until(connection, f"NOT {_SESSIONS}", 20)
        await writer.execute("COMMIT")
        assert await connection.fetchval(_VALID) is False
        [difference] = await drift(fresh_database.admin_dsn)
        assert (difference.kind, difference.name) == ("index", "chat.rooms_extra_idx")

        assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == (NEXT,)
        assert await connection.fetchval(_VALID) is True
    assert await drift(fresh_database.admin_dsn, folder=folder) == ()


async def test_an_index_waits_for_older_transactions(fresh_database: Database, folder: Path) -> None:
    """Longer than the lock time-out, which would leave an invalid index each time."""
    add_revision(folder, _INDEX)
    async with (
        administrator(fresh_database.server, fresh_database.name) as writer,
        administrator(fresh_database.server, fresh_database.name) as reader,
    ):
        await writer.execute("BEGIN; LOCK TABLE chat.rooms IN ROW EXCLUSIVE MODE")
        task = asyncio.create_task(deploy(fresh_database.admin_dsn, folder=folder, attempts=1))
        await until(reader, f"({_VALID}) IS FALSE")
        await asyncio.sleep(0.5)  # five times the lock time-out has to pass
        assert not task.done()
        await writer.execute("COMMIT")
        assert (await task)[1].applied == (NEXT,)
        assert await reader.fetchval(_VALID) is True


async def test_a_duplicate_in_a_unique_index_is_told_and_its_remains_go(
    fresh_database: Database, folder: Path
) -> None:
    add_revision(folder, _INDEX.replace("['created_at', 'id']", "['name'], unique=True"))
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute(
            "INSERT INTO chat.rooms (id, name, rev) SELECT gen_random_uuid(), 'same', 1 FROM generate_series(1, 2)"
        )
        error = await failed(fresh_database, folder)
        assert error.message == f"chat: revision {NEXT}_next failed."
        assert "could not create unique index" in error.why
        await connection.execute("DELETE FROM chat.rooms")
        assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == (NEXT,)
        assert await connection.fetchval(_VALID) is True


async def test_an_index_that_is_there_is_not_built_again(fresh_database: Database, folder: Path) -> None:
    add_revision(folder, _INDEX)
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("CREATE INDEX rooms_extra_idx ON chat.rooms (created_at, id)")
        before = await connection.fetchval("SELECT 'chat.rooms_extra_idx'::regclass::oid")
        await deploy(fresh_database.admin_dsn, folder=folder)

        assert await connection.fetchval("SELECT 'chat.rooms_extra_idx'::regclass::oid") == before


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
async def test_a_pooler_in_between_is_refused(ready_database: Database) -> None:
    folder, port = new_folder(), free_port()
    pooler = Pooler(folder, ready_database.server.port, port, {"seda": ready_database.server.password})
    try:
        dsn = ready_database.admin_dsn.replace(f":{ready_database.server.port}/", f":{port}/")
        with pytest.raises(CliError) as caught:
            await deploy(dsn)
    finally:
        pooler.stop()
        shutil.rmtree(folder, ignore_errors=True)

    assert (caught.value.code, caught.value.exit_code) == ("POOLER_BETWEEN", Exit.UNSAFE)
    assert caught.value.fix.startswith("export SEDA_DIRECT_DATABASE_URL=")
    assert all(each.current is None for each in await status(ready_database.admin_dsn))


async def test_a_database_ahead_is_left_alone(fresh_database: Database, folder: Path) -> None:
    add_revision(folder, "op.execute('CREATE TABLE chat.newer (a int)')")
    await deploy(fresh_database.admin_dsn, folder=folder)

    assert (await deploy(fresh_database.admin_dsn))[1].applied == ()
    with pytest.raises(CliError) as caught:
        await drift(fresh_database.admin_dsn)
    assert (caught.value.code, caught.value.exit_code) == ("SCHEMA_AHEAD", Exit.ACTION_NEEDED)
    assert f"chat is at {NEXT}, this build at {head('chat')}" in caught.value.why


@pytest.mark.timeout(300)
async def test_eight_deploys_at_once_one_of_them_killed(ready_database: Database, folder: Path) -> None:
    async with (
        contextlib.AsyncExitStack() as stack,
        administrator(ready_database.server, ready_database.name) as connection,
    ):
        processes = [await stack.enter_async_context(deploying(ready_database, folder)) for _ in range(8)]
        await until(connection, "to_regclass('users_migrations.applied') IS NOT NULL", 120)
        port = await connection.fetchval(
            "SELECT a.client_port FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid = $2"
            " AND a.datname = current_database()",
            *_KEY,
        )
        [holder] = [each for each in processes if port in _ports(each.pid)]
        holder.kill()
        codes = {each.pid: await each.wait() for each in processes}

        assert codes.pop(holder.pid) == -signal.SIGKILL
        assert set(codes.values()) == {0}
        locks = await connection.fetchval(
            "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND l.classid = $1 AND l.objid = $2 AND d.datname = current_database()",
            *_KEY,
        )
        assert locks == 0
    for each in SERVICES:
        assert [row[0] for row in await applied(ready_database, each)] == [one.id for one in revisions(each)]
    assert await drift(ready_database.admin_dsn) == ()


def _ports(pid: int) -> set[int]:
    """The local ports of a process's connections."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return {each.laddr.port for each in psutil.Process(pid).net_connections("tcp")}
    return set()


async def test_a_lost_lock_ends_the_deploy_before_the_next_revision(
    fresh_database: Database, folder: Path
) -> None:
    add_revision(folder, "op.execute('CREATE TABLE chat.first (id int)')")
    add_revision(folder, "op.execute('CREATE TABLE chat.second (id int)')", name="29990102_0900_second")
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("BEGIN; LOCK TABLE chat_migrations.alembic_version IN EXCLUSIVE MODE")
        task = asyncio.create_task(deploy(fresh_database.admin_dsn, folder=folder))
        await until(
            connection,
            "EXISTS (SELECT FROM pg_locks WHERE NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND relation = 'chat_migrations.alembic_version'::regclass)",
        )
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'seda migrate lock' AND datname = current_database()"
        )
        await connection.execute("COMMIT")
        with pytest.raises(CliError) as caught:
            await task

        assert (caught.value.code, caught.value.exit_code, caught.value.retry) == (
            "LOCK_LOST",
            Exit.MIGRATION_FAILED,
            True,
        )
        assert await connection.fetchval("SELECT to_regclass('chat.first') IS NOT NULL")
        assert await connection.fetchval("SELECT to_regclass('chat.second') IS NULL")
    assert (await deploy(fresh_database.admin_dsn, folder=folder))[1].applied == ("29990102_0900",)
