"""Services behind a transaction pooler: what the rest of these tests shows when SEDA_TEST_POOLER=1 is set.

Here stands what must hold of the set-up itself, so that those runs can't pass by not going through the pooler.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import asyncpg
import pytest

from servicekit.clock import Micros
from servicekit.database import Database, PoolOptions
from servicekit.errors import ServiceError
from servicekit.sql import Query
from services.users.app import build
from services.users.config import Settings
from tests import pooler, postgres
from tests.services.running import running

pytestmark = pytest.mark.skipif(not pooler.WANTED, reason="needs SEDA_TEST_POOLER=1 (and pgbouncer)")
# On a busy machine two hundred statements wait longer than a call would.
OPTIONS = PoolOptions("test", min_size=1, max_size=4, pooled=True, acquire_timeout=30)


class Facts(NamedTuple):
    name: str
    superuser: str
    statement_timeout: str
    lock_timeout: str
    idle_timeout: str
    at: Micros


FACTS = Query[Facts, Micros](
    "test.facts",
    "SELECT session_user::text AS name, current_setting('is_superuser') AS superuser,"
    " current_setting('statement_timeout') AS statement_timeout, current_setting('lock_timeout') AS lock_timeout,"
    " current_setting('idle_in_transaction_session_timeout') AS idle_timeout, $1::timestamptz AS at",
)


class Slept(NamedTuple):
    slept: str


SLEEP = Query[Slept, float]("test.sleep", "SELECT pg_sleep($1::float8)::text AS slept")


async def test_the_service_is_its_own_role_with_the_time_outs_of_that_role(
    database: postgres.Database,
) -> None:
    opened = Database(database.service_dsn("users"), OPTIONS)
    await opened.open()
    try:
        at = Micros(1_700_000_000_000_001)
        # Many at once and in transactions: each statement may meet another server connection.
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(opened.row(FACTS, at)) for _ in range(200)]
        async with opened.transaction() as session:
            found = [await session.row(FACTS, at)]
    finally:
        await opened.close()
    assert {*found, *(task.result() for task in tasks)} == {Facts("users_app", "off", "31s", "1s", "10s", at)}


async def test_the_pooler_is_in_the_way(database: postgres.Database) -> None:
    """What only a pooler does: it refuses start-up settings, which a service without the mode would send."""
    with pytest.raises(asyncpg.PostgresError, match="unsupported startup parameter"):
        await asyncpg.connect(database.service_dsn("users"), server_settings={"statement_timeout": "1s"})


async def test_a_cancelled_statement_frees_the_server(
    database: postgres.Database, postgres_server: postgres.Server
) -> None:
    opened = Database(database.service_dsn("users"), OPTIONS)
    await opened.open()
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'"
    try:
        async with postgres.administrator(postgres_server) as connection:
            calls = [asyncio.create_task(opened.row(SLEEP, 30.0)) for _ in range(4)]
            while await connection.fetchval(sleeping, database.name) < len(calls):
                # PostgreSQL tells of sleeping statements only when it is asked.
                await asyncio.sleep(0.01)
            began = time.monotonic()
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            assert await opened.row(SLEEP, 0.0) == Slept("")
            while await connection.fetchval(sleeping, database.name):
                # As above.
                await asyncio.sleep(0.01)
            assert time.monotonic() - began < 5
    finally:
        await opened.close()


async def test_a_service_without_the_mode_gets_no_database(database: postgres.Database) -> None:
    """The control: with its usual start-up settings the service never becomes ready behind a pooler."""
    async with running(Settings, build, database, db_pooler="none") as service:
        with pytest.raises(ServiceError):
            await service.process.context.database.row(SLEEP, 0.0)
