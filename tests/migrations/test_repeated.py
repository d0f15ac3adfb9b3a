"""Revisions that run in several transactions: their rows, a repetition after a failure, and databases of their former texts."""

from __future__ import annotations

import pytest

from migrations.heads import head, revisions
from ops.database import SERVICES
from ops.database.drift import drift
from ops.database.migrate import deploy
from ops.database.resolve import mark_rolled_back
from tests.postgres import Database, administrator

# More rows than a batch has.
_FILL = """
INSERT INTO chat.rooms (id, name, private, created_by, rev)
SELECT md5('r' || n)::uuid, 'Room', n > 200, gen_random_uuid(), 1 FROM generate_series(1, 250) AS n;
INSERT INTO chat.room_counters (room_id, last_seq, last_rev)
SELECT id, 120, 120 FROM chat.rooms;
INSERT INTO chat.room_memberships (room_id, user_id, joined_at, left_at, rev)
SELECT md5('r' || r)::uuid, gen_random_uuid(), now(), CASE WHEN n = 1 THEN now() END, 1
FROM generate_series(1, 240) AS r, generate_series(1, 3) AS n;
INSERT INTO chat.messages (room_id, seq, rev, id, type, text, created_at)
SELECT md5('r' || r)::uuid, n, n, md5(r || '.' || n)::uuid, 'TEXT', 'A message', now()
FROM generate_series(199, 203) AS r, generate_series(1, 120) AS n;
"""
_FILL_MORE = """
INSERT INTO chat.reports (id, room_id, message_id, reporter_id, reason, created_at)
SELECT gen_random_uuid(), room_id, id, gen_random_uuid(), 'spam', now() - make_interval(mins => (seq % 50)::int)
FROM chat.messages;
INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, removed_at, rev)
SELECT room_id, id, md5('u' || n)::uuid, spelled, now(), CASE WHEN n = 2 THEN now() END, 1
FROM chat.messages, generate_series(1, 2) AS n, unnest(ARRAY[U&'\\2764', U&'\\2764\\FE0F']) AS spelled
WHERE (seq % 2 = 0 OR spelled = U&'\\2764') AND (seq % 4 <> 1 OR n = 2);
INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
SELECT room_id, message_id, emoji, count(*), min(created_at) FROM chat.reactions WHERE removed_at IS NULL GROUP BY 1, 2, 3;
"""
# What the former text left where the new one comes to the same in another way.
_AS_BEFORE = """
DROP INDEX chat.rooms_public_idx;
ALTER TABLE chat.rooms ALTER COLUMN search_name TYPE text;
CREATE INDEX rooms_public_idx ON chat.rooms (search_name text_pattern_ops, id) WHERE NOT private AND archived_at IS NULL
"""
_NUMBERED = """
SELECT count(*) FROM (
  SELECT created_rev, row_number() OVER w - count(*) OVER (PARTITION BY room_id) AS expected
  FROM chat.reports WINDOW w AS (PARTITION BY room_id ORDER BY created_at, id)) AS o WHERE created_rev <> expected
"""
_REACTIONS = """
SELECT emoji, removed_at IS NULL AS standing, count(*), count(DISTINCT message_id), bool_and(rev <= c.last_rev)
FROM chat.reactions JOIN chat.room_counters AS c USING (room_id) GROUP BY 1, 2 ORDER BY 1, 2
"""


# It ends with a table, in the transaction of its entry: neither is ever there without the other.
_NEVER_REPEATED = "20261129_1900"


async def deploy_twice(database: Database, schema: str, to: str) -> None:
    """Apply revisions up to one, each twice: as when a process is killed right before its entry."""
    for each in revisions(schema):
        target = {**dict.fromkeys(SERVICES, ""), schema: each.id}
        (done,) = (it for it in await deploy(database.admin_dsn, to=target) if it.schema == schema)
        if done.applied and each.former_checksums and each.id != _NEVER_REPEATED:
            await mark_rolled_back(database.admin_dsn, schema, each.id)
            await deploy(database.admin_dsn, to=target)
        if each.id == to:
            return


@pytest.mark.parametrize("schema", ["users", "tracks"])
async def test_revisions_may_be_repeated(ready_database: Database, schema: str) -> None:
    await deploy_twice(ready_database, schema, head(schema))

    assert await drift(ready_database.admin_dsn) == ()


@pytest.mark.timeout(300)
@pytest.mark.slow
async def test_batches_reach_every_row_and_may_be_repeated(ready_database: Database) -> None:
    async with administrator(ready_database.server, ready_database.name) as connection:
        await deploy_twice(ready_database, "chat", "20261122_1020")
        await connection.execute(_FILL)
        await deploy_twice(ready_database, "chat", "20261122_1940")
        members = await connection.fetch(
            "SELECT member_count, count(*) FROM chat.room_counters GROUP BY 1 ORDER BY 1"
        )
        assert list(map(tuple, members)) == [(0, 10), (2, 240)]
        await connection.execute(_AS_BEFORE)
        await connection.execute(_FILL_MORE)
        await deploy_twice(ready_database, "chat", "20261123_0310")
        assert await connection.fetchval("SELECT count(DISTINCT created_rev) FROM chat.reports") == 120
        assert await connection.fetchval(_NUMBERED) == 0

        to = {**dict.fromkeys(SERVICES, ""), "chat": "20261129_1050"}
        await deploy(ready_database.admin_dsn, to=to)
        plain, coloured = "\u2764", "\u2764\ufe0f"
        assert list(map(tuple, await connection.fetch(_REACTIONS))) == [
            (plain, False, 1050, 600, True),
            (coloured, False, 600, 600, True),
            (coloured, True, 450, 450, True),
        ]
        tallies = await connection.fetch(
            "SELECT emoji, count, count(*) FROM chat.reaction_tallies GROUP BY 1, 2"
        )
        assert list(map(tuple, tallies)) == [(coloured, 1, 450)]
        # One rev for each batch that met the room, of 10 messages at least; a repetition has nothing to do.
        revs = await connection.fetch(
            "SELECT room_id, last_rev - 120 AS revs FROM chat.room_counters ORDER BY 1"
        )
        assert {0} < {row["revs"] for row in revs} <= set(range(14))
        await mark_rolled_back(ready_database.admin_dsn, "chat", "20261129_1050")
        await deploy(ready_database.admin_dsn, to=to)
        assert revs == await connection.fetch(
            "SELECT room_id, last_rev - 120 AS revs FROM chat.room_counters ORDER BY 1"
        )

        await deploy_twice(ready_database, "chat", head("chat"))
        private = await connection.fetch(
            "SELECT private_room_id = room_id, count(*) FROM chat.messages GROUP BY 1 ORDER BY 1"
        )
        assert list(map(tuple, private)) == [(True, 360), (None, 240)]
    assert await drift(ready_database.admin_dsn) == ()
