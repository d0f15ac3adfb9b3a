"""A server with scripted answers, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sedaclient import AsyncSeda, StaticToken
from tests.gateway.fake_server import FakeServer


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
async def seda(server: FakeServer) -> AsyncIterator[AsyncSeda]:
    async with AsyncSeda(server.target, auth=StaticToken("secret-token"), user_agent="probe/1") as client:
        yield client
