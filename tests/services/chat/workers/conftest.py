"""The send batcher on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

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
