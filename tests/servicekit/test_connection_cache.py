"""Connections between two sessions: taken over at once, and given back to the pool when they should be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import pytest

from servicekit import connection_cache
from servicekit.connection_cache import MAX_SECONDS, ConnectionCache
from servicekit.database import Connection


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of asyncpg's, of at most two connections."""
    made = await asyncpg.create_pool(dsn, min_size=0, max_size=2, connection_class=Connection)
    yield made
    made.terminate()


@pytest.fixture
def cache(pool: asyncpg.Pool) -> ConnectionCache:
    """In front of the pool."""
    return ConnectionCache(pool, 5.0)


async def until_idle(pool: asyncpg.Pool, count: int) -> None:
    async with asyncio.timeout(10):
        while pool.get_idle_size() != count:
            # The pool tells nobody.
            await asyncio.sleep(0.005)


async def test_the_connection_put_back_last_is_taken_first(cache: ConnectionCache) -> None:
    first, second = await cache.acquire(), await cache.acquire()
    assert cache.keep(first)
    assert cache.keep(second)
    assert cache.take() is second
    assert cache.take() is first
    assert cache.take() is None


async def test_a_connection_that_is_not_used_for_a_while_goes_back_to_the_pool(
    cache: ConnectionCache, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_cache, "IDLE_SECONDS", 0.02)
    used, unused = await cache.acquire(), await cache.acquire()
    assert cache.keep(unused)
    await until_idle(pool, 1)
    assert cache.take() is None
    assert cache.keep(used)
    await until_idle(pool, 2)


async def test_a_connection_goes_back_after_a_minute_of_use(cache: ConnectionCache) -> None:
    lease = await cache.acquire()
    lease.began -= MAX_SECONDS - 5
    assert cache.keep(lease)
    assert cache.take() is lease
    lease.began -= 5
    assert not cache.keep(lease)


async def test_expired_connections_are_closed_and_not_used_again(
    cache: ConnectionCache, pool: asyncpg.Pool
) -> None:
    here, used = await cache.acquire(), await cache.acquire()
    assert cache.keep(here)
    await cache.expire()
    assert cache.take() is None
    assert not cache.keep(used)
    await cache.release(used)
    async with asyncio.timeout(10):
        while pool.get_size():
            # The pool tells nobody.
            await asyncio.sleep(0.005)


async def test_a_connection_that_was_lost_here_is_neither_taken_nor_missing_in_the_pool(
    cache: ConnectionCache, admin: asyncpg.Connection
) -> None:
    leases = [await cache.acquire(), await cache.acquire()]
    for lease in leases:
        assert cache.keep(lease)
        await admin.execute("SELECT pg_terminate_backend($1)", lease.connection.get_server_pid())
    async with asyncio.timeout(10):
        while any(map(connection_cache._is_open, [lease.connection for lease in leases])):
            # The loss shows when the socket is read.
            await asyncio.sleep(0.005)
        assert cache.take() is None
        assert await (await cache.acquire()).connection.fetchval("SELECT 1") == 1


async def test_a_connection_that_was_lost_in_use_is_not_kept(cache: ConnectionCache) -> None:
    lease = await cache.acquire()
    lease.connection.terminate()
    assert not cache.keep(lease)


async def test_closing_waits_for_connections_in_use_alone(cache: ConnectionCache) -> None:
    here, used = await cache.acquire(), await cache.acquire()
    assert cache.keep(here)
    closing = asyncio.create_task(cache.close())
    await asyncio.wait([closing], timeout=0.05)
    assert not closing.done()
    assert not cache.keep(used)
    await cache.release(used)
    async with asyncio.timeout(10):
        await closing


class SlowPool:
    """The pool, in which a connection expires while it is handed out."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.cache = ConnectionCache(cast("asyncpg.Pool", self), 5.0)

    async def acquire(self, **options: float) -> object:
        connection = await self._pool.acquire(**options)
        await self.cache.expire()
        return connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


async def test_a_connection_that_expires_while_it_is_handed_out_is_not_used_again(pool: asyncpg.Pool) -> None:
    cache = SlowPool(pool).cache
    lease = await cache.acquire()
    assert not cache.keep(lease)
    await cache.release(lease)
