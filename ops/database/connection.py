"""The administrator's DSN, and connections with an application name per purpose."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from ops.data_dir import running_dsn
from ops.env import database_url, secret
from ops.errors import CliError
from servicekit.database_url import read_database_url

_CONNECT_SECONDS = 10.0

# Not every platform has this.
_NOTICE_DEATH = "SET client_connection_check_interval = '2s'"
_CONNECT_ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


def admin_dsn(environ: Mapping[str, str] = os.environ) -> str:
    """Return the administrator's DSN: SEDA_DIRECT_DATABASE_URL, or DATABASE_URL without a pooler.

    Either may come from a file. Without either it is that of the PostgreSQL which a running `seda up` of this folder
    has started. Raises CliError DATABASE_URL_MISSING, DATABASE_URL_INVALID or SETTING_INVALID, none of which shows
    the value.
    """
    direct = secret(environ, "SEDA_DIRECT_DATABASE_URL")
    name = "DATABASE_URL" if direct is None else "SEDA_DIRECT_DATABASE_URL"
    dsn = direct or database_url(environ) or running_dsn(environ)
    return _checked(dsn, name)


def backup_dsn(otherwise: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the DSN to dump with: SEDA_BACKUP_DATABASE_URL or its file, else `otherwise`, else the administrator's."""
    own = secret(environ, "SEDA_BACKUP_DATABASE_URL")
    if own is None:
        return otherwise or admin_dsn(environ)
    return _checked(own, "SEDA_BACKUP_DATABASE_URL")


def _checked(dsn: str | None, name: str) -> str:
    if not dsn:
        raise CliError(
            "DATABASE_URL_MISSING",
            "No database is named.",
            why="DATABASE_URL is not set, and no seda up with its own PostgreSQL runs on this folder.",
            fix="Start one: seda up   Or: export DATABASE_URL=postgresql://user:password@host:5432/database",
        )
    try:
        return read_database_url(dsn)[0]
    except ValueError as error:
        raise CliError(
            "DATABASE_URL_INVALID",
            f"{name} can't be used.",
            why=f"It {error}.",
            fix=f"export {name}=postgresql://user:password@host:5432/database",
        ) from None


def without_password(dsn: str) -> str:
    """Return a DSN without password and query, which may hold a password too."""
    parts = urlsplit(dsn)
    user = f"{parts.username}@" if parts.username else ""
    _, _, place = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, user + place, parts.path, "", ""))


@asynccontextmanager
async def connected(dsn: str, purpose: str, *, role: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """Connect as `application_name` "seda <purpose>", in `role` when one is given, and disconnect at the end.

    Raises CliError DATABASE_UNREACHABLE, with the server's own words but without the password.
    """
    connection = await connect(dsn, purpose, role=role)
    try:
        yield connection
    finally:
        await connection.close()


async def connect(
    dsn: str, purpose: str, *, role: str | None = None, settings: Mapping[str, str] | None = None
) -> asyncpg.Connection:
    """Connect as `connected` does; the caller closes. `settings` are start-up settings such as lock_timeout."""
    startup = {"application_name": f"seda {purpose}", **(settings or {})}
    if role is not None:
        startup["role"] = role
    try:
        return await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS, server_settings=startup)
    except _CONNECT_ERRORS as error:
        raise CliError(
            "DATABASE_UNREACHABLE",
            f"Can't connect to {without_password(dsn)}.",
            why=str(error) or type(error).__name__,
            fix="Check that the server runs, and the user, password and database in DATABASE_URL.",
            retry=isinstance(error, OSError),
        ) from error


async def notice_death(connection: asyncpg.Connection) -> None:
    """Have the server end a statement within 2 s of this process; otherwise it goes on, and keeps its locks."""
    with contextlib.suppress(asyncpg.PostgresError):
        await connection.execute(_NOTICE_DEATH)
