"""The suite with something in it to find, for the tests of one module."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.running_suite import Played, playing
from tests.postgres import Database


@pytest.fixture(scope="module")
async def played(database: Database) -> AsyncIterator[Played]:
    async with playing(database) as made:
        yield made
