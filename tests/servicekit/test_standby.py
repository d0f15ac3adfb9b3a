"""A pool and a readiness probe that were led to a standby, before and after its promotion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from ops.postgres import Cluster
from servicekit import readiness
from servicekit.database import Database, PoolOptions
from servicekit.errors import Code, DatabaseUnavailableError
from servicekit.health import NOT_SERVING, SERVING, HealthRegistry
from servicekit.readiness import DatabaseProbe
from servicekit.sql import Command, Query
from tests import postgres
from tests.postgres import Server, administrator
from tests.servicekit.test_readiness import applied_head, settings
from tests.support.fault_proxy import FaultProxy
from tests.support.standby import NAME, own_primary, standby_of


class Count(NamedTuple):
    value: int


READ = Query[Count]("test.count_users", "SELECT count(*)::int AS value FROM users.users")
WRITE = Command[()]("test.touch_users", "UPDATE users.users SET role = role")


@pytest.fixture(scope="module")
async def primary() -> AsyncIterator[Cluster]:
    """A cluster with a migrated database."""
    async with own_primary() as cluster:
        yield cluster


@pytest.fixture
def standby(primary: Cluster) -> Iterator[postgres.Database]:
    """The database on a server that streams from the primary."""
    with standby_of(primary) as cluster:
        yield postgres.Database(Server.of(cluster), NAME)


@pytest.fixture(autouse=True)
def frequent_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the database more often than every two seconds."""
    monkeypatch.setattr(readiness, "INTERVAL", 0.05)


@dataclass(frozen=True)
class Process:
    """What a process keeps connected: its pool, of one connection, and its probe."""

    pool: Database
    health: HealthRegistry

    async def reads_only(self) -> None:
        """The database can be read, and the process is not ready."""
        assert await self.pool.row(READ) == Count(0)
        for _ in range(2):
            with pytest.raises(DatabaseUnavailableError) as refused:
                await self.pool.execute(WRITE)
            assert refused.value.code is Code.UNAVAILABLE
        with pytest.raises(DatabaseUnavailableError):
            async with self.pool.transaction() as session:
                await session.execute(WRITE)
        await _until(self.health, NOT_SERVING)

    async def writes(self) -> None:
        """The process becomes ready by itself, and the database takes writes."""
        await _until(self.health, SERVING)
        assert await self.pool.execute(WRITE) == 0
        async with self.pool.transaction() as session:
            await session.execute(WRITE)


@asynccontextmanager
async def _process(dsn: str, head: str) -> AsyncIterator[Process]:
    process = Process(Database(dsn, PoolOptions("test", min_size=1, max_size=1)), HealthRegistry())
    process.health.register(["users"])
    probe = DatabaseProbe(settings(dsn), process.health, head)
    await process.pool.open()
    try:
        await probe.start()
        yield process
    finally:
        await probe.stop()
        await process.pool.close()


async def _until(health: HealthRegistry, state: int) -> None:
    async with asyncio.timeout(20):
        while health.states[""] != state:
            # The probe runs by its own clock.
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_standby_takes_no_writes_until_it_is_promoted(standby: postgres.Database) -> None:
    async with (
        administrator(standby.server, standby.name) as connection,
        _process(standby.app_dsn("users"), await applied_head(standby)) as process,
    ):
        assert await connection.fetchval("SELECT pg_is_in_recovery()")
        await process.reads_only()
        assert await connection.fetchval("SELECT pg_promote()")
        await process.writes()


@pytest.mark.slow
async def test_connections_kept_to_a_standby_are_replaced_by_those_to_the_primary(
    primary: Cluster, standby: postgres.Database
) -> None:
    """Behind a proxy that leads new connections to the primary and keeps those of before."""
    proxy = FaultProxy(f"127.0.0.1:{standby.server.port}")
    await proxy.start()
    dsn = standby.app_dsn("users").replace(str(standby.server.port), str(proxy.port))
    try:
        async with _process(dsn, await applied_head(standby)) as process:
            await process.reads_only()
            assert await process.pool.row(READ) == Count(0)
            proxy.lead_to(primary.port)
            # The connection of that read is kept, so the first write still finds the standby.
            with pytest.raises(DatabaseUnavailableError):
                await process.pool.execute(WRITE)
            await process.writes()
    finally:
        await proxy.stop()
