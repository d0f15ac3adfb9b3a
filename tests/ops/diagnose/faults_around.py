"""Faults that lie around the database: growth since an earlier run, pools of processes, catalogs, backups."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import start_http_server

from ops.backup.create import create_backup
from ops.backup.stores import open_store
from ops.console import Console
from ops.diagnose.doctor import Inquiry, examine
from ops.diagnose.here import newest_backup
from ops.findings import Result
from servicekit.database import Database as ServiceDatabase
from servicekit.database import PoolOptions
from servicekit.metrics import Metrics
from tests.ops.diagnose.build import Fault, build_with, limits
from tests.postgres import Database, administrator

_TABLE = "CREATE TABLE chat.made (id int PRIMARY KEY, b text)"


def age(history: Path, by: dt.timedelta) -> None:
    """Let the readings of earlier runs be older."""
    for file in history.iterdir():
        readings = json.loads(file.read_text())
        for each in readings:
            each["at"] = str(dt.datetime.fromisoformat(each["at"]) - by)
        file.write_text(json.dumps(readings))


@asynccontextmanager
async def _grown(database: Database) -> AsyncIterator[Inquiry]:
    with tempfile.TemporaryDirectory() as folder:
        inquiry = Inquiry(history=Path(folder) / "history")
        async with build_with(_TABLE)(database):
            await examine(database.admin_dsn, inquiry=inquiry)
            age(Path(folder) / "history", dt.timedelta(hours=2))
            async with administrator(database.server, database.name) as connection:
                await connection.execute(
                    "INSERT INTO chat.made SELECT n, repeat('x', 100) FROM generate_series(1, 10000) AS n;"
                    "ANALYZE chat.made"
                )
            yield inquiry


@asynccontextmanager
async def exported(pool: ServiceDatabase) -> AsyncIterator[Mapping[str, str]]:
    """Export the metrics of a process with this pool, and yield its address."""
    metrics = Metrics()
    metrics.watch_database(pool)
    server, thread = start_http_server(0, "127.0.0.1", metrics.registry)
    try:
        yield {"chat": f"127.0.0.1:{server.server_port}"}
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


@asynccontextmanager
async def waiting(database: Database) -> AsyncIterator[Inquiry]:
    """Have a call wait for the only connection of a pool."""
    pool = ServiceDatabase(database.admin_dsn, PoolOptions("chat", max_size=1, min_size=0))
    await pool.open()
    try:
        async with pool.session(), exported(pool) as targets:

            async def second() -> None:
                async with pool.session():
                    pass

            wait = asyncio.create_task(second())
            while not pool.waiters:
                await asyncio.sleep(0)
            try:
                yield Inquiry(metrics=targets)
            finally:
                wait.cancel()
                await asyncio.gather(wait, return_exceptions=True)
    finally:
        await pool.close()


@asynccontextmanager
async def _large_pools(database: Database) -> AsyncIterator[Inquiry]:
    async with exported(ServiceDatabase(database.admin_dsn, PoolOptions("chat", max_size=90))) as targets:
        yield Inquiry(metrics=targets)


@asynccontextmanager
async def _changed_by_hand(database: Database) -> AsyncIterator[Inquiry]:
    add, remove = (f"ALTER TABLE chat.rooms {each} COLUMN by_hand" for each in ("ADD", "DROP"))
    async with build_with(f"{add} int", undo=[remove])(database):
        yield Inquiry(drift=True)


@asynccontextmanager
async def _no_backup(_database: Database) -> AsyncIterator[Inquiry]:
    with tempfile.TemporaryDirectory() as folder:
        yield Inquiry(newest_backup=newest_backup({"SEDA_BACKUP_LOCATION": folder}))


@asynccontextmanager
async def backed_up(database: Database) -> AsyncIterator[Inquiry]:
    """Make a backup, and have it looked for."""
    with tempfile.TemporaryDirectory() as folder:
        await create_backup(database.admin_dsn, open_store(folder), Console())
        yield Inquiry(newest_backup=newest_backup({"SEDA_BACKUP_LOCATION": folder}))


FAULTS = (
    Fault("size", Result.INFO, _grown, limits(growth_bytes=1 << 20)),
    Fault("pools", Result.INFO, waiting),
    Fault("pools", Result.WARN, waiting, limits(pool_wait_seconds=0.0)),
    Fault("connections", Result.WARN, _large_pools, limits(connections=(0.25, 2.0))),
    Fault("drift", Result.WARN, _changed_by_hand),
    Fault("backup", Result.CRITICAL, _no_backup),
    Fault("backup", Result.CRITICAL, backed_up, limits(backup_age_seconds=0.0)),
)
