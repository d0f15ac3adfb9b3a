"""A drill: restore a backup into a scratch database, read it as the services would, and drop it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import asyncpg

from ops.backup.manifest import Manifest
from ops.backup.programs import on_database
from ops.backup.restore import Source, renew_epoch, restored
from ops.console import Console
from ops.database import SERVICES
from ops.database.connection import connect
from ops.database.migrate import status
from ops.errors import CliError

_READ_ONLY = {"default_transaction_read_only": "on", "statement_timeout": "60s"}
_ROWS = 100


@dataclass(frozen=True, slots=True)
class DrillReport:
    """A drill that went well. `seconds` is how long it took until the database could be used."""

    backup_id: str
    rows: int
    tables: int
    seconds: float


async def drill(dsn: str, source: Source, console: Console) -> DrillReport:
    """Prove that a backup restores. Raises CliError DRILL_FAILED and what `restored` raises; leaves no database."""
    began = time.monotonic()
    async with restored(dsn, source, console) as (scratch, manifest):
        scratch_dsn = on_database(dsn, scratch)
        await renew_epoch(scratch_dsn)
        seconds = time.monotonic() - began
        problems = [
            *(f"{each.schema}: {problem}" for each in await status(scratch_dsn) for problem in each.problems),
            *await _read_problems(scratch_dsn, manifest),
        ]
    if problems:
        raise CliError("DRILL_FAILED", f"Backup {manifest.id} can't be used.", why="\n".join(problems))
    return DrillReport(manifest.id, manifest.rows, len(manifest.contents.tables), seconds)


async def _read_problems(dsn: str, manifest: Manifest) -> list[str]:
    """Read every table as the role of its service."""
    problems = []
    for service in SERVICES:
        role = None if manifest.single_role else f"{service}_app"
        connection = await connect(dsn, "drill", role=role, settings=_READ_ONLY)
        try:
            for table in manifest.contents.tables:
                if table.name.partition(".")[0] != service:
                    continue
                try:
                    found = len(await connection.fetch(f"SELECT * FROM {table.name} LIMIT {_ROWS}"))
                except asyncpg.PostgresError as error:
                    problems.append(f"{service}: {error}.")
                    continue
                if found != min(table.rows, _ROWS):
                    problems.append(f"{table.name} shows {found} rows of {table.rows}.")
        finally:
            await connection.close()
    return problems
