"""The dataset in Seda's tables: the baselines' rows, with the numbers and counts that the service would have written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from bench import dataset
from bench.dataset import uid
from ops.postgres import find_binaries
from tests.postgres import Database
from tests.support.recount import FAULTS

_SIZES = {"users": 400, "rooms": 20, "messages": 2_000}
_FAULTS = FAULTS | {
    "a text that search would not find": """
        SELECT id FROM chat.messages WHERE text IS NOT NULL AND search_text IS DISTINCT FROM lower(text)
    """,
    "an artist whom search would not find, or none at all": """
        SELECT id FROM users.artist_profiles WHERE search_name <> lower(artist_name)
        UNION ALL SELECT NULL WHERE NOT EXISTS (SELECT FROM users.artist_profiles WHERE verified)
    """,
}


@pytest.fixture(scope="module")
async def loaded(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a migrated database with a small dataset in it."""
    script = Path(dataset.__file__).parent / "baselines" / "dataset.sql"
    dataset.psql(find_binaries().program("psql"), database.admin_dsn, script, **_SIZES)
    await dataset.derive(database.admin_dsn)
    connection = await asyncpg.connect(database.admin_dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("fault", _FAULTS)
async def test_the_tables_are_consistent(loaded: asyncpg.Connection, fault: str) -> None:
    assert await loaded.fetch(_FAULTS[fault]) == []


async def test_every_row_is_copied(loaded: asyncpg.Connection) -> None:
    counts = await loaded.fetchrow(
        """
        SELECT (SELECT count(*) FROM users.users), (SELECT count(*) FROM chat.rooms),
               (SELECT count(*) FROM chat.messages WHERE root_id IS NULL),
               (SELECT count(*) FROM chat.messages WHERE root_id IS NOT NULL),
               (SELECT count(*) FROM chat.messages WHERE track_id IS NOT NULL)
        """
    )
    assert counts is not None
    assert tuple(counts) == (400, 20, 2_000, 1_600, 40)
    reactions = await loaded.fetchval("SELECT count(*) FROM chat.reactions")
    # Half of the 3600 messages with three each, but for a few users who reacted twice with one emoji.
    assert 5_300 < reactions <= 5_400


async def test_ids_are_the_datasets_own(loaded: asyncpg.Connection) -> None:
    row = await loaded.fetchrow("SELECT room_id, root_id FROM chat.messages WHERE id = $1", uid("m", 47))
    assert row is not None
    assert (row["room_id"], row["root_id"]) == (uid("r", 7), None)
    assert await loaded.fetchval("SELECT email FROM users.users WHERE id = $1", uid("u", 5)) == dataset.email(
        5
    )


async def test_no_index_is_missing_after_the_load(
    loaded: asyncpg.Connection, fresh_database: Database
) -> None:
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'chat' ORDER BY indexdef"
    migrated = await asyncpg.connect(fresh_database.admin_dsn)
    try:
        expected = await migrated.fetch(query)
    finally:
        await migrated.close()
    assert await loaded.fetch(query) == expected
