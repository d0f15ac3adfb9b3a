"""The epoch names one copy of the database: each thing that tells copies apart changes it."""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import asyncpg

from servicekit.database import Database, Session
from servicekit.errors import DatabaseUnavailableError
from servicekit.sql import Query
from services.chat.actions.deps import Epoch
from tests.services.running import Running


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
