"""The epoch names one copy of the database: each thing that tells copies apart changes it."""

from __future__ import annotations

import asyncpg

from servicekit.database import Session
from services.chat.actions.deps import Epoch
from tests.services.running import Running

# Stand in for PostgreSQL's own, before which their schema is looked through.
_OTHER_COPY = {
    "another timeline": """
        CREATE FUNCTION copy.pg_control_checkpoint(OUT timeline_id integer) LANGUAGE sql AS
        'SELECT timeline_id + 1 FROM pg_catalog.pg_control_checkpoint()'
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
