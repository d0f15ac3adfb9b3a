"""The tracks service with providers of the tests' own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.postgres import Database
from tests.services.running import Running
from tests.services.tracks.clients.web.web_server import WebServer
from tests.services.tracks.fake_providers import Asking, asking, web_of_providers


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[WebServer, dict[str, Any]]]:
    """A server that stands for all providers, and the settings that lead to it."""
    async with web_of_providers(tmp_path_factory.mktemp("web")) as made:
        yield made


@pytest.fixture(scope="module")
async def running_one(
    database: Database, admin: asyncpg.Connection, users: Running, world: tuple[WebServer, dict[str, Any]]
) -> AsyncIterator[Asking]:
    web, settings = world
    async with asking(database, admin, web, users_target=users.address, **settings) as made:
        yield made


@pytest.fixture
def tracks_that_ask(running_one: Asking) -> Asking:
    running_one.web.pages.clear()
    running_one.web.asked.clear()
    return running_one
