"""What a restoration that was killed leaves is removed by the next one, and nothing else is."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.backup.contents import read_locale
from ops.backup.drill import drill
from ops.backup.manifest import Locale
from ops.backup.scratch import scratch_database
from tests.architecture.project import ROOT
from tests.ops.backup.support import (
    QUIET,
    connection,
    databases,
    dropped_after,
    fill,
    new_backup,
    source,
    unused_name,
)
from tests.postgres import Database


async def _locale(database: Database) -> Locale:
    async with connection(database.admin_dsn) as admin:
        return await read_locale(admin)


async def test_only_what_nobody_uses_is_dropped(database: Database, scratch_prefix: str) -> None:
    dsn, server, locale = database.admin_dsn, database.server, await _locale(database)
    left, visited = f"{scratch_prefix}left", f"{scratch_prefix}visited"
    async with connection(dsn) as admin:
        for each in (left, visited):
            await admin.execute(f"CREATE DATABASE {each} TEMPLATE template0")
    async with (
        dropped_after(server, visited),
        connection(server.dsn(visited)),
        scratch_database(dsn, locale, QUIET) as running,
    ):
        assert await databases(server, scratch_prefix) == sorted([running, visited])
        async with scratch_database(dsn, locale, QUIET) as second:
            assert await databases(server, scratch_prefix) == sorted([running, second, visited])


@pytest.mark.slow
@pytest.mark.parametrize("point", ["made", "half", "whole"])
async def test_a_drill_removes_what_a_killed_restoration_left(
    fresh_database: Database, tmp_path: Path, scratch_prefix: str, point: str
) -> None:
    await fill(fresh_database)
    store, manifest = await new_backup(fresh_database, tmp_path)
    name, server = unused_name(), fresh_database.server
    command = (sys.executable, "-m", "tests.ops.backup.killed_restore", point, scratch_prefix)
    done = await asyncio.to_thread(
        subprocess.run,
        (*command, str(tmp_path), manifest.id, name),
        input=f"{fresh_database.admin_dsn}\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,) = await databases(server, scratch_prefix, name)
    async with asyncio.timeout(20), connection(server.dsn("postgres")) as admin:
        # Its programs end with it, the server's sessions a moment later.
        while await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", left):
            await asyncio.sleep(0.05)  # for other processes

    report = await drill(fresh_database.admin_dsn, source(store, manifest), QUIET)

    assert report.rows == manifest.rows
    assert await databases(server, scratch_prefix, name) == []
