"""Connections between two sessions: the next one takes them over without the work of asyncpg's pool.

That work is a task, two futures and a proxy for each session, as much as a small statement costs otherwise. A connection
in use again and again stays out of the pool; one that is idle for a second goes back to it, as does one that is a minute
old here, expired or broken. So the pool goes on replacing and closing connections by its own rules.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import asyncpg

from servicekit import sql_errors
from servicekit.errors import DatabaseUnavailableError

IDLE_SECONDS = 1.0
"""How long a connection stays here without use."""
MAX_SECONDS = 60.0
"""How long a connection stays out of the pool at most, if it is not in use just then."""


@dataclass(slots=True, eq=False)
class Lease:
    """A connection that is out of the pool since `began`, and here since `idle_since`, on the monotonic clock."""

    connection: Any
    generation: int
    began: float
    idle_since: float = 0.0


class ConnectionCache:
    """In front of a pool. `timeout`, in seconds, bounds a connect, and the return of a connection to the pool."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout
        self._generation = 0
        self._closing = False
        # The one put back last is at the end, and is taken first: the others can become idle.
        self._idle: deque[Lease] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()

    def take(self) -> Lease | None:
        """Return a connection that is here, if any."""
        while self._idle:
            lease = self._idle.pop()
            # The pool itself has taken back one that was lost meanwhile.
            if _is_open(lease.connection):
                return lease
        return None

    async def acquire(self) -> Lease:
        """Return a connection of the pool; raises DatabaseUnavailableError."""
        # Of before: the pool may hand out one that expires meanwhile.
        generation = self._generation
        try:
            connection = await self._pool.acquire(timeout=self._timeout)
        except sql_errors.CONNECT_ERRORS as error:
            raise DatabaseUnavailableError from error
        return Lease(connection, generation, time.monotonic())

    def keep(self, lease: Lease) -> bool:
        """Put a connection back here; False if it has to go back to the pool."""
        now = time.monotonic()
        is_current = lease.generation == self._generation and now - lease.began < MAX_SECONDS
        if self._closing or not is_current or not _is_open(lease.connection):
            return False
        lease.idle_since = now
        self._idle.append(lease)
        if self._timer is None:
            self._schedule()
        return True

    async def release(self, lease: Lease) -> None:
        """Give a connection back to the pool."""
        await self._pool.release(lease.connection)

    async def expire(self) -> None:
        """Have all connections of now closed: those here at once, the others after their session."""
        self._generation += 1
        await self._pool.expire_connections()
        self._return(time.monotonic())

    async def close(self) -> None:
        """Close the pool once no session uses it, or when this is cancelled."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._return(time.monotonic())
        try:
            await self._pool.close()
        except asyncio.CancelledError:
            self._pool.terminate()
            raise

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._look)

    def _look(self) -> None:
        self._timer = None
        self._return(time.monotonic() - IDLE_SECONDS)
        if self._idle:
            self._schedule()

    def _return(self, until: float) -> None:
        """Give those back to the pool that are idle since `until` or longer."""
        while self._idle and self._idle[0].idle_since <= until:
            task = asyncio.create_task(self.release(self._idle.popleft()))
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)


def _is_open(connection: Any) -> bool:  # noqa: ANN401 - the pool's proxy
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        # Its proxy is cut off.
        return False
