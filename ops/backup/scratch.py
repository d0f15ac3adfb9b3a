"""Databases made for a restoration: created, dropped, renamed into place."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from ops.backup.manifest import Locale
from ops.console import Console
from ops.database.roles import quoted
from ops.database.snapshots import beside, without_clients
from ops.errors import CliError

PREFIX = "seda_restoring_"
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_NAMES = {"i": "ICU_LOCALE", "b": "BUILTIN_LOCALE"}
_LONGEST_NAME = 63
_LOCK, _TRY_LOCK, _UNLOCK = (
    f"SELECT pg_{each}(hashtextextended($1, 0))"
    for each in ("advisory_lock", "try_advisory_lock", "advisory_unlock")
)
_UNUSED = """
SELECT d.datname::text FROM pg_catalog.pg_database AS d WHERE starts_with(d.datname::text, $1)
AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.datid = d.oid) ORDER BY 1
"""
_SETTINGS = """
SELECT unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting AS s
JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase WHERE d.datname = $1 AND s.setrole = 0
"""


async def database_exists(dsn: str, name: str) -> bool:
    """Return whether the server has a database of this name."""
    async with beside(dsn) as connection:
        return bool(
            await connection.fetchval("SELECT true FROM pg_catalog.pg_database WHERE datname = $1", name)
        )


@asynccontextmanager
async def scratch_database(dsn: str, locale: Locale, console: Console) -> AsyncIterator[str]:
    """Make an empty database and yield its name; drop it at the end, unless it was renamed meanwhile.

    Those of runs that were killed are dropped first.
    """
    name = f"{PREFIX}{secrets.token_hex(4)}"
    async with beside(dsn) as owner:
        # The lock ends with this process, however it ends: what nobody has locked is nobody's.
        await owner.execute(_LOCK, name)
        await _drop_abandoned(owner, console)
        await _create(owner, name, locale, console)
        try:
            yield name
        finally:
            # The owner's session, idle for as long as the restoration took, may be gone.
            async with beside(dsn) as connection:
                await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def put_in_place(dsn: str, scratch: str, name: str, *, old_name: str | None = None) -> None:
    """Rename `scratch` to `name`, and what has this name to `old_name` in the same transaction.

    Sessions in the old one are ended; new ones wait for the commit. Raises CliError DATABASE_BUSY, and changes nothing.
    """
    async with beside(dsn) as connection:
        if old_name is None:
            await _rename(connection, scratch, name)
            return
        await _copy_settings(connection, name, scratch)
        await without_clients(dsn, name, lambda: _swap(connection, scratch, name, old_name))


def valid_name(name: str) -> bool:
    """Return whether PostgreSQL keeps a name as it is."""
    return 0 < len(name.encode()) <= _LONGEST_NAME and name.isprintable()


async def _create(connection: asyncpg.Connection, name: str, locale: Locale, console: Console) -> None:
    statement = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"
    wanted = f" LC_COLLATE {_literal(locale.collate)} LC_CTYPE {_literal(locale.ctype)}"
    wanted += f" LOCALE_PROVIDER {_PROVIDERS[locale.provider]}"
    if locale.name is not None:
        wanted += f" {_NAMES[locale.provider]} {_literal(locale.name)}"
    try:
        await connection.execute(statement + wanted)
    except asyncpg.InsufficientPrivilegeError as error:
        raise CliError(
            "ADMINISTRATOR_NEEDED",
            "The user in DATABASE_URL may not create a database.",
            why=str(error),
            fix="An administrator runs: ALTER ROLE ... CREATEDB",
        ) from error
    except asyncpg.PostgresError as error:
        # Another system has other locales; the data don't depend on it.
        console.message(f"The server's own locale is used: {error}.", "yellow")
        await connection.execute(statement)


async def _drop_abandoned(connection: asyncpg.Connection, console: Console) -> None:
    for (name,) in await connection.fetch(_UNUSED, PREFIX):
        if not await connection.fetchval(_TRY_LOCK, name):
            continue
        try:
            # Without FORCE: a session that came meanwhile keeps it.
            await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)}")
            console.message(f"Dropped {name}, which a restoration that was killed had left.")
        except (asyncpg.ObjectInUseError, asyncpg.InsufficientPrivilegeError) as error:
            console.message(f"{name} was left by a restoration that was killed: {error}.", "yellow")
        finally:
            await connection.execute(_UNLOCK, name)


async def _swap(connection: asyncpg.Connection, scratch: str, name: str, old_name: str) -> None:
    async with connection.transaction():
        await _rename(connection, name, old_name)
        await _rename(connection, scratch, name)


async def _rename(connection: asyncpg.Connection, name: str, new_name: str) -> None:
    await connection.execute(f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(new_name)}")


async def _copy_settings(connection: asyncpg.Connection, name: str, target: str) -> None:
    for (setting,) in await connection.fetch(_SETTINGS, name):
        key, _, value = setting.partition("=")
        await connection.execute(f"ALTER DATABASE {target} SET {quoted(key)} = {_literal(value)}")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
