"""The tracks service with fake providers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.postgres import Database
from tests.services.running import Running
from tests.services.tracks.clients.web.web_server import WebServer
from tests.services.tracks.fake_providers import EnrichingService, asking, fake_provider_web


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[WebServer, dict[str, Any]]]:
    """A server in place of all providers, and the settings for it."""
    async with fake_provider_web(tmp_path_factory.mktemp("web")) as made:
        yield made


@pytest.fixture(scope="module")
async def running_service(
    database: Database, admin: asyncpg.Connection, users: Running, world: tuple[WebServer, dict[str, Any]]
) -> AsyncIterator[EnrichingService]:
    web, settings = world
    async with asking(database, admin, web, users_target=users.address, **settings) as made:
        yield made


@pytest.fixture
def enriching(running_service: EnrichingService) -> EnrichingService:
    running_service.web.pages.clear()
    running_service.web.asked.clear()
    return running_service
