"""`seda db snapshot`: copies and restored copies of a database with clients, and with everything that can go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from ops.database import snapshots
from ops.errors import CliError
from tests.migrations.test_commands import seda
from tests.postgres import Database, administrator

pytestmark = pytest.mark.timeout(180)

_ADD = "INSERT INTO users.users (id, email, supabase_id, display_name) VALUES (gen_random_uuid(), $1 || '@example.org', $1, 'X')"
_NAMES = "SELECT coalesce(array_agg(supabase_id ORDER BY supabase_id), '{}') FROM users.users"
_BESIDE = "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1) ORDER BY 1"


@pytest.fixture
async def kept(fresh_database: Database) -> AsyncIterator[Database]:
    """A migrated database with one user, whose snapshots are removed at the end."""
    await add(fresh_database, "ada")
    yield fresh_database
    async with administrator(fresh_database.server) as connection:
        for name in await beside(fresh_database):
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def add(database: Database, name: str) -> None:
    async with administrator(database.server, database.name) as connection:
        await connection.execute(_ADD, name)


async def users(database: Database, name: str | None = None) -> list[str]:
    """The users in a database, or in one of its snapshots."""
    full = database.name if name is None else f"{database.name}@{name}"
    async with administrator(database.server, full) as connection:
        return list(await connection.fetchval(_NAMES))


async def beside(database: Database) -> list[str]:
    """The databases that belong to this one."""
    async with administrator(database.server) as connection:
        return [row[0] for row in await connection.fetch(_BESIDE, f"{database.name}@")]


async def identity(database: Database) -> int:
    async with administrator(database.server) as connection:
        return int(
            await connection.fetchval("SELECT oid::int8 FROM pg_database WHERE datname = $1", database.name)
        )


async def test_a_restored_snapshot_brings_the_data_back_and_keeps_those_before(kept: Database) -> None:
    dsn = kept.admin_dsn
    made = await snapshots.save(dsn, "first")
    assert made.bytes > 1_000_000
    assert made.made_at is not None
    await add(kept, "bob")
    before = await identity(kept)
    replaced = await snapshots.restore(dsn, "first")
    assert await users(kept) == ["ada"]
    assert await users(kept, replaced) == ["ada", "bob"]
    assert await users(kept, "first") == ["ada"]
    assert [each.name for each in await snapshots.list_snapshots(dsn)] == ["first", replaced]
    # The epoch, by which clients know that their positions count no more, comes from this number.
    assert await identity(kept) != before
    # And back again.
    await snapshots.restore(dsn, replaced)
    assert await users(kept) == ["ada", "bob"]
    await snapshots.delete(dsn, "first")
    assert "first" not in [each.name for each in await snapshots.list_snapshots(dsn)]


async def test_services_log_in_to_the_restored_database_and_nobody_else(kept: Database) -> None:
    await snapshots.save(kept.admin_dsn, "first")
    await snapshots.restore(kept.admin_dsn, "first")
    connection = await asyncpg.connect(kept.app_dsn("users"))
    try:
        assert await connection.fetchval("SELECT count(*) FROM users.users") == 1
    finally:
        await connection.close()
    async with administrator(kept.server) as connection:
        query = "SELECT has_database_privilege('public', $1, 'CONNECT')"
        assert await connection.fetchval(query, kept.name) is False


@asynccontextmanager
async def persistent_clients(database: Database, count: int) -> AsyncIterator[list[int]]:
    """Clients that connect again whenever they are disconnected; yields how often each one was."""
    connected = [0] * count
    all_there = asyncio.Event()

    async def client(number: int) -> None:
        while True:
            try:
                connection = await asyncpg.connect(database.app_dsn("users"))
                try:
                    connected[number] += 1
                    if all(connected):
                        all_there.set()
                    async with connection.transaction():
                        await connection.fetchval("SELECT count(*) FROM users.users")
                        await connection.execute("SELECT pg_sleep(60)")
                finally:
                    await connection.close(timeout=5)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                continue

    tasks = [asyncio.create_task(client(number)) for number in range(count)]
    try:
        async with asyncio.timeout(30):
            await all_there.wait()
        yield connected
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.slow
async def test_clients_that_keep_coming_back_are_held_off(kept: Database) -> None:
    async with persistent_clients(kept, 5) as connected:
        await snapshots.save(kept.admin_dsn, "first")
        await add(kept, "bob")
        await snapshots.restore(kept.admin_dsn, "first")
        before = list(connected)
        assert await users(kept) == ["ada"]
        # They find the restored database under its name.
        async with asyncio.timeout(30):
            while min(connected) < 3:
                await asyncio.sleep(0.02)  # their progress is a count, not an event
    assert min(before) >= 2


async def test_failed_restore_leaves_everything_as_it_was(
    kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await snapshots.save(kept.admin_dsn, "first")
    await add(kept, "bob")

    async def failing(_: str) -> None:
        raise CliError("MIGRATION_FAILED", "No.")

    monkeypatch.setattr(snapshots, "deploy", failing)
    with pytest.raises(CliError, match="No"):
        await snapshots.restore(kept.admin_dsn, "first")
    assert await users(kept) == ["ada", "bob"]
    assert await beside(kept) == [f"{kept.name}@first"]


@pytest.mark.slow
async def test_database_keeps_its_name_when_the_copy_can_not_take_it(
    kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await snapshots.save(kept.admin_dsn, "first")
    await add(kept, "bob")
    held: list[asyncpg.Connection] = []

    async def hold(dsn: str) -> None:
        held.append(await asyncpg.connect(dsn))

    monkeypatch.setattr(snapshots, "deploy", hold)
    with pytest.raises(CliError) as raised:
        await snapshots.restore(kept.admin_dsn, "first")
    assert raised.value.code == "DATABASE_BUSY"
    assert await users(kept) == ["ada", "bob"]
    assert await beside(kept) == [f"{kept.name}@first"]
    held[0].terminate()


async def test_what_a_killed_restore_left_is_in_nobodys_way(kept: Database) -> None:
    await snapshots.save(kept.admin_dsn, "first")
    async with administrator(kept.server) as connection:
        await connection.execute(f'CREATE DATABASE "{kept.name}@restoring.new"')
    assert [each.name for each in await snapshots.list_snapshots(kept.admin_dsn)] == ["first"]
    await snapshots.restore(kept.admin_dsn, "first")
    assert f"{kept.name}@restoring.new" not in await beside(kept)


async def test_names_are_taken_once_and_need_a_form(kept: Database) -> None:
    dsn = kept.admin_dsn
    await snapshots.save(dsn, "first")
    await add(kept, "bob")
    for work, code in (
        (snapshots.save(dsn, "first"), "SNAPSHOT_EXISTS"),
        (snapshots.restore(dsn, "other"), "SNAPSHOT_UNKNOWN"),
        (snapshots.delete(dsn, "other"), "SNAPSHOT_UNKNOWN"),
        (snapshots.save(dsn, 'a"; DROP'), "NAME_INVALID"),
        (snapshots.save(dsn, "restoring.new"), "NAME_INVALID"),
        (snapshots.save(dsn, "x" * 31), "NAME_INVALID"),
    ):
        with pytest.raises(CliError) as raised:
            await work
        assert raised.value.code == code
    assert await users(kept, "first") == ["ada"]


@pytest.mark.slow
async def test_commands_save_list_restore_and_delete(kept: Database, tmp_path: Path) -> None:
    saved = await seda(kept, tmp_path, "db", "snapshot", "save", "first")
    assert saved.stdout.startswith("Saved as first (")
    listed = await seda(kept, tmp_path, "db", "snapshot", "list", "--json")
    assert [each["name"] for each in listed.envelope["data"]["snapshots"]] == ["first"]
    restored = await seda(kept, tmp_path, "db", "snapshot", "restore", "first", "--json")
    assert restored.envelope["data"]["restarted"] == []
    assert restored.envelope["data"]["replaced"].startswith("replaced-")
    refused = await seda(kept, tmp_path, "db", "snapshot", "delete", "first")
    assert (refused.code, "--yes" in refused.stderr) == (4, True)
    planned = await seda(kept, tmp_path, "db", "snapshot", "delete", "first", "--dry-run")
    assert planned.stdout == "Would delete first.\n"
    assert f"{kept.name}@first" in await beside(kept)
    assert (await seda(kept, tmp_path, "db", "snapshot", "delete", "first", "--yes")).code == 0
    assert f"{kept.name}@first" not in await beside(kept)
    production = await seda(kept, tmp_path, "db", "snapshot", "save", "first", SEDA_ENV="production")
    assert production.code == 4
