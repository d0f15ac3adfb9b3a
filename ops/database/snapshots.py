"""`seda db snapshot`: copies of the whole database beside it, made from templates within the server.

PostgreSQL copies a database while nobody is connected to it. A statement that needs this locks the database first, so that
new connections wait, and then waits 5 s for the present ones to end: these are ended meanwhile. Nothing has to be undone
when the command or the server dies at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import asyncpg

from ops.database.connection import connected
from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.database.roles import quoted
from ops.errors import CliError, Exit

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")
_LONGEST_DATABASE = 63
_POLL_SECONDS = 0.05
_MAINTENANCE = "postgres"

_LIST = """
SELECT d.datname::text AS database, pg_database_size(d.oid)::bigint AS bytes,
       shobj_description(d.oid, 'pg_database') AS made
  FROM pg_catalog.pg_database AS d WHERE starts_with(d.datname::text, $1) ORDER BY 1
"""
_OWNER = "SELECT pg_get_userbyid(datdba)::text FROM pg_catalog.pg_database WHERE datname = $1"
_DISCONNECT = """
SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
 WHERE datname = $1 AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy by its name. `made_at` is None for one whose making was interrupted after the copy itself."""

    name: str
    database: str
    bytes: int
    made_at: datetime | None


async def list_snapshots(dsn: str) -> list[Snapshot]:
    """Return the snapshots of the DSN's database, by name."""
    prefix = f"{_database(dsn)}@"
    async with beside(dsn) as connection:
        rows = await connection.fetch(_LIST, prefix)
    found = ((row["database"].removeprefix(prefix), row) for row in rows)
    return [
        Snapshot(name, row["database"], row["bytes"], _moment(row["made"]))
        for name, row in found
        if _NAME.fullmatch(name)
    ]


async def save(dsn: str, name: str) -> Snapshot:
    """Copy the database; its clients are disconnected. Raises SNAPSHOT_EXISTS, NAME_INVALID and DATABASE_BUSY."""
    source, target = _database(dsn), _snapshot(dsn, name)
    async with beside(dsn) as connection:
        if await connection.fetchval(_OWNER, target) is not None:
            raise CliError(
                "SNAPSHOT_EXISTS",
                f"There is a snapshot {name} already.",
                fix=f"Choose another name, or: seda db snapshot delete {name}",
            )
        await _copy(dsn, connection, source, target)
    return next(each for each in await list_snapshots(dsn) if each.name == name)


async def restore(dsn: str, name: str) -> str:
    """Put a copy of the snapshot in the place of the database; return the snapshot that the database became.

    The copy is made ready first, migrations included; then both are renamed in one transaction. Whatever fails,
    the database stays as it was. Raises SNAPSHOT_UNKNOWN, NAME_INVALID, DATABASE_BUSY, and what migrations raise.
    """
    current, source = _database(dsn), _snapshot(dsn, name)
    # No name of a snapshot has a dot.
    copy = f"{current}@restoring.new"
    # To the millisecond: a name that is taken would fail the restore.
    kept = f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"[:-3]
    async with beside(dsn) as connection:
        await _require_known(connection, source, name)
        # Left by a restore that was killed.
        await _drop(connection, copy)
        try:
            await _copy(dsn, connection, source, copy)
            # A copy has none of the grants on the database itself, and may come from an older build.
            await init_database(_beside_dsn(dsn, copy))
            await deploy(_beside_dsn(dsn, copy))
            await _note(connection, copy)
            await without_clients(
                dsn, current, lambda: _swap(connection, current, copy, _snapshot(dsn, kept))
            )
        except BaseException:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await _drop(connection, copy)
            raise
    return kept


async def delete(dsn: str, name: str) -> None:
    """Delete a snapshot. Raises SNAPSHOT_UNKNOWN and NAME_INVALID."""
    target = _snapshot(dsn, name)
    async with beside(dsn) as connection:
        await _require_known(connection, target, name)
        await _drop(connection, target)


async def _copy(dsn: str, connection: asyncpg.Connection, source: str, target: str) -> None:
    owner = await connection.fetchval(_OWNER, source)
    statement = f"CREATE DATABASE {quoted(target)} TEMPLATE {quoted(source)} OWNER {quoted(owner)}"
    await without_clients(dsn, source, lambda: connection.execute(statement))
    await _note(connection, target)


async def _swap(connection: asyncpg.Connection, current: str, copy: str, kept: str) -> None:
    async with connection.transaction():
        await connection.execute(f"ALTER DATABASE {quoted(current)} RENAME TO {quoted(kept)}")
        await connection.execute(f"ALTER DATABASE {quoted(copy)} RENAME TO {quoted(current)}")
        await _note(connection, kept)


async def _note(connection: asyncpg.Connection, database: str) -> None:
    made = datetime.now(UTC).isoformat(timespec="seconds")
    await connection.execute(f"COMMENT ON DATABASE {quoted(database)} IS 'seda snapshot of {made}'")


async def _drop(connection: asyncpg.Connection, database: str) -> None:
    await connection.execute(f"DROP DATABASE IF EXISTS {quoted(database)} WITH (FORCE)")


async def without_clients(dsn: str, database: str, work: Callable[[], Awaitable[object]]) -> None:
    """Run a statement that waits for the end of all connections to `database`, and end them meanwhile."""
    task = asyncio.ensure_future(work())
    try:
        async with beside(dsn) as other:
            while not task.done():
                await other.fetch(_DISCONNECT, database)
                await asyncio.wait({task}, timeout=_POLL_SECONDS)
        await task
    except asyncpg.ObjectInUseError as error:
        raise CliError(
            "DATABASE_BUSY",
            f"Some connection to {database} does not end.",
            why=str(error),
            fix="See who it is: SELECT * FROM pg_stat_activity",
            retry=True,
        ) from error
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, asyncpg.PostgresError):
            await task


async def _require_known(connection: asyncpg.Connection, database: str, name: str) -> None:
    if await connection.fetchval(_OWNER, database) is None:
        raise CliError("SNAPSHOT_UNKNOWN", f"There is no snapshot {name}.", fix="seda db snapshot list")


@asynccontextmanager
async def beside(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the same server, but not to the database."""
    async with connected(_beside_dsn(dsn, _MAINTENANCE), "snapshot") as connection:
        yield connection


def _beside_dsn(dsn: str, database: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path="/" + quote(database, safe="")))


def _database(dsn: str) -> str:
    return unquote(urlsplit(dsn).path.removeprefix("/"))


def _snapshot(dsn: str, name: str) -> str:
    full = f"{_database(dsn)}@{name}"
    if not _NAME.fullmatch(name) or len(full.encode()) > _LONGEST_DATABASE:
        raise CliError(
            "NAME_INVALID",
            f"{name!r} can't name a snapshot.",
            why="A name has up to 30 lower-case letters, digits, '-' and '_', and begins with a letter or digit.",
            fix="For example: seda db snapshot save before-upgrade",
            exit_code=Exit.USAGE,
        )
    return full


def _moment(comment: str | None) -> datetime | None:
    _, _, text = (comment or "").partition("seda snapshot of ")
    return datetime.fromisoformat(text) if text else None
