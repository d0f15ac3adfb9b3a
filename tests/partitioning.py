"""Chat's message tables, hash-partitioned, and the way to run SQLAlchemy's own code on a test's database."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.chat import schema as chat_schema
from tests.postgres import Database, administrator

PARTITIONED = (
    "messages",
    "message_revisions",
    "threads",
    "mentions",
    "reactions",
    "reaction_tallies",
    "pins",
)


async def partition_messages(database: Database, partitions: int) -> None:
    """Replace chat's message tables, which must be empty, by the model's hash-partitioned on room_id."""
    tables = [chat_schema.metadata.tables[f"chat.{name}"] for name in PARTITIONED]
    async with administrator(database.server, database.name) as connection:
        grants = await connection.fetch(
            "SELECT grantee, table_name AS table, string_agg(privilege_type, ', ') AS privileges"
            " FROM information_schema.role_table_grants WHERE table_schema = 'chat' AND table_name = ANY ($1)"
            " AND grantee <> 'chat_owner' GROUP BY 1, 2",
            list(PARTITIONED),
        )
        await connection.execute(f"DROP TABLE {', '.join(table.fullname for table in tables)}")
    partitioned = sa.MetaData(schema="chat")
    for table in tables:
        copy = table.to_metadata(partitioned)
        copy.dialect_options["postgresql"]["partition_by"] = "HASH (room_id)"
    await run_sync(database.server.dsn(database.name, role="chat_owner"), partitioned.create_all)
    async with administrator(database.server, database.name) as connection:
        await connection.execute("SET ROLE chat_owner")
        for table in tables:
            for remainder in range(partitions):
                await connection.execute(
                    f"CREATE TABLE {table.fullname}_{remainder} PARTITION OF {table.fullname}"
                    f" FOR VALUES WITH (MODULUS {partitions}, REMAINDER {remainder})"
                )
        for grantee, name, privileges in grants:
            await connection.execute(f"GRANT {privileges} ON chat.{name} TO {grantee}")


async def run_sync(dsn: str, work: Callable[[sa.Connection], object]) -> None:
    """Run SQLAlchemy's synchronous code in a transaction of a connection of its own."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(work)
    await engine.dispose()
