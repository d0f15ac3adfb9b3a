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

from servicekit.fitness import examine
from servicekit.health import HealthBoard
from servicekit.settings import Environment, ServiceSettings, SettingsError

_log = structlog.get_logger("readiness")
INTERVAL = 1.0
TIMEOUT = 1.0
_MISSES = 2


class DatabaseProbe:
    """Sets the board's readiness from what the database says; down after two misses in a row."""

    def __init__(self, settings: ServiceSettings, board: HealthBoard, schema_head: str) -> None:
        self._settings = settings
        self._board = board
        self._head = schema_head
        self._connection: asyncpg.Connection[Any] | None = None
        self._misses = 0
        self.looking: asyncio.Task[None] | None = None
        self._said = ""
        self._examined = False
        self._excess = ""
        self._newest = ""

    async def start(self) -> None:
        """Look once, then every second in the background: in `looking`.

        Both raise SettingsError in production when the database user may more than a service should, which
        is seen once PostgreSQL can be asked.
        """
        await self._look()
        self.looking = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking."""
        if self.looking is not None:
            self.looking.cancel()
            await asyncio.wait([self.looking])
        self._drop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            await self._look()

    async def _look(self) -> None:
        await self._judge()
        if self._refused:
            raise SettingsError([f"SEDA_{self._settings.process.upper()}_DATABASE_URL: {self._excess}"])

    async def _judge(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                unfit = await self._unfit()
        except Exception as error:  # noqa: BLE001 - a probe that ended would leave readiness as it is for good
            self._drop()
            self._missed(f"database unreachable ({type(error).__name__})")
            return
        self._misses = 0
        if unfit and unfit != self._said:
            _log.warning("the database does not fit", why=unfit)
        self._said = unfit
        self._board.ready(not unfit, unfit)

    def _missed(self, why: str) -> None:
        if why != self._said:
            _log.warning("the database can't be asked", why=why)
        self._said = why
        self._misses += 1
        if self._misses >= _MISSES:
            self._board.ready(ready=False, why=why)

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
            excess, unfit = await examine(self._connection, self._settings.process)
            if excess and not self._excess:
                _log.warning("the database user may too much", why=excess)
            self._excess = excess
            if unfit:
                return unfit
            self._examined = True
        if self._refused:
            return self._excess
        applied = await self._applied(self._connection)
        unfit = misfit(self._head, applied)
        if not unfit:
            self._say_if_newer(*applied[-1])
        return unfit

    def _say_if_newer(self, newest: str, oldest: str) -> None:
        """Say once of each newer database that this build works on it, as in the middle of a rolling deployment."""
        if newest not in (self._head, self._newest):
            why = f"revision {newest} works with code from {oldest} on, this build is of {self._head}"
            _log.info("the database is newer than this build", why=why)
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


def misfit(wanted: str, applied: Sequence[tuple[str, str]]) -> str:
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
