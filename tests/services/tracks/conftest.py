"""The tracks service and the users service, on a database of this module."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.tracks.app import build
from services.tracks.config import Settings
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.postgres import Database, administrator
from tests.services.running import Running, running


@pytest.fixture(scope="module")
async def users(database: Database) -> AsyncIterator[Running]:
    """The users service."""
    async with running(UsersSettings, build_users, database) as service:
        yield service


@pytest.fixture(scope="module")
async def tracks(database: Database, users: Running) -> AsyncIterator[Running]:
    """The tracks service."""
    async with running(Settings, build, database, users_target=users.address) as service:
        yield service


@pytest.fixture(scope="module")
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the same database."""
    async with administrator(database.server, database.name) as connection:
        yield connection
