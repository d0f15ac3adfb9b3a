"""A seeded suite per test module."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.running_suite import SuiteFixture, running_suite
from tests.postgres import Database


@pytest.fixture(scope="module")
async def suite_fixture(database: Database) -> AsyncIterator[SuiteFixture]:
    async with running_suite(database) as made:
        yield made
