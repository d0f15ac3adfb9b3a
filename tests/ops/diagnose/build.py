"""How faults are built for tests of `seda db doctor`: contexts in which each of them is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace

import asyncpg

from ops.diagnose.check import Limits
from ops.diagnose.doctor import Inquiry
from ops.findings import Result
from tests.postgres import Database, administrator

_CLEAN = """
DROP TABLE IF EXISTS chat.child, chat.made;
DROP SEQUENCE IF EXISTS chat.numbers;
TRUNCATE users.users, chat.rooms, chat.messages, chat.threads, chat.reactions, chat.reaction_tallies,
  tracks.crawler_cache, users.leases CASCADE
"""
Build = Callable[[Database], AbstractAsyncContextManager[Inquiry | None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`build` yields what the run is to look at besides the database, if anything. `limits` are thresholds that the fault passes where passing the real one would take too long."""

    id: str
    result: Result
    build: Build
    limits: Limits = field(default_factory=Limits)


def build_with(*statements: str, undo: Sequence[str] = ()) -> Build:
    @asynccontextmanager
    async def build(database: Database) -> AsyncIterator[Inquiry | None]:
        async with administrator(database.server, database.name) as connection:
            for each in statements:
                await connection.execute(each)
            await connection.execute("SELECT pg_stat_force_next_flush()")
            await connection.execute("SELECT 1")
        try:
            yield None
        finally:
            async with administrator(database.server, database.name) as connection:
                for each in (*undo, _CLEAN):
                    await connection.execute(each)

    return build


def session(*statements: str) -> Build:
    """Leave a session in a transaction after these statements."""

    @asynccontextmanager
    async def build(database: Database) -> AsyncIterator[Inquiry | None]:
        async with administrator(database.server, database.name) as connection:
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            for each in statements:
                await connection.execute(each)
            yield None
            await connection.execute("ROLLBACK")

    return build


@asynccontextmanager
async def running(database: Database, sql: str, wait_event: str) -> AsyncIterator[int]:
    """Have a session in the middle of a statement, and cancel it at the end."""
    connection = await asyncpg.connect(database.admin_dsn)
    pid = connection.get_server_pid()
    statement = asyncio.ensure_future(connection.execute(sql))
    async with administrator(database.server) as other:
        while not await other.fetchval(
            "SELECT wait_event_type || wait_event = $2 FROM pg_stat_activity WHERE pid = $1", pid, wait_event
        ):
            assert not statement.done()
        try:
            yield pid
        finally:
            await other.execute("SELECT pg_terminate_backend($1)", pid)
            await asyncio.gather(statement, return_exceptions=True)
            await connection.close()


@asynccontextmanager
async def sleeping(database: Database) -> AsyncIterator[Inquiry | None]:
    async with running(database, "SELECT pg_sleep(60)", "TimeoutPgSleep"):
        yield None


@asynccontextmanager
async def blocked(database: Database) -> AsyncIterator[Inquiry | None]:
    async with administrator(database.server, database.name) as first:
        await first.execute("BEGIN; LOCK TABLE users.leases")
        async with (
            running(database, "SELECT FROM users.leases", "Lockrelation"),
            running(database, "BEGIN; LOCK TABLE users.leases", "Lockrelation"),
        ):
            yield None
        await first.execute("ROLLBACK")


@asynccontextmanager
async def blocked_by_prepared(database: Database) -> AsyncIterator[Inquiry | None]:
    prepared = build_with(
        "BEGIN; LOCK TABLE users.leases", "PREPARE TRANSACTION 'left'", undo=["ROLLBACK PREPARED 'left'"]
    )
    async with prepared(database), running(database, "SELECT FROM users.leases", "Lockrelation"):
        yield None


def limits(**values: object) -> Limits:
    return replace(Limits(), **values)  # type: ignore[arg-type]  # a field's name and value
