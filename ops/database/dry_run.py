"""`seda migrate deploy --dry-run`: what would be applied, with the locks it takes on tables of which size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from migrations.heads import FOLDER
from ops.database import SERVICES
from ops.database.connection import connected
from ops.database.data_loss import data_loss
from ops.database.drift import migrate_scratch
from ops.database.history import read_histories, require_no_drift
from ops.database.migrate import chosen
from ops.database.scratch import scratch_database

_SIZES = """
SELECT format('%s.%s', n.nspname, c.relname) AS name, pg_total_relation_size(c.oid) AS bytes,
       greatest(c.reltuples, 0)::bigint AS rows
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = ANY ($1::text[]) AND c.relkind IN ('r', 'p', 'm')
"""


@dataclass(frozen=True, slots=True)
class PlannedLock:
    """A lock that a revision takes. `rows` is the planner's estimate, `bytes` counts indexes too."""

    table: str
    mode: str
    blocks: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class PlannedRevision:
    """One revision that would be applied: its SQL as it runs on an empty database, without values.

    `data_loss` is "drops" or "changes" where a backup comes first.
    """

    schema: str
    revision: str
    file: str
    statements: tuple[str, ...]
    locks: tuple[PlannedLock, ...]
    data_loss: str | None


async def plan(
    admin_dsn: str, *, to: Mapping[str, str] | None = None, folder: Path = FOLDER
) -> tuple[PlannedRevision, ...]:
    """Apply the pending revisions to a scratch database, and return what they did. The live one is only read.

    Raises CliError HISTORY_DRIFT, SCRATCH_REFUSED, MIGRATION_FAILED and what reading does.
    """
    from ops.database.replay import replay

    async with connected(admin_dsn, "migrate dry run") as connection:
        histories = await read_histories(connection, folder)
        require_no_drift(histories)
        sizes = await _read_sizes(connection)
    wanted = {each.schema: chosen(each, to) for each in histories}
    if not any(wanted.values()):
        return ()
    planned: list[PlannedRevision] = []
    async with scratch_database(admin_dsn) as scratch:
        await migrate_scratch(
            scratch, histories, {each.schema: each.current or "" for each in histories}, folder
        )
        for history in histories:
            for done in await replay(scratch, history, wanted[history.schema], folder):
                locks = tuple(
                    PlannedLock(each.table, each.mode, each.blocks, *sizes.get(each.table, (0, 0)))
                    for each in done.locks
                )
                planned.append(
                    PlannedRevision(
                        done.schema,
                        done.revision.id,
                        done.revision.path.stem,
                        done.statements,
                        locks,
                        data_loss(done.revision) if history.applied else None,
                    )
                )
    return tuple(planned)


async def _read_sizes(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    return {
        row["name"]: (row["rows"], row["bytes"]) for row in await connection.fetch(_SIZES, list(SERVICES))
    }
