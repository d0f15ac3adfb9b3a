"""The users service, running on a database of this module."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.users.app import build
from services.users.config import Settings
from tests.postgres import Database, administrator
from tests.services.running import Running, running


@pytest.fixture(scope="module")
async def users(database: Database) -> AsyncIterator[Running]:
    """The users service."""
    async with running(Settings, build, database) as service:
        yield service


@pytest.fixture(scope="module")
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the same database."""
    async with administrator(database.server, database.name) as connection:
        yield connection
