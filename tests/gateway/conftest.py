"""A gateway in front of fake upstreams, fresh for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.gateway_fixture import GatewayFixture, running_gateway


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayFixture]:
    """A gateway with default settings."""
    async with running_gateway() as made:
        yield made
