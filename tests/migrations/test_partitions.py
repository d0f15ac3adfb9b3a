"""The tables of rooms can be hash-partitioned by room without a change of any key or statement."""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from tests.partitioning import PARTITIONED, partition_rooms
from tests.postgres import Database, administrator

PARTITIONS = 4


@pytest.fixture(scope="module")
async def partitioned(database: Database) -> Database:
    await partition_rooms(database, PARTITIONS)
    return database


async def test_the_tables_are_partitioned_by_room(partitioned: Database) -> None:
    async with administrator(partitioned.server, partitioned.name) as connection:
        for table, column in PARTITIONED.items():
            key = await connection.fetchval("SELECT pg_get_partkeydef($1::regclass)", f"chat.{table}")
            parts = await connection.fetchval(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = $1::regclass", f"chat.{table}"
            )
            assert (key, parts) == (f"HASH ({column})", PARTITIONS)


async def test_keys_hold_across_partitions(partitioned: Database) -> None:
    service = await asyncpg.connect(partitioned.app_dsn("chat"))
    insert = (
        "INSERT INTO chat.messages (room_id, seq, id, user_id, type, text, request_id, payload_hash, created_at, rev)"
        " VALUES ($1, $2, $3, $4, 'TEXT', 'hello', $5, sha256('x'), clock_timestamp(), $2)"
    )
    try:
        rooms = [uuid.uuid4() for _ in range(20)]
        message, user, request = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
        for room in rooms:
            await service.execute(insert, room, 1, message, user, request)
        used = await service.fetchval("SELECT count(DISTINCT tableoid) FROM chat.messages")
        for seq, identity, requested in (
            (1, uuid.uuid4(), None),
            (2, message, None),
            (2, uuid.uuid4(), request),
        ):
            with pytest.raises(asyncpg.PostgresError) as caught:
                await service.execute(
                    insert.replace("sha256('x')", "NULL") if requested is None else insert,
                    rooms[0],
                    seq,
                    identity,
                    user,
                    requested,
                )
            assert caught.value.sqlstate == "23505"
        await service.execute(
            "UPDATE chat.messages SET text = 'edited', rev = rev + 1 WHERE room_id = $1", rooms[0]
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute("DELETE FROM chat.messages")
    finally:
        await service.close()
    assert used == PARTITIONS
