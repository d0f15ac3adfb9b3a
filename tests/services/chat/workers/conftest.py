"""The send batcher and the janitor on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from servicekit.database import Database, PoolOptions
from services.chat.workers.janitor import Janitor
from services.chat.workers.message_batcher import MessageBatcher
from tests import postgres
from tests.services.chat.workers.batching import UNLIMITED, FaultyDatabase


@pytest.fixture
async def faulty(database: postgres.Database) -> AsyncIterator[FaultyDatabase]:
    """The service's database, as its role; never through a pooler, which takes no lock time-out of a session."""
    opened = FaultyDatabase(database.app_dsn("chat"))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def batcher(faulty: FaultyDatabase) -> MessageBatcher:
    """A batcher of the test's own."""
    return MessageBatcher(faulty, UNLIMITED)


@pytest.fixture
async def pool(database: postgres.Database) -> AsyncIterator[Database]:
    """A pool of the test's own, as the service's role, past any pooler, which takes no time-outs of a session."""
    opened = Database(
        database.app_dsn("chat"), PoolOptions("test", min_size=1, max_size=4, lock_timeout_ms=50)
    )
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def statements(pool: Database) -> list[str]:
    """The names of the statements that have run."""
    names: list[str] = []
    pool.observers.append(lambda name, _: names.append(name))
    return names


@pytest.fixture
def janitor(pool: Database) -> Janitor:
    """One that looks when it is told to, and rests as little as it can."""
    return Janitor(pool, interval=3_600, pause=0)
