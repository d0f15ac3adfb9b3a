"""Chat's tables of rooms, hash-partitioned by room, and the way to run SQLAlchemy's own code on a test's database."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.chat import schema as chat_schema
from tests.postgres import Database, administrator


def room_key(table: sa.Table) -> str | None:
    """Return the column of a table that has the room's id; None for a table that is of no room."""
    if table.name == "rooms":
        return "id"
    return "room_id" if "room_id" in table.columns else None


PARTITIONED = {
    table.name: key for table in chat_schema.metadata.sorted_tables if (key := room_key(table)) is not None
}
"""The tables of rooms, those first that others refer to, and the column that divides each."""


async def partition_rooms(database: Database, partitions: int) -> None:
    """Replace chat's tables of rooms, which must be empty, by the model's, hash-partitioned by room."""
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
    copies = [_partitioned(table, partitioned) for table in tables]
    await run_sync(database.server.dsn(database.name, role="chat_owner"), partitioned.create_all)
    async with administrator(database.server, database.name) as connection:
        await connection.execute("SET ROLE chat_owner")
        for table, copy in zip(tables, copies, strict=True):
            settings = table.dialect_options["postgresql"]["with"] or {}
            options = ", ".join(f"{name} = {value}" for name, value in settings.items())
            for remainder in range(partitions):
                await connection.execute(
                    f"CREATE TABLE {copy.fullname}_{remainder} PARTITION OF {copy.fullname}"
                    f" FOR VALUES WITH (MODULUS {partitions}, REMAINDER {remainder})"
                    + (f" WITH ({options})" if options else "")
                )
        for grantee, name, privileges in grants:
            await connection.execute(f"GRANT {privileges} ON chat.{name} TO {grantee}")


def _partitioned(table: sa.Table, metadata: sa.MetaData) -> sa.Table:
    key = PARTITIONED[table.name]
    copy = table.to_metadata(metadata)
    copy.dialect_options["postgresql"]["partition_by"] = f"HASH ({key})"
    # Settings of storage belong to the partitions.
    copy.dialect_options["postgresql"]["with"] = {}
    for index in copy.indexes:
        # A unique one that could not hold here is only for builds that never run on such tables.
        index.unique = index.unique and key in index.columns
    return copy


async def run_sync(dsn: str, work: Callable[[sa.Connection], object]) -> None:
    """Run SQLAlchemy's synchronous code in a transaction of a connection of its own."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=NullPool
    )
    async with engine.begin() as connection:
        await connection.run_sync(work)
    await engine.dispose()
