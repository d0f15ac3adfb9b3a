"""Fill Seda's tables with many rows: the checks before it, COPY, and indexes that are made at the end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import asyncpg

from ops.confirm import require_confirmation
from ops.database.connection import connected
from ops.database.migrate import status
from ops.errors import CliError, Exit

if TYPE_CHECKING:
    from ops.console import Console

SETTINGS = {
    "synchronous_commit": "off",
    "maintenance_work_mem": "256MB",
    "work_mem": "128MB",
    "timezone": "UTC",
}
"""Session settings of a connection that loads."""
# Any pair that nothing else in the database uses: "seda", "load" in ASCII.
_LOCK = (0x73656461, 0x6C6F6164)
_OWNER = "SELECT relowner::regrole::text FROM pg_catalog.pg_class WHERE oid = to_regclass($1)"
# Tables with partitions keep theirs: an index of one belongs to each partition.
_INDEXES = """
    SELECT x.indexrelid::regclass::text AS name, pg_catalog.pg_get_indexdef(x.indexrelid) AS definition
      FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
     WHERE t.oid = ANY ($1::text[]::regclass[]) AND t.relkind = 'r' AND NOT x.indisunique
     ORDER BY 1
"""


async def require_migrated(dsn: str) -> None:
    """Raise CliError NOT_MIGRATED unless every schema is exactly as this version of Seda has it."""
    wrong = [each.schema for each in await status(dsn) if each.pending or each.problems or each.ahead]
    if wrong:
        raise CliError(
            "NOT_MIGRATED",
            f"These schemas are not those of this version of Seda: {', '.join(wrong)}.",
            fix="seda db init && seda migrate deploy",
        )


def database_name(dsn: str) -> str:
    """Return the name of the database that a DSN leads to."""
    return unquote(urlsplit(dsn).path.removeprefix("/"))


def confirm_target(
    console: Console,
    dsn: str,
    consequence: str,
    *,
    real: bool,
    yes: bool,
    no_input: bool,
    database: str | None,
) -> None:
    """Return when it may be written to: `real` databases need --yes with --database, or the name typed in.

    Raises CliError CONFIRMATION_NEEDED, NOT_CONFIRMED or WRONG_DATABASE.
    """
    name = database_name(dsn)
    if database is not None and database != name:
        raise CliError(
            "WRONG_DATABASE",
            f"DATABASE_URL leads to the database {name}, not to {database}. Nothing was changed.",
            exit_code=Exit.UNSAFE,
        )
    if not real and os.environ.get("SEDA_ENV") != "production":
        return
    if yes and database is None:
        raise CliError(
            "CONFIRMATION_NEEDED",
            f"{consequence} --yes alone does not confirm it.",
            fix=f"Name the database as well: --yes --database {name}",
            exit_code=Exit.UNSAFE,
        )
    require_confirmation(console, name, consequence, yes=yes, no_input=no_input)


@asynccontextmanager
async def loading(dsn: str, purpose: str) -> AsyncIterator[asyncpg.Connection]:
    """Connect for a load, one at a time per database. Raises CliError LOCK_BUSY while another one runs."""
    async with connected(dsn, purpose) as connection:
        for name, value in SETTINGS.items():
            await connection.execute(f"SET {name} = '{value}'")
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *_LOCK):
            raise CliError(
                "LOCK_BUSY",
                "Another load of this database is running.",
                fix="Wait for it to end and run this again.",
                retry=True,
                exit_code=Exit.LOCK_BUSY,
            )
        yield connection


@asynccontextmanager
async def as_owner(connection: asyncpg.Connection, table: str) -> AsyncIterator[None]:
    """Run the block as the owner of a table. Inside a transaction: an error ends the role with it."""
    await connection.execute(f"SET LOCAL ROLE {await connection.fetchval(_OWNER, table)}")
    yield
    await connection.execute("RESET ROLE")


@asynccontextmanager
async def deferred_indexes(connection: asyncpg.Connection, *tables: str) -> AsyncIterator[None]:
    """Drop the indexes of tables of one schema that are not unique, and make them again after the block.

    Inside a transaction: it holds the tables until it ends, and an error brings the indexes back.
    """
    async with as_owner(connection, tables[0]):
        found = await connection.fetch(_INDEXES, list(tables))
        for each in found:
            await connection.execute(f"DROP INDEX {each['name']}")
    yield
    async with as_owner(connection, tables[0]):
        for each in found:
            await connection.execute(each["definition"])


async def copy(
    connection: asyncpg.Connection, table: str, columns: Sequence[str], lines: Iterable[str]
) -> None:
    """COPY lines in PostgreSQL's text format, without their line ends, into a table."""

    async def source() -> AsyncIterator[bytes]:
        yield ("\n".join(lines) + "\n").encode()

    schema, name = table.split(".")
    async with as_owner(connection, table):
        await connection.copy_to_table(
            name, source=source(), schema_name=schema, columns=columns, format="text"
        )
