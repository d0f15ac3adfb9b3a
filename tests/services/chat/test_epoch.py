"""The epoch names one copy of the database: each thing that tells copies apart changes it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import NamedTuple

import asyncpg

from seda.chat.v1.live_service_pb2 import CLOSING_REASON_EPOCH_CHANGED
from servicekit.database import Database, Session
from servicekit.errors import DatabaseUnavailableError
from servicekit.sql import Query
from services.chat.actions.deps import Epoch
from services.chat.app import build
from services.chat.config import Settings
from tests import postgres
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.live.watching import watcher
from tests.services.running import Running, running


class _Backend(NamedTuple):
    pid: int


_BACKEND = Query[_Backend]("test.backend", "SELECT pg_backend_pid() AS pid")


# Stand in for PostgreSQL's own, before which their schema is looked through.
_OTHER_COPY = {
    "another timeline": """
        CREATE FUNCTION copy.pg_walfile_name(lsn pg_lsn) RETURNS text LANGUAGE sql AS
        'SELECT overlay(pg_catalog.pg_walfile_name(lsn) PLACING ''00000009'' FROM 1)'
    """,
    "another cluster": """
        CREATE FUNCTION copy.pg_control_system(OUT system_identifier bigint) LANGUAGE sql AS
        'SELECT system_identifier + 1 FROM pg_catalog.pg_control_system()'
    """,
    "another database": """
        CREATE VIEW copy.pg_database AS
        SELECT oid::bigint + 1 AS oid, datname FROM pg_catalog.pg_database
    """,
    "written again": "UPDATE chat.instance SET id = gen_random_uuid()",
    "the same": "SELECT 1",
}


async def test_every_copy_of_a_database_has_an_epoch_of_its_own(
    chat: Running, admin: asyncpg.Connection
) -> None:
    epochs = {}
    for name, statement in _OTHER_COPY.items():
        transaction = admin.transaction()
        await transaction.start()
        try:
            await admin.execute(f"CREATE SCHEMA copy; {statement}; SET LOCAL search_path = copy, pg_catalog")
            epoch = Epoch()
            await epoch.read(Session(chat.process.context.database, admin))
            epochs[name] = epoch.value
        finally:
            await transaction.rollback()
    assert len(set(epochs.values())) == len(_OTHER_COPY)
    now = Epoch()
    await now.read(Session(chat.process.context.database, admin))
    assert now.value == epochs["the same"]


async def _backends(database: Database) -> set[int]:
    async with database.session() as first, database.session() as second:
        return {row.pid for session in (first, second) for row in await session.rows(_BACKEND)}


async def test_connection_to_another_copy_replaces_those_before_it(
    chat: Running, admin: asyncpg.Connection
) -> None:
    """As behind a proxy that leads new connections to a promoted standby and keeps those to the former primary."""
    database = chat.process.context.database
    former = await _backends(database)
    await admin.execute("UPDATE chat.instance SET id = gen_random_uuid()")
    await admin.execute("SELECT pg_terminate_backend($1)", former.pop())
    for _ in range(2):
        # The pool may hand out the one that was ended, and the other one before it has met a new one.
        with contextlib.suppress(DatabaseUnavailableError):
            await _backends(database)
    assert not former & await _backends(database)


async def test_a_pooler_that_leads_connections_to_another_copy_is_noticed(
    database: postgres.Database, neighbours: dict[str, str], admin: asyncpg.Connection
) -> None:
    """PgBouncer keeps its clients' connections when it is told of another server."""
    async with running(Settings, build, database, **neighbours, db_pooler="transaction") as pooled:
        client = watcher(ChatClient(pooled, admin), new_user(), all_my_rooms=True)
        async with client.watching(), asyncio.timeout(20):
            await client.caught_up.wait()
            former = client.epoch
            await admin.execute("UPDATE chat.instance SET id = gen_random_uuid()")
            while client.epoch == former:
                # The client tells nobody of it.
                await asyncio.sleep(0.05)
        assert client.closings == [CLOSING_REASON_EPOCH_CHANGED]
