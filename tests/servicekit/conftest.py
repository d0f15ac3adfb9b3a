"""The probe service, again for each test, and a database with a table for tests of the database layer."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from servicekit.database import Database
from tests import postgres
from tests.servicekit.probe_server import Running, serving
from tests.servicekit.sample_table import SETUP, opened


@pytest.fixture
async def probe() -> AsyncIterator[Running]:
    async with serving() as made:
        yield made


@pytest.fixture(scope="module")
async def admin(database: postgres.Database) -> AsyncIterator[asyncpg.Connection]:
    """The superuser's connection to the database that has the things."""
    async with postgres.administrator(database.server, database.name) as connection:
        await connection.execute(SETUP)
        yield connection


@pytest.fixture
async def dsn(database: postgres.Database, admin: asyncpg.Connection) -> str:
    """The way to the things, of which there are none yet."""
    await admin.execute("TRUNCATE public.things")
    return database.admin_dsn


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Database]:
    async with opened(dsn) as made:
        yield made
