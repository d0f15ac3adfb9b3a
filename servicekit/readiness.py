"""Readiness of a process with a database: reachable, fit for it, and migrated to what this build needs.

A connection of its own looks every second, so that a busy pool does not look like a dead database.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import asyncpg
import structlog

from servicekit.health import HealthRegistry
from servicekit.settings import Environment, ServiceSettings, SettingsError

_log = structlog.get_logger("readiness")
INTERVAL = 1.0
TIMEOUT = 1.0
_MISSES = 2
_RECREATE = "; make it anew: CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
_FACTS = """
SELECT /* fitness */
  current_user::text AS name,
  current_setting('server_encoding') AS encoding,
  (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS superuser,
  EXISTS (
    SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ($1::text, $1::text || '_migrations') AND pg_has_role(c.relowner, 'MEMBER')
  ) AS owner
"""


class DatabaseProbe:
    """Sets the readiness from what the database says; down after two misses in a row."""

    def __init__(self, settings: ServiceSettings, health: HealthRegistry, schema_head: str) -> None:
        self._settings = settings
        self._health = health
        self._head = schema_head
        self._connection: asyncpg.Connection[Any] | None = None
        self._misses = 0
        self.probe_task: asyncio.Task[None] | None = None
        self._said = ""
        self._examined = False
        self._excess = ""
        self._newest = ""

    async def start(self) -> None:
        """Look once, then every second in the background: in `probe_task`.

        Both raise SettingsError in production when the database user may more than a service should, which
        is seen once PostgreSQL can be asked.
        """
        await self._look()
        self.probe_task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        if self.probe_task is not None:
            self.probe_task.cancel()
            await asyncio.wait([self.probe_task])
        self._drop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await self._look()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                event, why = "db_incompatible", await self._unfit()
            self._misses = 0
        except Exception as error:  # noqa: BLE001 - a probe that ended would leave readiness as it is for good
            self._drop()
            event, why = "db_probe_failed", f"database unreachable ({type(error).__name__})"
            self._misses += 1
        if why and why != self._said:
            _log.warning(event, reason=why)
        self._said = why
        if self._misses not in range(1, _MISSES):
            self._health.set_ready(not why, why)
        if self._refused:
            raise SettingsError([f"SEDA_{self._settings.process.upper()}_DATABASE_URL: {self._excess}"])

    @property
    def _refused(self) -> bool:
        return bool(self._excess) and self._settings.env is Environment.PRODUCTION

    async def _unfit(self) -> str:
        """Why the database can't be used now; empty when it can."""
        if self._connection is None or self._connection.is_closed():
            arguments = self._settings.pool_options().connect_arguments()
            self._connection = await asyncpg.connect(self._settings.dsn, **arguments)
            self._examined = False
        if not self._examined:
            excess, unfit = await _examine(self._connection, self._settings.process)
            if excess and not self._excess:
                _log.warning("db_role_has_excessive_privileges", reason=excess)
            self._excess = excess
            if unfit:
                return unfit
            self._examined = True
        if self._refused:
            return self._excess
        applied = await self._applied(self._connection)
        unfit = schema_incompatibility(self._head, applied)
        if not unfit:
            self._say_if_newer(*applied[-1])
        return unfit

    def _say_if_newer(self, newest: str, oldest: str) -> None:
        """Say once of each newer database that this build works on it, as in the middle of a rolling deployment."""
        if newest not in (self._head, self._newest):
            why = f"revision {newest} works with code from {oldest} on, this build is of {self._head}"
            _log.info("schema_ahead", reason=why)
        self._newest = newest

    async def _applied(self, connection: asyncpg.Connection[Any]) -> Sequence[tuple[str, str]]:
        slice_name = self._settings.process
        try:
            return await connection.fetch(
                f"SELECT /* readiness */ revision, compatible_from FROM {slice_name}_migrations.applied"  # noqa: S608 - a slice's name is ours
                " ORDER BY applied_at, revision"
            )
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            return ()

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.terminate()
        self._connection = None


def schema_incompatibility(wanted: str, applied: Sequence[tuple[str, str]]) -> str:
    """Why a build whose newest revision is `wanted` can't work on what is applied; empty when it can.

    `applied` are (revision, compatible_from) in order of application. The build works when its head is
    applied and is not older than the newest row's compatible_from, so a newer database is fine. Revisions
    sort as text, those too that this database never saw.
    """
    if wanted not in {revision for revision, _ in applied}:
        return f"revision {wanted} is not applied; run: seda migrate deploy"
    oldest = applied[-1][1]
    if oldest > wanted:
        return f"the database needs code from revision {oldest} on, this build is of {wanted}"
    return ""


async def _examine(connection: asyncpg.Connection[Any], slice_name: str) -> tuple[str, str]:
    """What the service's user may do that a service should not, and why the database can't be used.

    Each is empty when there is nothing to say.
    """
    facts = await connection.fetchrow(_FACTS, slice_name)
    assert facts is not None  # noqa: S101 - a SELECT without FROM has exactly one row
    excess = ""
    if facts["superuser"] or facts["owner"]:
        owns = f"owns the tables of {slice_name}, or may act as who does"
        power = "is a superuser" if facts["superuser"] else owns
        excess = f"the database user {facts['name']} {power}; let {slice_name} log in as {slice_name}_app"
    if facts["encoding"] != "UTF8":
        return excess, f"the database's encoding is {facts['encoding']}, not UTF8{_RECREATE}"
    return excess, await _trigrams(connection)


async def _trigrams(connection: asyncpg.Connection[Any]) -> str:
    # In a database of the locale C only ASCII letters are letters, and a search would find no others.
    try:
        known = await connection.fetchval("SELECT /* fitness */ extensions.show_trgm('ж') <> '{}'")
    except (
        asyncpg.InvalidSchemaNameError,
        asyncpg.UndefinedFunctionError,
        asyncpg.InsufficientPrivilegeError,
    ):
        return "pg_trgm can't be used in schema extensions; run: seda db init"
    return "" if known else f"trigrams know ASCII letters alone in this database's locale{_RECREATE}"
