"""`seda db init`: create missing roles, schemas, extensions and limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from ops.database import SERVICES
from ops.database.connection import connected, without_password
from ops.database.roles import ROLES, SHARED, Statement, missing
from ops.errors import CliError

# Roles belong to the whole cluster. Two runs in two databases of one cluster can meet there, which PostgreSQL ends
# with one of these for one of them: it exists by now, or "tuple concurrently updated".
_MET_ANOTHER = (
    asyncpg.DuplicateObjectError,
    asyncpg.DuplicateSchemaError,
    asyncpg.UniqueViolationError,
    asyncpg.InternalServerError,
)
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.05
_LOCK = 0x73656461
_OLDEST_SERVER = 150_000


@dataclass(frozen=True, slots=True)
class InitReport:
    """What `init_database` found and did.

    `executed` are the statements that were run, `needed` those that only an administrator of the server may run:
    when there are any, nothing was changed. `roles` and `schemas` count the services' own schemas and all our roles.
    """

    executed: tuple[str, ...]
    needed: tuple[str, ...]
    warnings: tuple[str, ...]
    roles: int
    schemas: int
    single_role: bool

    @property
    def ready(self) -> bool:
        """Whether migrations can run now."""
        return not self.needed


async def init_database(
    admin_dsn: str, *, single_role: bool = False, logins: Mapping[str, str] | None = None
) -> InitReport:
    """Make the database ready for migrations; a second run finds nothing to do.

    With `single_role` no role is made: the DSN's user owns and runs everything, and nothing but care keeps the
    services apart. A database that was once set up so stays so, without asking for it again. `logins` are the
    passwords of the services' roles, which then log in; elsewhere what a role has stays. Raises CliError
    SERVER_TOO_OLD, ENCODING_UNFIT, TRIGRAMS_UNFIT, TRIGRAMS_MISSING, OWNER_DIFFERS, LOGINS_NEED_ROLES and
    DATABASE_UNREACHABLE.
    """
    async with connected(admin_dsn, "db init") as connection:
        for attempt in range(_ATTEMPTS):
            try:
                return await _attempt(connection, admin_dsn, single_role=single_role, logins=logins or {})
            except _MET_ANOTHER:
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS * (attempt + 1))
    raise AssertionError  # pragma: no cover - the last attempt returns or raises


async def _attempt(
    connection: asyncpg.Connection, dsn: str, *, single_role: bool, logins: Mapping[str, str]
) -> InitReport:
    executed: list[str] = []
    warnings: list[str] = []
    needed: list[Statement] = []
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await _require_fit_server(connection, dsn)
        single_role = await _resolve_owner(connection, single_role=single_role)
        warnings += _single_role_warnings(logins) if single_role else ()
        needed = await missing(connection, single_role=single_role, logins=logins)
        executed = [each.shown for each in needed if await _execute(connection, each, warnings)]
        await _require_trigrams(connection, dsn)
    except asyncpg.FeatureNotSupportedError as error:
        await transaction.rollback()
        raise CliError(
            "TRIGRAMS_MISSING",
            "The server has no extension pg_trgm.",
            why=str(error),
            fix="Install the contrib modules of its PostgreSQL version (on Debian they come with the server).",
        ) from error
    except asyncpg.InsufficientPrivilegeError:
        await transaction.rollback()
        printed = tuple(each.shown for each in needed if each.obstacle != SHARED)
        return _report((), printed, warnings, single_role=single_role)
    except BaseException:
        await transaction.rollback()
        raise
    await transaction.commit()
    return _report(tuple(executed), (), warnings, single_role=single_role)


def _report(
    executed: tuple[str, ...], needed: tuple[str, ...], warnings: list[str], *, single_role: bool
) -> InitReport:
    return InitReport(
        executed=executed,
        needed=needed,
        warnings=tuple(warnings),
        roles=0 if single_role else len(ROLES),
        schemas=len(SERVICES),
        single_role=single_role,
    )


def _single_role_warnings(logins: Mapping[str, str]) -> tuple[str, ...]:
    if logins:
        raise CliError(
            "LOGINS_NEED_ROLES",
            "One role owns and runs everything in this database: there are no services' roles to log in as.",
        )
    return ("One role owns and runs everything: no service is kept from the tables of the others.",)


async def _execute(connection: asyncpg.Connection, statement: Statement, warnings: list[str]) -> bool:
    if statement.obstacle:
        warnings.append(_not_done(statement, statement.obstacle))
        return False
    if not statement.optional:
        await connection.execute(statement.sql)
        return True
    try:
        # A savepoint, so that the refusal of an optional statement does not end the transaction.
        async with connection.transaction():
            await connection.execute(statement.sql)
    except asyncpg.PostgresError as error:
        warnings.append(_not_done(statement, str(error)))
        return False
    return True


def _not_done(statement: Statement, why: str) -> str:
    return f"Not done, and not needed to run: {statement.shown} ({why})"


async def _require_fit_server(connection: asyncpg.Connection, dsn: str) -> None:
    version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
    if version < _OLDEST_SERVER:
        raise CliError(
            "SERVER_TOO_OLD",
            f"{without_password(dsn)} runs PostgreSQL {version // 10_000}.",
            why="Seda's SQL needs version 15 to 18.",
            fix="Use a newer server.",
        )
    encoding = await connection.fetchval("SELECT current_setting('server_encoding')")
    if encoding != "UTF8":
        raise CliError(
            "ENCODING_UNFIT",
            f"The database's encoding is {encoding}.",
            why="Names and messages are in any script, which only UTF8 can store.",
            fix=_recreate(),
        )


async def _resolve_owner(connection: asyncpg.Connection, *, single_role: bool) -> bool:
    """Return whether one role owns everything: as requested, or as the database was set up before."""
    rows = await connection.fetch(
        "SELECT nspname::text AS schema, pg_get_userbyid(nspowner)::text AS owner, current_user::text AS me"
        " FROM pg_catalog.pg_namespace WHERE nspname = ANY ($1::text[])",
        [name for each in SERVICES for name in (each, f"{each}_migrations")],
    )
    if rows and all(owner == me for _, owner, me in rows):
        return True
    for schema, owner, me in rows:
        expected = me if single_role else f"{schema.removesuffix('_migrations')}_owner"
        if owner != expected:
            raise CliError(
                "OWNER_DIFFERS",
                f"Schema {schema} belongs to {owner}, not to {expected}.",
                why="The database was set up in another way, and its tables belong to other roles.",
                fix="Run it without --single-role." if single_role else f"Run it as {owner}.",
            )
    return single_role


async def _require_trigrams(connection: asyncpg.Connection, dsn: str) -> None:
    # In a database of the locale C only ASCII letters count as letters, and a search would find nothing else.
    found = await connection.fetchval("SELECT extensions.show_trgm('ж') <> '{}'")
    if not found:
        raise CliError(
            "TRIGRAMS_UNFIT",
            f"In {without_password(dsn)} only ASCII letters count as letters.",
            why="Its locale is C or POSIX, so that names in other scripts could not be searched.",
            fix=_recreate(),
        )


def _recreate() -> str:
    return "CREATE DATABASE seda TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'; then name it in DATABASE_URL."
