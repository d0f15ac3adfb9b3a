"""One migration at a time: a session advisory lock on a dedicated connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from ops.database.connection import connected
from ops.errors import CliError, Exit

# Any pair that no other application in the database uses: "seda", "migr" in ASCII.
_KEY = (0x73656461, 0x6D696772)
_POLL_SECONDS = 0.2

_HOLDER = """
SELECT a.pid, a.application_name, date_trunc('second', now() - a.backend_start)::text AS since
FROM pg_catalog.pg_locks AS l JOIN pg_catalog.pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.classid = $1 AND l.objid = $2 AND l.granted
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""


@asynccontextmanager
async def migration_lock(dsn: str, wait_seconds: float) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Hold the database's migration lock; the yielded check raises CliError LOCK_LOST once the lock is lost.

    The lock is tried again and again instead of waited for: a waiting session would hold a snapshot, and so stop
    CREATE INDEX CONCURRENTLY in the session that has the lock. Raises CliError LOCK_BUSY, naming the holder, when
    it was not to be had in `wait_seconds`, and POOLER_BETWEEN.
    """
    async with connected(dsn, "migrate lock") as connection:
        await _require_direct(connection)
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_seconds
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *_KEY):
            if loop.time() >= end:
                raise await _busy(connection)
            await asyncio.sleep(_POLL_SECONDS)
        yield lambda: _require_held(connection)


async def _require_direct(connection: asyncpg.Connection) -> None:
    # A pooler gives every client a process number of its own making. Behind it a session lock would belong to whoever
    # has the server connection next.
    try:
        direct = await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid()
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError):
        direct = False
    if not direct:
        raise CliError(
            "POOLER_BETWEEN",
            "DATABASE_URL leads through a connection pooler.",
            why="The migration lock and CREATE INDEX CONCURRENTLY need a session of their own.",
            fix="export SEDA_DIRECT_DATABASE_URL=postgresql://user:password@host:5432/database",
            exit_code=Exit.UNSAFE,
        )


async def _busy(connection: asyncpg.Connection) -> CliError:
    holder = await connection.fetchrow(_HOLDER, *_KEY)
    return CliError(
        "LOCK_BUSY",
        "Another migration of this database is running.",
        why=f"It is {holder['application_name']}, server process {holder['pid']}, since {holder['since']}."
        if holder
        else "It ended just now.",
        fix="Wait for it to end and run this again.",
        retry=True,
        exit_code=Exit.LOCK_BUSY,
    )


async def _require_held(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise CliError(
            "LOCK_LOST",
            "The connection that holds the migration lock was lost.",
            why=str(error),
            fix="Run it again: revisions that were finished are not repeated.",
            retry=True,
            exit_code=Exit.MIGRATION_FAILED,
        ) from error
