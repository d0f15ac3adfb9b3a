"""A gateway in front of stand-ins, anew for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.gateway_fixture import GatewayFixture, running_gateway


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayFixture]:
    """The gateway with nothing special about it."""
    async with running_gateway() as made:
        yield made
