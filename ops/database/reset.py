"""`seda migrate reset`: drop the services' schemas of a development database and migrate them again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from migrations.heads import FOLDER
from ops.database import SERVICES
from ops.database.connection import connected, without_password
from ops.database.init import init_database
from ops.database.lock import migration_lock
from ops.database.migrate import LOCK_WAIT_SECONDS, DeployResult, deploy
from ops.database.roles import quoted
from ops.errors import CliError, Exit

_DEVELOPMENT = "development"
_LOCAL = {"127.0.0.1", "::1", "localhost", None}
_SCHEMAS = """
SELECT n.nspname::text AS schema, pg_get_userbyid(n.nspowner)::text AS owner, count(c.oid) AS tables,
       coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint AS rows
FROM pg_catalog.pg_namespace AS n
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
WHERE n.nspname = ANY ($1::text[]) GROUP BY 1, 2 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Doomed:
    """A schema that a reset drops. `rows` is the planner's estimate."""

    schema: str
    owner: str
    tables: int
    rows: int


@dataclass(frozen=True, slots=True)
class ResetPlan:
    """The database that a reset is about, and what it drops there."""

    database: str
    schemas: tuple[Doomed, ...]


def require_development(admin_dsn: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raise CliError NOT_DEVELOPMENT unless SEDA_ENV is development, or is not set and the database is local."""
    named = environ.get("SEDA_ENV")
    if named == _DEVELOPMENT or (named is None and urlsplit(admin_dsn).hostname in _LOCAL):
        return
    raise CliError(
        "NOT_DEVELOPMENT",
        f"{without_password(admin_dsn)} is no development database.",
        why=f"SEDA_ENV is {named}."
        if named
        else "SEDA_ENV is not set, and the database is on another machine.",
        fix="If it is one: export SEDA_ENV=development",
        exit_code=Exit.UNSAFE,
    )


async def read_reset(admin_dsn: str) -> ResetPlan:
    """Return what a reset would drop. Changes nothing."""
    async with connected(admin_dsn, "migrate reset") as connection:
        return await _read(connection)


async def reset(admin_dsn: str, *, folder: Path = FOLDER) -> tuple[DeployResult, ...]:
    """Drop the services' schemas with everything in them, then set the database up and migrate it.

    Raises CliError NOT_DEVELOPMENT, LOCK_BUSY and what db init and a deployment do.
    """
    require_development(admin_dsn)
    async with (
        migration_lock(admin_dsn, LOCK_WAIT_SECONDS),
        connected(admin_dsn, "migrate reset") as connection,
        connection.transaction(),
    ):
        doomed = (await _read(connection)).schemas
        for each in doomed:
            await connection.execute(f"SET LOCAL ROLE {quoted(each.owner)}")
            await connection.execute(f"DROP SCHEMA {each.schema} CASCADE")
    single_role = bool(doomed) and not any(each.owner.endswith("_owner") for each in doomed)
    await init_database(admin_dsn, single_role=single_role)
    return await deploy(admin_dsn, folder=folder)


async def _read(connection: asyncpg.Connection) -> ResetPlan:
    names = [name for each in SERVICES for name in (each, f"{each}_migrations")]
    rows = await connection.fetch(_SCHEMAS, names)
    database = await connection.fetchval("SELECT current_database()::text")
    return ResetPlan(database, tuple(Doomed(*row) for row in rows))
