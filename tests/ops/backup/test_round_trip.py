"""A backup restored is the snapshot that it was made of: rows, sequences, grants, another epoch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ops.backup import contents, create, restore
from ops.backup.drill import drill
from ops.backup.stores import LocalStore
from ops.errors import CliError
from servicekit.database import Database as Pool
from servicekit.database import PoolOptions
from services.chat.store.epoch import read_epoch
from tests.ops.backup.support import (
    QUIET,
    SEND,
    all_rows,
    connection,
    databases,
    dropped_after,
    fill,
    new_backup,
    privileges,
    source,
    unused_name,
)
from tests.postgres import Database

_WRITERS, _WRITES_A_SECOND = 3, 300


async def epoch_of(dsn: str) -> str | None:
    """What chat tells its clients of a database."""
    pool = Pool(dsn, PoolOptions("test", min_size=1, max_size=1))
    await pool.open()
    try:
        async with pool.session() as session:
            return await read_epoch(session)
    finally:
        await pool.close()


@asynccontextmanager
async def _writes(database: Database, counter: list[int]) -> AsyncIterator[None]:
    """Send messages and draw numbers, about 300 a second."""

    async def write(number: int) -> None:
        async with connection(database.app_dsn("chat")) as writer, connection(database.admin_dsn) as admin:
            while True:
                await writer.execute(SEND, number)
                await admin.execute("SELECT nextval('chat.test_numbers')")
                counter.append(1)
                # The rate is what is to be had here, so time has to pass.
                await asyncio.sleep(_WRITERS / _WRITES_A_SECOND)

    tasks = [asyncio.create_task(write(each)) for each in range(_WRITERS)]
    try:
        yield
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_backup_under_writes_restores_to_its_snapshot(
    fresh_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(fresh_database)
    server, name = fresh_database.server, unused_name()
    expected: dict[str, Any] = {}
    real = contents.read_contents

    async def also_copy(source_connection: asyncpg.Connection, sequences: Any) -> Any:
        # In the same transaction, so of the same snapshot.
        found = await real(source_connection, sequences)
        expected["rows"] = await all_rows(source_connection)
        return found

    monkeypatch.setattr(create, "read_contents", also_copy)
    counter: list[int] = []
    async with connection(fresh_database.admin_dsn) as admin, dropped_after(server, name):
        grants = await privileges(admin)
        async with _writes(fresh_database, counter):
            while len(counter) < 50:
                await asyncio.sleep(0.01)  # writes have to be under way
            number = await admin.fetchval("SELECT last_value FROM chat.test_numbers")
            store, manifest = await new_backup(fresh_database, tmp_path)
            during = len(counter)
        await restore.restore_into(fresh_database.admin_dsn, source(store, manifest), name, QUIET)
        now = await all_rows(admin)
        async with connection(server.dsn(name)) as restored:
            found = await all_rows(restored)
            assert await privileges(restored) == grants
            assert await restored.fetchval("SELECT last_value FROM chat.test_numbers") >= number
            assert await restored.fetchval("SELECT nextval('chat.test_numbers')") > number
    assert during > 60
    assert len(now["chat.messages"]) > len(expected["rows"]["chat.messages"]) > 120
    assert found.pop("chat.instance") != expected["rows"].pop("chat.instance")
    assert found == expected["rows"]
    assert sum(map(len, found.values())) + 1 == manifest.rows


async def test_a_restored_database_has_another_epoch_and_fits_the_services(
    fresh_database: Database, tmp_path: Path
) -> None:
    await fill(fresh_database)
    server, name = fresh_database.server, unused_name()
    store, manifest = await new_backup(fresh_database, tmp_path)
    async with dropped_after(server, name):
        await restore.restore_into(fresh_database.admin_dsn, source(store, manifest), name, QUIET)
        restored = Database(server, name)
        assert await epoch_of(restored.app_dsn("chat")) != await epoch_of(fresh_database.app_dsn("chat"))
        with pytest.raises(CliError) as refused:
            await restore.restore_into(fresh_database.admin_dsn, source(store, manifest), name, QUIET)
        assert refused.value.code == "DATABASE_EXISTS"


async def test_replace_swaps_the_databases_under_connected_services(
    fresh_database: Database, tmp_path: Path
) -> None:
    await fill(fresh_database)
    server, name = fresh_database.server, fresh_database.name
    async with connection(fresh_database.admin_dsn) as admin:
        await admin.execute(f"ALTER DATABASE {name} SET work_mem = '5MB'")
        before = await all_rows(admin)
        epoch = await epoch_of(fresh_database.app_dsn("chat"))
        store, manifest = await new_backup(fresh_database, tmp_path)
        await admin.execute("DELETE FROM chat.messages")
    counter: list[int] = []
    async with _writes(fresh_database, counter):
        _, old_name = await restore.restore_replacing(
            fresh_database.admin_dsn, source(store, manifest), name, QUIET
        )
    async with dropped_after(server, old_name):
        async with connection(fresh_database.admin_dsn) as restored, connection(server.dsn(old_name)) as old:
            found = await all_rows(restored)
            assert (await all_rows(old))["chat.messages"] != before["chat.messages"]
            assert await restored.fetchval("SHOW work_mem") == "5MB"
        assert found.pop("chat.instance") != before.pop("chat.instance")
        assert found == before
        assert await epoch_of(fresh_database.app_dsn("chat")) not in {None, epoch}


async def test_the_role_seda_backup_can_make_a_backup(fresh_database: Database, tmp_path: Path) -> None:
    await fill(fresh_database)
    dsn = fresh_database.server.dsn(fresh_database.name, role="seda_backup")
    async with connection(fresh_database.admin_dsn) as admin:
        await admin.execute("GRANT SELECT ON chat.test_numbers TO chat_ro")
    store = LocalStore(tmp_path)
    manifest = await create.create_backup(dsn, store, QUIET)
    assert store.published() == [manifest.id]


async def test_a_drill_restores_reads_and_leaves_nothing(
    fresh_database: Database, tmp_path: Path, scratch_prefix: str
) -> None:
    await fill(fresh_database)
    async with connection(fresh_database.admin_dsn) as admin:
        await admin.execute("DROP SEQUENCE chat.test_numbers")
    store, manifest = await new_backup(fresh_database, tmp_path)
    report = await drill(fresh_database.admin_dsn, source(store, manifest), QUIET)
    assert (report.backup_id, report.rows) == (manifest.id, manifest.rows)
    assert await databases(fresh_database.server, scratch_prefix) == []


async def test_a_drill_finds_what_a_service_could_not_read(fresh_database: Database, tmp_path: Path) -> None:
    async with connection(fresh_database.admin_dsn) as admin:
        await admin.execute("REVOKE SELECT ON chat.rooms FROM chat_app")
    store, manifest = await new_backup(fresh_database, tmp_path)
    with pytest.raises(CliError) as failed:
        await drill(fresh_database.admin_dsn, source(store, manifest), QUIET)
    assert (failed.value.code, failed.value.why) == (
        "DRILL_FAILED",
        "chat: permission denied for table rooms.",
    )
