"""A server with settings as in production, of its own: what is found must not come from other tests."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.postgres import Cluster
from tests.postgres import Database, Server, administrator, empty_database, free_port, new_cluster, new_folder

_TEMPLATE = "sound_template"


@pytest.fixture(scope="package")
def sound_server() -> Iterator[Server]:
    folder = new_folder()
    cluster = Cluster(
        folder / "data",
        new_cluster(folder).binaries,
        free_port(),
        # Durable, and with all that can hold old rows.
        settings={"wal_level": "logical", "max_prepared_transactions": "5", "autovacuum_naptime": "1h"},
        remove_after=folder,
    )
    try:
        cluster.ensure()
        cluster.start()
        yield Server.of(cluster)
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
async def sound_template(sound_server: Server) -> Server:
    async with administrator(sound_server) as connection:
        await connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    await init_database(Database(sound_server, _TEMPLATE).admin_dsn)
    await deploy(Database(sound_server, _TEMPLATE).admin_dsn)
    return sound_server


@asynccontextmanager
async def sound_copy(server: Server) -> AsyncIterator[Database]:
    async with empty_database(server, f"TEMPLATE {_TEMPLATE} STRATEGY file_copy") as made:
        # A copy has the privileges of a new database.
        await init_database(made.admin_dsn)
        yield made


@pytest.fixture(scope="module")
async def shared_sound(sound_template: Server) -> AsyncIterator[Database]:
    """A migrated database without a fault, for tests that leave it so."""
    async with sound_copy(sound_template) as made:
        yield made


@pytest.fixture
async def sound(sound_template: Server) -> AsyncIterator[Database]:
    """A migrated database without a fault."""
    async with sound_copy(sound_template) as made:
        yield made
