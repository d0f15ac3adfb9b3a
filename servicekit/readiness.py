"""Readiness of a process with a database: reachable, compatible, and migrated as this build requires.

The probe has a separate connection, so that a busy pool does not count as an unavailable database.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg
import structlog

from servicekit.health import HealthRegistry
from servicekit.privileges import excessive_privileges
from servicekit.settings import Environment, ServiceSettings, SettingsError

_log = structlog.get_logger("readiness")
INTERVAL = 1.0
TIMEOUT = 1.0
_MAX_FAILURES = 2
_READ_ONLY = "current_setting('transaction_read_only')::bool"
RECONNECT_PROBES = 10
"""After so many probes the connection is a new one: a changed password must not go unnoticed."""
_RECREATE = "; recreate it: CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"


class _AppliedRow(NamedTuple):
    """An applied revision, and whether the session takes no writes."""

    revision: str
    compatible_from: str
    read_only: bool


class DatabaseProbe:
    """Sets the readiness from the state of the database; down after two failed probes in a row."""

    def __init__(self, settings: ServiceSettings, health: HealthRegistry, schema_head: str) -> None:
        self._settings = settings
        self._health = health
        self._head = schema_head
        self._connection: asyncpg.Connection[Any] | None = None
        self._failures = 0
        self._probes_left = 0
        self.probe_task: asyncio.Task[None] | None = None
        self._last_reason = ""
        self._checked = False
        self._privilege_problem = ""
        self._durability_logged = False
        self._newest = ""

    async def start(self) -> None:
        """Probe once, then every second in `probe_task`.

        Both raise SettingsError in production once the session turns out to have excessive privileges.
        """
        for name in self._settings.ignored_database_parameters:
            _log.info("database_url_parameter_ignored", name=name)
        await self._probe()
        self.probe_task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop probing."""
        if self.probe_task is not None:
            self.probe_task.cancel()
            await asyncio.wait([self.probe_task])
        self._drop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await self._probe()

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                event, reason = "db_incompatible", await self._check()
            self._failures = 0
        except Exception as error:  # noqa: BLE001 - an ended probe would freeze the readiness
            self._drop()
            event, reason = "db_probe_failed", f"database unreachable ({type(error).__name__})"
            self._failures += 1
        if reason and reason != self._last_reason:
            _log.warning(event, reason=reason)
        self._last_reason = reason
        if self._failures not in range(1, _MAX_FAILURES):
            self._health.set_ready(not reason, reason)
        if self._refused:
            raise SettingsError(
                [f"SEDA_{self._settings.process.upper()}_DATABASE_URL: {self._privilege_problem}"]
            )

    @property
    def _refused(self) -> bool:
        return bool(self._privilege_problem) and self._settings.env is Environment.PRODUCTION

    async def _check(self) -> str:
        """The reason why the database can't be used; empty when it can."""
        connection = await self._connect()
        if not self._checked:
            privilege_problem = await excessive_privileges(connection, self._settings.process)
            problem = await _text_problem(connection) or await self._durability_problem(connection)
            if privilege_problem and not self._privilege_problem:
                _log.warning("db_role_has_excessive_privileges", reason=privilege_problem)
            self._privilege_problem = privilege_problem
            if problem:
                return problem
            self._checked = True
        if self._refused:
            return self._privilege_problem
        applied = await self._applied(connection)
        if applied and applied[-1].read_only:
            # Another server may be the primary now, which only a new connection finds.
            self._drop()
            return "the database takes no writes: it is a standby, or default_transaction_read_only is on"
        problem = schema_incompatibility(
            self._head, [(each.revision, each.compatible_from) for each in applied]
        )
        if not problem:
            self._log_schema_ahead(applied[-1].revision, applied[-1].compatible_from)
        return problem

    async def _connect(self) -> asyncpg.Connection[Any]:
        """The connection; a new one when it is closed or has served RECONNECT_PROBES probes."""
        current = None if self._connection is None or self._connection.is_closed() else self._connection
        self._probes_left -= 1
        if current is not None and self._probes_left > 0:
            return current
        arguments = self._settings.pool_options().connect_arguments()
        try:
            connection: asyncpg.Connection[Any] = await asyncpg.connect(self._settings.dsn, **arguments)
        except asyncpg.TooManyConnectionsError:
            # A full server says nothing about the login.
            if current is not None:
                return current
            raise
        self._drop()
        self._connection, self._probes_left, self._checked = connection, RECONNECT_PROBES, False
        return connection

    async def _durability_problem(self, connection: asyncpg.Connection[Any]) -> str:
        """The reason why acknowledged writes could be lost; empty, and logged once, where each session prevents it."""
        if (
            await connection.fetchval("SELECT /* database_check */ current_setting('synchronous_commit')")
            != "off"
        ):
            return ""
        if self._settings.pool_options().pooled:
            return (
                "synchronous_commit is off, which no session can change behind a pooler; set it for the role"
            )
        if not self._durability_logged:
            self._durability_logged = True
            _log.warning(
                "db_synchronous_commit_off", reason="synchronous_commit is off; this service turns it on"
            )
        return ""

    def _log_schema_ahead(self, newest: str, oldest: str) -> None:
        """Log once that the schema is newer than this build, as during a rolling deployment."""
        if newest not in (self._head, self._newest):
            reason = f"revision {newest} works with code from {oldest} on, this build is of {self._head}"
            _log.info("schema_ahead", reason=reason)
        self._newest = newest

    async def _applied(self, connection: asyncpg.Connection[Any]) -> Sequence[_AppliedRow]:
        schema = self._settings.process
        try:
            rows = await connection.fetch(
                f"SELECT /* readiness */ revision, compatible_from, {_READ_ONLY}"  # noqa: S608 - constant names
                f" FROM {schema}_migrations.applied ORDER BY applied_at, revision"
            )
        except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
            return ()
        return [_AppliedRow(*row) for row in rows]

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.terminate()
        self._connection = None


def schema_incompatibility(wanted: str, applied: Sequence[tuple[str, str]]) -> str:
    """The reason why a build can't work on the applied revisions; empty when it can. `wanted` is its newest revision.

    `applied` are (revision, compatible_from) in order of application. The build works when its head is
    applied and is not older than the newest row's compatible_from, so a newer database is fine. Revisions
    sort as text, including unknown ones.
    """
    if wanted not in {revision for revision, _ in applied}:
        return f"revision {wanted} is not applied; run: seda migrate deploy"
    oldest = applied[-1][1]
    if oldest > wanted:
        return f"the database needs code from revision {oldest} on, this build is of {wanted}"
    return ""


async def _text_problem(connection: asyncpg.Connection[Any]) -> str:
    """The reason why the database can't store or search texts; empty when it can."""
    encoding = await connection.fetchval("SELECT /* database_check */ current_setting('server_encoding')")
    if encoding != "UTF8":
        return f"the database's encoding is {encoding}, not UTF8{_RECREATE}"
    return await _trigram_problem(connection)


async def _trigram_problem(connection: asyncpg.Connection[Any]) -> str:
    # With the locale C, pg_trgm ignores all but ASCII letters, and a search finds no others.
    try:
        has_trigrams = await connection.fetchval(
            "SELECT /* database_check */ extensions.show_trgm('ж') <> '{}'"
        )
    except (
        asyncpg.InvalidSchemaNameError,
        asyncpg.UndefinedFunctionError,
        asyncpg.InsufficientPrivilegeError,
    ):
        return "pg_trgm can't be used in schema extensions; run: seda db init"
    return "" if has_trigrams else f"pg_trgm handles ASCII letters only in this database's locale{_RECREATE}"
