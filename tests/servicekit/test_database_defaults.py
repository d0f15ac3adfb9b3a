"""Defaults of a database or a login that would break promises: isolation, durability, read-only, passwords."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import asyncpg
import pytest
from structlog.testing import capture_logs

from servicekit import readiness
from servicekit.database import Database, PoolOptions
from servicekit.errors import DatabaseUnavailableError
from servicekit.health import NOT_SERVING, SERVING, HealthRegistry
from servicekit.readiness import DatabaseProbe
from servicekit.sql import Command, Query
from tests import postgres
from tests.servicekit.test_readiness import applied_head, settings

LOGIN, PASSWORD = "defaults_login", "first"


class Setting(NamedTuple):
    value: str


SHOW = Query[Setting, str]("test.show", "SELECT current_setting($1) AS value")
WRITE = Command[()]("test.write", "UPDATE users.users SET role = role")


@pytest.fixture
async def admin(fresh_database: postgres.Database) -> AsyncIterator[asyncpg.Connection]:
    """An administrator of a database with a login of its own."""
    async with postgres.administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute(f"CREATE ROLE {LOGIN} LOGIN PASSWORD '{PASSWORD}' IN ROLE users_app")
        yield connection
        await connection.execute(f"DROP OWNED BY {LOGIN}; DROP ROLE {LOGIN}")


def dsn(database: postgres.Database) -> str:
    return f"postgresql://{LOGIN}:{PASSWORD}@127.0.0.1:{database.server.port}/{database.name}"


@pytest.fixture
async def opened(fresh_database: postgres.Database, admin: asyncpg.Connection) -> AsyncIterator[Database]:
    """A pool that opens its connections at the first use."""
    del admin
    database = Database(dsn(fresh_database), PoolOptions("test", min_size=0, max_size=1))
    await database.open()
    yield database
    await database.close()


async def test_statements_and_transactions_are_read_committed_whatever_the_default(
    opened: Database, admin: asyncpg.Connection
) -> None:
    await admin.execute(f"ALTER ROLE {LOGIN} SET default_transaction_isolation = 'serializable'")
    alone = await opened.row(SHOW, "transaction_isolation")
    async with opened.transaction() as session:
        inside = await session.row(SHOW, "transaction_isolation")
    assert alone == inside == Setting("read committed")


@pytest.mark.parametrize(("default", "kept"), [("off", "on"), ("on", "on"), ("remote_apply", "remote_apply")])
async def test_acknowledged_writes_are_on_disk_whatever_the_default(
    opened: Database, admin: asyncpg.Connection, default: str, kept: str
) -> None:
    await admin.execute(f"ALTER ROLE {LOGIN} SET synchronous_commit = '{default}'")
    assert await opened.row(SHOW, "synchronous_commit") == Setting(kept)


async def test_a_read_only_server_is_unavailable_and_its_connection_dropped(
    opened: Database, admin: asyncpg.Connection
) -> None:
    await admin.execute(f"ALTER ROLE {LOGIN} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseUnavailableError):
        await opened.execute(WRITE)
    with pytest.raises(DatabaseUnavailableError):
        async with opened.transaction() as session:
            await session.execute(WRITE)
    await admin.execute(f"ALTER ROLE {LOGIN} SET default_transaction_read_only = off")
    # The same pool of one connection: the one that was read-only is gone.
    await opened.execute(WRITE)


async def test_a_changed_password_makes_the_database_unavailable(
    opened: Database, admin: asyncpg.Connection
) -> None:
    await admin.execute(f"ALTER ROLE {LOGIN} PASSWORD 'second'")
    with pytest.raises(DatabaseUnavailableError):
        await opened.execute(WRITE)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER ROLE {} PASSWORD 'second'",
        "ALTER ROLE {} NOLOGIN",
        "ALTER ROLE {} SET default_transaction_read_only = on",
    ],
)
async def test_readiness_follows(
    fresh_database: postgres.Database,
    admin: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    monkeypatch.setattr(readiness, "RECONNECT_PROBES", 2)
    monkeypatch.setattr(readiness, "INTERVAL", 0.05)
    health = HealthRegistry()
    health.register(["users"])
    probe = DatabaseProbe(settings(dsn(fresh_database)), health, await applied_head(fresh_database))
    await probe.start()
    before = health.states[""]
    try:
        await admin.execute(change.format(LOGIN))
        async with asyncio.timeout(20):
            while health.states[""] != NOT_SERVING:
                # The probe runs by its own clock.
                await asyncio.sleep(0.02)
    finally:
        await probe.stop()
    assert before == SERVING


async def test_synchronous_commit_off_is_logged_once(
    fresh_database: postgres.Database, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the probe connects."""
    monkeypatch.setattr(readiness, "RECONNECT_PROBES", 1)
    await admin.execute(f"ALTER ROLE {LOGIN} SET synchronous_commit = off")
    probe = DatabaseProbe(settings(dsn(fresh_database)), HealthRegistry(), "none")
    with capture_logs() as lines:
        for _ in range(3):
            await probe._probe()
        await probe.stop()
    assert [line["event"] for line in lines].count("db_synchronous_commit_off") == 1


async def test_a_full_server_says_nothing_against_the_connection_that_stands(
    fresh_database: postgres.Database, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "RECONNECT_PROBES", 1)
    health = HealthRegistry()
    health.register(["users"])
    probe = DatabaseProbe(settings(dsn(fresh_database)), health, await applied_head(fresh_database))
    await probe._probe()
    await admin.execute(f"ALTER ROLE {LOGIN} CONNECTION LIMIT 0")
    for _ in range(3):
        await probe._probe()
    assert health.states[""] == SERVING
    await probe.stop()
