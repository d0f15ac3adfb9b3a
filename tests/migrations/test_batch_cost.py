"""What batches of a revision read grows with the rows, not with their square."""

from __future__ import annotations

import pytest

from ops.database.migrate import deploy
from tests.migrations.test_failures import until
from tests.postgres import Database, administrator

_MESSAGES = 20_000
_FILL = (
    """
INSERT INTO chat.rooms (id, name, search_name, private, created_by, rev)
VALUES (md5('r')::uuid, 'Room', 'room', true, gen_random_uuid(), 1)
""",
    f"""
INSERT INTO chat.messages (room_id, seq, rev, id, type, text, created_at)
SELECT md5('r')::uuid, n, n, md5(n::text)::uuid, 'TEXT', 'A message', now() FROM generate_series(1, {_MESSAGES}) AS n
""",
    "VACUUM ANALYZE chat.messages",
)
_READ = (
    "(SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'chat' AND relname = 'messages')"
)


@pytest.mark.slow
async def test_marking_the_messages_of_a_large_room_reads_each_a_few_times(ready_database: Database) -> None:
    await deploy(ready_database.admin_dsn, to={"users": "", "tracks": "", "chat": "20261129_1050"})
    async with administrator(ready_database.server, ready_database.name) as connection:
        for each in _FILL:
            await connection.execute(each)
        before = await connection.fetchval(f"SELECT {_READ}")
        await deploy(ready_database.admin_dsn, to={"users": "", "tracks": "", "chat": "20261129_1115"})
        assert await connection.fetchval("SELECT count(private_room_id) FROM chat.messages") == _MESSAGES
        # Statistics come with the end of the session that read.
        await until(connection, f"{_READ} >= {before + _MESSAGES}")
        read = await connection.fetchval(f"SELECT {_READ}")
    assert read - before < 4 * _MESSAGES
