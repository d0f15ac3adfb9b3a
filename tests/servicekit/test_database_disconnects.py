"""A server that says its last word on an idle connection, whose end is late."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from servicekit.database import Database, PoolOptions
from servicekit.errors import DatabaseUnavailableError
from servicekit.sql import Query
from servicekit.tcp_keepalive import IDLE_SECONDS, USER_TIMEOUT_MS
from tests import postgres


class OneRow(NamedTuple):
    one: int


ONE = Query[OneRow]("test.one", "SELECT 1 AS one")
_FIELDS = (
    b"SFATAL",
    b"VFATAL",
    b"C57P02",
    b"Mterminating connection because of crash of another server process",
)
_LEAVE = b"\0".join((*_FIELDS, b"\0"))


class Proxy:
    """Passes connections on to PostgreSQL until it speaks in its place."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._clients.append(writer)
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._tasks += [
            asyncio.create_task(_pass_on(reader, upstream_writer)),
            asyncio.create_task(_pass_on(upstream_reader, writer)),
        ]

    async def take_leave(self) -> None:
        """Send on every connection what a server sends that will close it, and don't close it."""
        for writer in self._clients:
            writer.write(b"E" + struct.pack("!I", len(_LEAVE) + 4) + _LEAVE)
            await writer.drain()
        self._clients.clear()
        # The other end is of this very event loop: it reads as soon as it has its turn.
        for _ in range(5):
            await asyncio.sleep(0)

    async def close(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()


@pytest.fixture
async def proxy(database: postgres.Database) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy in front of the run's server, and the DSN that leads through it."""
    made = Proxy(database.server.port)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield made, database.app_dsn("users").replace(f":{database.server.port}/", f":{port}/")
    listening.close()
    await made.close()


async def test_an_idle_connection_that_the_server_left_is_unavailable_once(proxy: tuple[Proxy, str]) -> None:
    server, dsn = proxy
    opened = Database(dsn, PoolOptions("test", min_size=1, max_size=1))
    await opened.open()
    try:
        for use in (_statement, _transaction):
            assert await use(opened) == OneRow(1)
            await server.take_leave()
            with pytest.raises(DatabaseUnavailableError):
                await use(opened)
            # The connection is not used again, though nobody has closed it.
            assert await use(opened) == OneRow(1)
    finally:
        await opened.close()


async def _statement(opened: Database) -> OneRow | None:
    return await opened.row(ONE)


async def _transaction(opened: Database) -> OneRow | None:
    async with opened.transaction() as session:
        return await session.row(ONE)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has this option")
async def test_the_system_ends_connections_whose_server_is_silent(database: postgres.Database) -> None:
    """Asyncpg does not ask it to, and a host that is cut off does not tell."""
    pool = Database(database.admin_dsn, PoolOptions("test"))
    await pool.open()
    async with pool.session() as session:
        its_socket = session._connection._transport.get_extra_info("socket")
        with socket.socket(fileno=os.dup(its_socket.fileno())) as same:
            assert same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == IDLE_SECONDS
            assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS
        # It is as good as before.
        assert (await session.one(ONE)).one == 1
    await pool.close()
