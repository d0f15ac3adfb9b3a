"""A scratch database on the same server: set up like the live one, used once, and dropped."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from ops.database.connection import connected
from ops.database.roles import quoted
from ops.errors import CliError, Exit

_PREFIX = "seda_scratch_"
_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
_LOCALE = """
SELECT datlocprovider::text AS provider, datcollate AS collate, datctype AS ctype,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') AS locale
FROM pg_catalog.pg_database AS d WHERE datname = current_database()
"""
# A user of a scratch database keeps a connection to the live one, named after it.
_ABANDONED = f"""
SELECT datname::text FROM pg_catalog.pg_database AS d
WHERE datname LIKE '{_PREFIX}%' AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.application_name = 'seda ' || d.datname)
"""


@asynccontextmanager
async def scratch_database(admin_dsn: str) -> AsyncIterator[str]:
    """Make an empty database with the live one's encoding and locale, yield its DSN, and drop it at the end.

    Those of earlier runs that were killed are dropped too. Raises CliError SCRATCH_REFUSED when the user may not
    make databases.
    """
    name = f"{_PREFIX}{secrets.token_hex(6)}"
    async with connected(admin_dsn, name) as connection:
        for abandoned in await connection.fetch(_ABANDONED):
            await _drop(connection, abandoned["datname"])
        try:
            await connection.execute(f"CREATE DATABASE {name} {await _options(connection)}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise CliError(
                "SCRATCH_REFUSED",
                "The user in DATABASE_URL may not make databases.",
                why="This needs a scratch database on the same server, which is dropped at the end.",
                fix=f"As an administrator of the server: ALTER ROLE {urlsplit(admin_dsn).username} CREATEDB",
                exit_code=Exit.ACTION_NEEDED,
            ) from error
        try:
            yield _on_database(admin_dsn, name)
        finally:
            await _drop(connection, name)


async def _options(connection: asyncpg.Connection) -> str:
    locale = await connection.fetchrow(_LOCALE)
    assert locale is not None  # noqa: S101 - the current database exists
    provider = _PROVIDERS.get(locale["provider"], "libc")
    options = f"TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER {provider}"
    options += f" LC_COLLATE '{locale['collate']}' LC_CTYPE '{locale['ctype']}'"
    if provider != "libc":
        options += f" {provider.upper()}_LOCALE '{locale['locale']}'"
    return options


async def _drop(connection: asyncpg.Connection, name: str) -> None:
    await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


def _on_database(dsn: str, name: str) -> str:
    parts = urlsplit(dsn)
    return urlunsplit((parts.scheme, parts.netloc, f"/{quote(name)}", parts.query, parts.fragment))
