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

_SIZES = {"users": 400, "rooms": 20, "messages": 2_000}
_REVS = """
    SELECT id AS room_id, rev FROM chat.rooms
    UNION ALL SELECT room_id, rev FROM chat.room_memberships
    UNION ALL SELECT room_id, rev FROM chat.messages
    UNION ALL SELECT room_id, rev FROM chat.reactions
"""
# Each finds what is wrong; the rows it returns are the faults.
_FAULTS = {
    "a gap in a room's numbers": """
        SELECT room_id FROM chat.messages GROUP BY room_id
        HAVING min(seq) <> 1 OR max(seq) <> count(*) OR count(DISTINCT seq) <> count(*)
    """,
    "time against the numbers": """
        SELECT id FROM (SELECT id, created_at, lag(created_at) OVER (PARTITION BY room_id ORDER BY seq) AS before
                          FROM chat.messages) m WHERE created_at <= before
    """,
    "a rev twice in a room": f"SELECT room_id FROM ({_REVS}) r GROUP BY room_id, rev HAVING count(*) > 1",
    "counters that are not the newest numbers": f"""
        SELECT c.room_id FROM chat.room_counters c
         WHERE c.last_seq <> (SELECT max(seq) FROM chat.messages m WHERE m.room_id = c.room_id)
            OR c.last_rev <> (SELECT max(rev) FROM ({_REVS}) r WHERE r.room_id = c.room_id)
            OR c.member_count <> (SELECT count(*) FROM chat.room_memberships m WHERE m.room_id = c.room_id)
    """,
    "a reply that is not under its root": """
        SELECT m.id FROM chat.messages m
          LEFT JOIN chat.messages r ON r.room_id = m.room_id AND r.id = m.root_id
         WHERE m.root_id IS NOT NULL AND (r.seq IS DISTINCT FROM m.root_seq OR r.root_id IS NOT NULL)
    """,
    "threads unlike a recount": """
        SELECT * FROM (SELECT room_id, root_id, reply_count, last_reply_seq, last_reply_at FROM chat.threads) t
          FULL JOIN (SELECT room_id, root_id, count(*) AS n, max(seq) AS seq, max(created_at) AS at FROM chat.messages
                      WHERE root_id IS NOT NULL GROUP BY room_id, root_id) c USING (room_id, root_id)
         WHERE (reply_count, last_reply_seq, last_reply_at) IS DISTINCT FROM (n::int, seq, at)
    """,
    "tallies unlike a recount": """
        SELECT * FROM (SELECT room_id, message_id, emoji, count, first_at FROM chat.reaction_tallies) t
          FULL JOIN (SELECT room_id, message_id, emoji, count(*) AS n, min(created_at) AS at FROM chat.reactions
                      WHERE removed_at IS NULL GROUP BY room_id, message_id, emoji) c USING (room_id, message_id, emoji)
         WHERE (count, first_at) IS DISTINCT FROM (n::int, at)
    """,
    "a reaction to no message": """
        SELECT x.message_id FROM chat.reactions x
         WHERE NOT EXISTS (SELECT FROM chat.messages m WHERE m.room_id = x.room_id AND m.id = x.message_id)
    """,
    "a room without its one owner": """
        SELECT r.id FROM chat.rooms r
          LEFT JOIN chat.room_memberships m ON m.room_id = r.id AND m.role = 'OWNER'
         GROUP BY r.id HAVING count(m.user_id) <> 1 OR min(m.user_id::text) <> r.created_by::text
    """,
    "a read mark beyond the newest message": """
        SELECT m.user_id FROM chat.room_memberships m JOIN chat.room_counters c USING (room_id)
         WHERE m.last_read_seq > c.last_seq
    """,
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
