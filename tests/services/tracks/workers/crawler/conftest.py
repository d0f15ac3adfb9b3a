"""Crawlers of two processes on one database."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from servicekit.database import Database as Pool
from servicekit.database import PoolOptions
from services.tracks.domain.web.fetch_purpose import Share
from services.tracks.workers.fetch_slots import FetchSlots
from tests.postgres import Database, administrator
from tests.services.tracks.workers.crawler.crawler_fixtures import (
    SLOTS,
    CrawlerFixture,
    FakeHttpClient,
    crawler,
)


@pytest.fixture
async def cleared(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to a database with an empty cache."""
    async with administrator(database.server, database.name) as connection:
        await connection.execute("TRUNCATE tracks.crawler_cache, tracks.leases")
        yield connection


@pytest.fixture
async def world(database: Database, cleared: asyncpg.Connection) -> AsyncIterator[CrawlerFixture]:
    """The crawler of one process."""
    async with process(database, cleared) as made:
        yield made


@pytest.fixture
async def second(database: Database, cleared: asyncpg.Connection) -> AsyncIterator[CrawlerFixture]:
    """The crawler of another process."""
    async with process(database, cleared) as made:
        yield made


@contextlib.asynccontextmanager
async def process(database: Database, admin: asyncpg.Connection) -> AsyncIterator[CrawlerFixture]:
    """A crawler with its own connections and HTTP client."""
    pool = Pool(database.service_dsn("tracks"), PoolOptions("test", pooled=database.pooled))
    await pool.open()
    web = FakeHttpClient()
    slots = FetchSlots(dict.fromkeys(Share, SLOTS))
    world = CrawlerFixture(crawler(pool, web, slots), web, slots, pool, admin)
    try:
        yield world
    finally:
        await world.crawler.stop()
        await pool.close()
