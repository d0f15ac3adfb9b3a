"""`seda migrate resolve` and `baseline`: correct the history where it does not say what the database holds.

No revision runs here. Both hold the migration lock, and write a schema's entries and Alembic's place together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from migrations.heads import FOLDER, Revision
from ops.database.catalog import read_catalog
from ops.database.connection import connected
from ops.database.drift import SCHEMAS, Difference, compare, migrate_scratch
from ops.database.history import History, read_histories
from ops.database.lock import migration_lock
from ops.database.migrate import LOCK_WAIT_SECONDS
from ops.database.scratch import scratch_database
from ops.errors import CliError, Exit


@dataclass(frozen=True, slots=True)
class Resolved:
    """The history of a schema after a correction: the revisions that were entered or removed, and the newest one."""

    schema: str
    changed: tuple[str, ...]
    current: str | None


async def mark_applied(admin_dsn: str, schema: str, revision: str, *, folder: Path = FOLDER) -> Resolved:
    """Enter the oldest pending revision of a schema as applied, without running it. Raises CliError NOT_NEXT."""
    async with migration_lock(admin_dsn, LOCK_WAIT_SECONDS):
        history = await _history(admin_dsn, schema, folder)
        following = history.pending[0] if history.pending else None
        if following is None or following.id != revision:
            raise CliError(
                "NOT_NEXT",
                f"{revision} is not the next revision of {schema}.",
                why=f"The next one is {following.id}." if following else "Nothing is pending.",
                fix="seda migrate history",
                exit_code=Exit.UNSAFE,
            )
        await _enter(admin_dsn, history, [following])
    return Resolved(schema, (revision,), revision)


async def mark_rolled_back(admin_dsn: str, schema: str, revision: str, *, folder: Path = FOLDER) -> Resolved:
    """Remove the newest entry of a schema, whose changes were undone by hand; the next deploy applies it again.

    Raises CliError NOT_NEWEST.
    """
    async with migration_lock(admin_dsn, LOCK_WAIT_SECONDS):
        history = await _history(admin_dsn, schema, folder)
        if history.current != revision:
            raise CliError(
                "NOT_NEWEST",
                f"{revision} is not the newest applied revision of {schema}.",
                why=f"That is {history.current or 'none'}. Later ones build on the earlier.",
                fix="seda migrate history",
                exit_code=Exit.UNSAFE,
            )
        before = history.applied[-2].revision if len(history.applied) > 1 else None
        place = f"{schema}_migrations.alembic_version"
        async with _writing(admin_dsn, history) as connection:
            await connection.execute(f"DELETE FROM {schema}_migrations.applied WHERE revision = $1", revision)
            await connection.execute(f"DELETE FROM {place}")
            if before is not None:
                await connection.execute(f"INSERT INTO {place} (version_num) VALUES ($1)", before)
    return Resolved(schema, (revision,), before)


async def baseline(
    admin_dsn: str, *, to: Mapping[str, str] | None = None, folder: Path = FOLDER
) -> tuple[Resolved, ...]:
    """Give a database its history that has the tables without one, such as one restored without it.

    Only where the tables are exactly those of the named revisions, by default the newest. Raises CliError
    HISTORY_EXISTS and BASELINE_DIFFERS.
    """
    async with migration_lock(admin_dsn, LOCK_WAIT_SECONDS):
        async with connected(admin_dsn, "migrate baseline") as connection:
            histories = await read_histories(connection, folder)
            _require_no_history(histories)
            found = await read_catalog(connection, SCHEMAS)
        target = dict(to) if to else {each.schema: each.head for each in histories}
        async with scratch_database(admin_dsn) as scratch:
            await migrate_scratch(scratch, histories, target, folder)
            async with connected(scratch, "migrate baseline") as connection:
                _require_equal(tuple(compare(await read_catalog(connection, SCHEMAS), found)))
        done: list[Resolved] = []
        for each in histories:
            entered = [revision for revision in each.files if revision.id <= target[each.schema]]
            await _enter(admin_dsn, each, entered)
            done.append(
                Resolved(each.schema, tuple(one.id for one in entered), entered[-1].id if entered else None)
            )
    return tuple(done)


async def _history(admin_dsn: str, schema: str, folder: Path) -> History:
    async with connected(admin_dsn, "migrate resolve") as connection:
        histories = await read_histories(connection, folder)
    return next(each for each in histories if each.schema == schema)


async def _enter(admin_dsn: str, history: History, revisions: Sequence[Revision]) -> None:
    from ops.database.alembic_runner import create_history

    if not revisions:
        return
    await create_history(admin_dsn, history.schema, owner=history.owner)
    schema = f"{history.schema}_migrations"
    async with _writing(admin_dsn, history) as connection:
        await connection.executemany(
            f"INSERT INTO {schema}.applied (revision, checksum, applied_at, compatible_from)"
            " VALUES ($1, $2, clock_timestamp(), $3)",
            [(each.id, each.checksum, each.compatible_from) for each in revisions],
        )
        await connection.execute(f"DELETE FROM {schema}.alembic_version")
        await connection.execute(
            f"INSERT INTO {schema}.alembic_version (version_num) VALUES ($1)", revisions[-1].id
        )


@asynccontextmanager
async def _writing(admin_dsn: str, history: History) -> AsyncIterator[asyncpg.Connection]:
    async with (
        connected(admin_dsn, "migrate resolve", role=history.owner) as connection,
        connection.transaction(),
    ):
        yield connection


def _require_no_history(histories: Sequence[History]) -> None:
    present = [each.schema for each in histories if each.applied]
    if present:
        raise CliError(
            "HISTORY_EXISTS",
            f"There is a history already: {', '.join(present)}.",
            fix="seda migrate status",
            exit_code=Exit.UNSAFE,
        )


def _require_equal(differences: Sequence[Difference]) -> None:
    # That the tables of the history are missing is the reason for a baseline.
    others = [each for each in differences if "_migrations." not in each.name]
    if others:
        raise CliError(
            "BASELINE_DIFFERS",
            "The tables are not those of these revisions. Nothing was changed.",
            why="\n".join(each.text for each in others),
            fix="Name the revision that they are at: seda migrate baseline --to REVISION",
            exit_code=Exit.DRIFT,
        )
