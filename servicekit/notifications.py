"""LISTEN and NOTIFY on a connection of its own, which is opened again whenever it is lost.

Never through the pool or a transaction pooler: a listener needs its session. Notifications that are sent while the
connection is down are lost, so `on_connect` tells each new one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import asyncpg
import structlog

from servicekit import sql_errors
from servicekit.database import PoolOptions
from servicekit.tcp_keepalive import limit_silence

_log = structlog.get_logger("notifications")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_SEND_TIMEOUT = 2.0
_ERRORS = (*sql_errors.CONNECT_ERRORS, *sql_errors.DRIVER_ERRORS)


async def keep_connected(
    listen: Callable[[], Awaitable[None]], errors: tuple[type[Exception], ...]
) -> NoReturn:
    """Call `listen` again whenever it returns or raises one of `errors`, after pauses of 0.2 to 5 seconds."""
    pause = _FIRST_PAUSE
    while True:
        try:
            await listen()
            pause = _FIRST_PAUSE
        except errors as error:
            _log.warning("listen_failed", error=type(error).__name__)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


class PostgresNotifications:
    """One channel of NOTIFY. `on_payload` gets each payload, of this process too."""

    def __init__(self, dsn: str, options: PoolOptions, channel: str) -> None:
        self._dsn = dsn
        self._options = options
        self._channel = channel
        self._connection: asyncpg.Connection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self.on_payload: Callable[[str], None] = lambda _: None
        self.on_connect: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Start connecting in the background."""
        self._task = asyncio.create_task(keep_connected(self._listen, _ERRORS))

    async def stop(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def send(self, payload: str) -> None:
        """Notify all listeners; without a connection the payload is lost."""
        connection = self._connection
        if connection is None:
            return
        try:
            await connection.execute(
                "SELECT pg_notify($1, $2)", self._channel, payload, timeout=_SEND_TIMEOUT
            )
        except _ERRORS:
            connection.terminate()

    async def _listen(self) -> None:
        """Listen until the connection is lost."""
        connection = await asyncpg.connect(self._dsn, **self._options.connect_arguments())
        lost = asyncio.Event()
        try:
            limit_silence(connection)
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._channel, lambda *event: self.on_payload(str(event[3])))
            self._connection = connection
            # After LISTEN: what was sent before is lost, what is sent now arrives.
            self.on_connect()
            await lost.wait()
            _log.warning("listener_lost")
        finally:
            self._connection = None
            with contextlib.suppress(*_ERRORS):
                connection.terminate()
