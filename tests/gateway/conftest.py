"""A gateway in front of stand-ins, anew for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.gateway_fixture import Suite, suite


@pytest.fixture
async def behind() -> AsyncIterator[Suite]:
    """The gateway with nothing special about it."""
    async with suite() as made:
        yield made
