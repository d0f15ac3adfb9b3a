"""`seda maintain run`: analyze, reindex and purge, in small steps that can be interrupted at any time and run again.

Each step runs as the owner of its schema and gives way: it waits shortly for locks and leaves out rows that others have
locked. What a run left the next one finds, as each looks for what is due.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from ops.console import Console
from ops.database import SERVICES
from ops.database.connection import connect, connected, notice_death
from ops.database.lock import migration_lock
from ops.diagnose import bloat
from ops.diagnose.check import Limits, size
from ops.diagnose.indexes import LEFTOVER
from ops.row_progress import RowProgress

TASKS = ("analyze", "reindex", "purge")
"""All tasks, in the order in which they run."""

_PAUSE_SECONDS = 0.02
_SETTINGS = {
    "statement_timeout": "0",
    # People who work meanwhile get the other cores, and the disk in between.
    "max_parallel_maintenance_workers": "0",
    "vacuum_cost_delay": "2ms",
}
_LOCK_SECONDS = 0.2
# It waits for transactions that are older than the index, and blocks nobody meanwhile.
_REINDEX_LOCK_SECONDS = 30.0
_DAY_MS = 86_400_000
_BUSY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days entries of the audit tables are kept; None: for ever."""

    admin_actions_days: int | None = 90
    moderation_logs_days: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What was done to an object, or with a dry run would be. `done` is false where a lock or the time was lacking."""

    task: str
    object: str
    result: str
    done: bool = True


@dataclass(slots=True)
class Run:
    """One run: where, how far, and what it has done. `console` shows each step, and a bar of rows."""

    dsn: str
    dry_run: bool = False
    max_seconds: float = float("inf")
    retention: Retention = field(default_factory=Retention)
    limits: Limits = field(default_factory=Limits)
    batch: int = 500
    console: Console = field(default_factory=Console)
    steps: list[Step] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def expired(self) -> bool:
        """Whether nothing more may be begun."""
        return time.monotonic() - self.began >= self.max_seconds

    def add(self, task: str, subject: str, result: str, *, done: bool = True) -> None:
        """Note a step, and tell it."""
        self.steps.append(Step(task, subject, result, done))
        if not self.console.json:
            self.console.message(f"{task} {subject}: {result}")

    @asynccontextmanager
    async def as_owner(
        self, schema: str, lock_seconds: float = _LOCK_SECONDS
    ) -> AsyncIterator[asyncpg.Connection]:
        """Connect as the owner of a schema."""
        async with connected(self.dsn, "maintain") as connection:
            owner = await connection.fetchval(
                "SELECT pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace WHERE nspname = $1",
                schema,
            )
        settings = {"lock_timeout": f"{lock_seconds * 1000:.0f}", **_SETTINGS}
        connection = await connect(self.dsn, "maintain", role=owner, settings=settings)
        try:
            await notice_death(connection)
            yield connection
        finally:
            await connection.close()


async def maintain(run: Run, tasks: Sequence[str] = TASKS) -> list[Step]:
    """Run tasks and return what was done. Raises CliError LOCK_BUSY beside a migration or another run."""
    async with migration_lock(run.dsn, 0.0):
        for task in TASKS:
            if task in tasks:
                await _TASKS[task](run)
    return run.steps


# Those first that changed most since the planner saw them.
_TO_ANALYZE = """
SELECT format('%I.%I', schemaname, relname) AS name, n_mod_since_analyze AS changes
FROM pg_catalog.pg_stat_user_tables
WHERE schemaname = $1 AND (n_mod_since_analyze > 0 OR coalesce(last_analyze, last_autoanalyze) IS NULL)
ORDER BY n_mod_since_analyze DESC, 1
"""


async def _analyze(run: Run) -> None:
    for schema in SERVICES:
        async with run.as_owner(schema) as connection:
            for row in await connection.fetch(_TO_ANALYZE, schema):
                name, told = row["name"], f"{row['changes']} changes"
                if run.expired:
                    run.add("analyze", name, "no time left", done=False)
                    return
                if run.dry_run:
                    run.add("analyze", name, told)
                    continue
                try:
                    await connection.execute(f"ANALYZE {name}")
                    run.add("analyze", name, told)
                except _BUSY:
                    run.add("analyze", name, "locked by others", done=False)


_LEFTOVERS = """
SELECT n.nspname::text AS schema, format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relname ~ $1 AND n.nspname = ANY ($2::text[]) AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.relid = i.indrelid)
ORDER BY 2
"""


async def _reindex(run: Run) -> None:
    async with connected(run.dsn, "maintain") as connection:
        await _drop_leftovers(run, connection)
        schema = await connection.fetchval(bloat.EXTENSION, "pgstattuple")
        if schema is None:
            run.add(
                "reindex", "all", "the extension pgstattuple, which measures them, is missing", done=False
            )
            return
        async for index in bloat.indexes(connection, schema, run.limits.index_bloat_bytes, float("inf")):
            owner = index.name.partition(".")[0]
            if owner not in SERVICES or index.share is None or index.share >= run.limits.leaf_density[0]:
                continue
            if run.expired:
                run.add("reindex", index.name, "no time left", done=False)
                return
            told = f"{size(index.bytes)}, leaves {index.share:.0%} full"
            if run.dry_run:
                run.add("reindex", index.name, told)
                continue
            try:
                async with run.as_owner(owner, _REINDEX_LOCK_SECONDS) as other:
                    await other.execute(f"REINDEX INDEX CONCURRENTLY {index.name}")
                run.add("reindex", index.name, told)
            except _BUSY:
                # The next run drops what it left: the transaction that it waited for would stop that now.
                run.add("reindex", index.name, "locked by others", done=False)


async def _drop_leftovers(run: Run, connection: asyncpg.Connection) -> None:
    for row in await connection.fetch(_LEFTOVERS, LEFTOVER, list(SERVICES)):
        try:
            if not run.dry_run:
                async with run.as_owner(row["schema"], _REINDEX_LOCK_SECONDS) as owner:
                    await owner.execute(f"DROP INDEX CONCURRENTLY {row['name']}")
            run.add("reindex", row["name"], "dropped, left by an interrupted run")
        except _BUSY:
            run.add("reindex", row["name"], "locked by others", done=False)


@dataclass(frozen=True, slots=True)
class _Purge:
    """Rows of a table that are due: `due` is a condition on $1, a number of days, and $2, the id of a later moment."""

    table: str
    key: str
    due: str
    order: str

    @property
    def count(self) -> str:
        """How many are due."""
        return f"SELECT count(*) FROM {self.table} WHERE {self.due}"

    @property
    def delete(self) -> str:
        """Delete up to $3 of them that nobody has locked."""
        return (
            f"DELETE FROM {self.table} WHERE {self.key} = ANY (ARRAY(SELECT {self.key} FROM {self.table}"
            f" WHERE {self.due} ORDER BY {self.order} LIMIT $3 FOR UPDATE SKIP LOCKED))"
        )


_AGE = "clock_timestamp() - make_interval(days => $1::int)"
_CACHE = _Purge(
    "tracks.crawler_cache", "url_hash", f"stale_until < {_AGE} AND $2::uuid IS NOT NULL", "stale_until"
)
_ADMIN_ACTIONS = _Purge(
    "users.admin_actions", "id", f"created_at < {_AGE} AND $2::uuid IS NOT NULL", "created_at, id"
)
# No index has created_at: the ids, made by the service's clock, go by time as well.
_MODERATION_LOGS = _Purge("chat.moderation_logs", "id", f"created_at < {_AGE} AND id < $2::uuid", "id")
_CACHE_DAYS = 7


async def _purge(run: Run) -> None:
    wanted = (
        (_CACHE, _CACHE_DAYS),
        (_ADMIN_ACTIONS, run.retention.admin_actions_days),
        (_MODERATION_LOGS, run.retention.moderation_logs_days),
    )
    for purge, days in wanted:
        if days is None:
            run.add("purge", purge.table, "kept for ever")
        elif run.expired:
            run.add("purge", purge.table, "no time left", done=False)
        else:
            async with run.as_owner(purge.table.partition(".")[0]) as connection:
                await _purge_table(run, connection, purge, days)


async def _purge_table(run: Run, connection: asyncpg.Connection, purge: _Purge, days: int) -> None:
    now = await connection.fetchval("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8")
    values = (days, UUID(int=(now - (days - 1) * _DAY_MS) << 80))
    total = await connection.fetchval(purge.count, *values)
    if run.dry_run:
        run.add("purge", purge.table, f"{total} rows past {days} d")
        return
    removed, last, left = 0, run.batch, ""
    # With --json there is one object on stdout, and no events.
    with RowProgress(Console() if run.console.json else run.console, total) as progress:
        progress.step(f"purge {purge.table}")
        while last == run.batch and not run.expired:
            began = time.monotonic()
            try:
                last = int((await connection.execute(purge.delete, *values, run.batch)).split()[-1])
            except _BUSY:
                left = ", then locked by others"
                break
            removed += last
            if last:
                progress.advance(last)
            # Others get the disk for at least as long as it took.
            await asyncio.sleep(max(_PAUSE_SECONDS, time.monotonic() - began))
        else:
            left = "" if last < run.batch else ", no time left"
    run.add("purge", purge.table, f"{removed} rows removed{left}", done=not left)


_TASKS: Mapping[str, Callable[[Run], Awaitable[None]]] = {
    "analyze": _analyze,
    "reindex": _reindex,
    "purge": _purge,
}
