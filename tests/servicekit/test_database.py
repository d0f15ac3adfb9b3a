"""The pool and its statements against a real PostgreSQL: results, transactions, cancellation, fairness."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import pytest
from structlog.testing import capture_logs

from servicekit.call import Call, current_call
from servicekit.clock import Micros
from servicekit.database import Database, PoolOptions, Session
from servicekit.errors import ConflictError, DatabaseBusyError, DatabaseUnavailableError
from servicekit.sql import Statement
from tests.probe import METHODS
from tests.servicekit.sample_table import (
    ADD,
    ADD_AT,
    ALL,
    AT,
    BACKEND,
    BY_ID,
    CLEAR,
    COUNT,
    RENAME_ALL,
    SETTING,
    SHOWN,
    SLEEP,
    Thing,
    activity,
    opened,
)

_YEAR = 31_556_952 * 1_000_000


async def until(admin: asyncpg.Connection, state: str, count: int) -> None:
    async with asyncio.timeout(5):
        while await activity(admin, state) != count:
            # PostgreSQL tells only when it is asked.
            await asyncio.sleep(0.01)


async def test_statements_give_rows_and_counts(pool: Database) -> None:
    assert await pool.execute(ADD, 1, "a") == 1
    assert await pool.execute(ADD, 2, None) == 1
    assert await pool.row(BY_ID, 1) == Thing(1, "a", None)
    assert await pool.row(BY_ID, 3) is None
    assert await pool.rows(ALL) == [Thing(1, "a", None), Thing(2, None, None)]
    assert await pool.execute(RENAME_ALL, None) == 2
    assert await pool.execute(CLEAR) == 2
    assert await pool.execute(CLEAR) == 0
    assert await pool.rows(ALL) == []


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "AD1970-01-01 00:00:00.000000"),
        (1, "AD1970-01-01 00:00:00.000001"),
        (-1, "AD1969-12-31 23:59:59.999999"),
        (946_684_800_000_000, "AD2000-01-01 00:00:00.000000"),
        (1_795_356_611_123_456, "AD2026-11-22 14:10:11.123456"),
        (253_402_300_799_999_999, "AD9999-12-31 23:59:59.999999"),
        (-62_135_596_800_000_000, "AD0001-01-01 00:00:00.000000"),
        (-62_135_596_800_000_001, "BC0001-12-31 23:59:59.999999"),
        (9_224_318_015_999_999_999 // 1000, "AD2262-04-22 22:33:35.999999"),
    ],
)
async def test_instants_are_microseconds_both_ways(pool: Database, micros: int, shown: str) -> None:
    row = await pool.row(ADD_AT, 1, Micros(micros))
    assert row is not None
    assert row.made_at == micros
    assert type(row.made_at) is int
    text = await pool.row(SHOWN, Micros(micros))
    assert text is not None
    assert text.text == shown


async def test_one_returns_the_row_or_raises(pool: Database) -> None:
    async with pool.session() as session:
        assert (await session.one(COUNT)).number == 0
        with pytest.raises(RuntimeError, match=r"things\.by_id returned no row"):
            await session.one(BY_ID, 1)


async def test_no_instant_is_none(pool: Database) -> None:
    row = await pool.row(ADD_AT, 1, None)
    assert row == Thing(1, None, None)


async def test_last_instant_of_postgresql_fits(pool: Database) -> None:
    row = await pool.row(AT, "294276-12-31 23:59:59.999999+00")
    assert row is not None
    assert row.at // _YEAR in {292_306, 292_307}


async def test_transaction_is_committed_on_leaving(pool: Database) -> None:
    async with pool.transaction() as session:
        await session.execute(ADD, 1, "a")
        assert await session.row(BY_ID, 1) is not None
        assert await pool.row(BY_ID, 1) is None
    assert await pool.row(BY_ID, 1) is not None


async def test_transaction_is_rolled_back_on_an_error(pool: Database, admin: asyncpg.Connection) -> None:
    async def write() -> None:
        async with pool.transaction() as session:
            await session.execute(ADD, 1, "a")
            raise KeyError

    with pytest.raises(KeyError):
        await write()
    assert await pool.rows(ALL) == []
    assert await activity(admin, "idle in transaction") == 0
    assert pool.busy == 0


async def test_transaction_is_rolled_back_when_cancelled(pool: Database, admin: asyncpg.Connection) -> None:
    written = asyncio.Event()

    async def write() -> None:
        async with pool.transaction() as session:
            await session.execute(ADD, 1, "a")
            written.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(write())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await pool.rows(ALL) == []
    assert await activity(admin, "idle in transaction") == 0


async def test_commit_that_has_begun_is_never_cancelled(pool: Database, admin: asyncpg.Connection) -> None:
    async def write() -> None:
        async with pool.transaction() as session:
            await session.execute(ADD, 1, "slow")

    task = asyncio.ensure_future(write())
    await until(admin, "sleeping", 1)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await pool.row(BY_ID, 1) == Thing(1, "slow", None)
    assert pool.busy == 0


async def test_cancelled_statement_frees_its_connection(pool: Database, admin: asyncpg.Connection) -> None:
    tasks = [asyncio.ensure_future(pool.row(SLEEP, 30.0)) for _ in range(4)]
    await until(admin, "sleeping", 4)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    await until(admin, "active", 0)
    assert pool.busy == 0
    assert len(await asyncio.gather(*(pool.row(BACKEND) for _ in range(8)))) == 8


async def test_random_cancels_leave_nothing_behind(pool: Database, admin: asyncpg.Connection) -> None:
    seeded = random.Random(1)

    async def write(number: int) -> None:
        async with pool.transaction() as session:
            await session.execute(ADD, number, None)
            await session.row(SLEEP, seeded.random() / 500)

    tasks = []
    for number in range(200):
        tasks.append(asyncio.ensure_future(write(number)))
        # A random moment of a random task's life.
        await asyncio.sleep(seeded.random() / 200)
        seeded.choice(tasks[-3:]).cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(each) for each in results} <= {type(None), asyncio.CancelledError}
    await until(admin, "active", 0)
    # A connection may just be on its way back to the pool.
    await until(admin, "idle in transaction", 0)
    assert pool.busy == 0
    row = await pool.row(COUNT)
    assert row is not None
    # What was acknowledged is there; what was cancelled may be.
    assert row.number >= sum(each is None for each in results) > 0


async def test_no_free_connection_is_said_in_time(dsn: str) -> None:
    async with opened(dsn, max_size=1, acquire_timeout=0.1) as pool:
        async with pool.session():
            with capture_logs() as logs, pytest.raises(DatabaseBusyError) as raised:
                await pool.row(BACKEND)
        assert raised.value.retry_after
        (line,) = logs
        assert (line["log_level"], line["size"], line["in_use"], line["waiters"]) == ("warning", 1, 1, 1)
        assert line["oldest_seconds"] >= 0.1
        assert await pool.row(BACKEND) is not None


async def test_connections_are_given_in_order(dsn: str) -> None:
    served: list[int] = []
    async with opened(dsn, max_size=1, acquire_timeout=10) as pool:

        async def ask(number: int) -> None:
            async with pool.session():
                served.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*(ask(number) for number in range(50)))
    assert served == list(range(50))


async def test_work_is_repeated_when_another_transaction_was_in_the_way(pool: Database) -> None:
    for failures, done in ((0, True), (2, True), (3, False)):
        tries = 0

        async def work(session: Session, failures: int = failures) -> int:
            nonlocal tries
            tries += 1
            await session.execute(ADD, tries + failures * 10, None)
            if tries <= failures:
                raise ConflictError
            return tries

        if done:
            assert await pool.run_in_transaction(work) == failures + 1
        else:
            with pytest.raises(ConflictError):
                await pool.run_in_transaction(work)
        assert tries == min(failures + 1, 3)
    assert [row.id for row in await pool.rows(ALL)] == [1, 23]


async def test_session_time_outs_are_set(pool: Database) -> None:
    told = {}
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "application_name")
    for name in names:
        row = await pool.row(SETTING, name)
        assert row is not None
        told[name] = row.text
    assert told == dict(zip(names, ("30s", "1s", "10s", "things"), strict=True))


async def test_behind_a_pooler_nothing_is_set_or_prepared(dsn: str) -> None:
    async with opened(dsn, pooled=True, max_size=1) as pool:
        for _ in range(3):
            row = await pool.row(SETTING, "statement_timeout")
            assert row is not None
            assert row.text == "0"
        async with pool.session() as session:
            assert await session._connection.fetchval("SELECT count(*) FROM pg_prepared_statements") == 0


async def test_connection_comes_back_as_it_was(dsn: str) -> None:
    async with opened(dsn, max_size=1) as pool:
        async with pool.session() as session:
            await session.execute_control("SET work_mem = '5MB'")
        row = await pool.row(SETTING, "work_mem")
        assert row is not None
        # No reset query runs, which is why only SET LOCAL is allowed.
        assert row.text == "5MB"


async def test_each_new_connection_is_prepared_once(dsn: str) -> None:
    seen = []

    async def look(session: Session) -> None:
        seen.append(await session.row(BACKEND))

    pool = Database(dsn, PoolOptions("things", min_size=2, max_size=3))
    pool.on_connect = look
    await pool.open()
    try:
        assert len(seen) == 2
        await asyncio.gather(*(pool.row(SLEEP, 0.05) for _ in range(6)))
        assert len(seen) == len(set(seen)) == 3
    finally:
        await pool.close()


async def test_statements_are_timed_by_name(pool: Database) -> None:
    seen: list[tuple[str, float]] = []
    pool.observers.append(lambda name, seconds: seen.append((name, seconds)))
    async with pool.transaction() as session:
        await session.row(SLEEP, 0.05)
    assert [name for name, _ in seen] == ["BEGIN", "things.sleep", "COMMIT"]
    assert 0.05 <= seen[1][1] < 5


async def test_slow_statement_is_logged_without_values(dsn: str) -> None:
    call = Call(method=METHODS["Ask"], request_id="the-request", deadline=0.0)
    async with opened(dsn, slow_statement_ms=50) as pool:
        await pool.row(BACKEND)
        scope = current_call.set(call)
        with capture_logs() as logs:
            await pool.row(BACKEND)
            await pool.row(SLEEP, 0.06)
        current_call.reset(scope)
    (line,) = logs
    assert line.pop("ms") >= 50
    assert line == {
        "event": "slow_statement",
        "log_level": "warning",
        "statement": "things.sleep",
        "rows": 1,
        "method": "probe.v1.ProbeService.Ask",
        "request_id": "the-request",
    }


async def test_all_statements_are_logged_when_asked_for(dsn: str) -> None:
    async with opened(dsn, log_statements=True) as pool:
        with capture_logs() as logs:
            await pool.execute(ADD, 1000, "a secret")
            await pool.rows(BACKEND)
    assert [(each["event"], each["statement"], each["log_level"], each["rows"]) for each in logs] == [
        ("statement", "things.add", "info", 1),
        ("statement", BACKEND.name, "info", 1),
    ]
    assert "secret" not in str(logs)


async def test_name_stands_in_the_text_for_the_statistics(pool: Database, admin: asyncpg.Connection) -> None:
    task = asyncio.ensure_future(pool.row(SLEEP, 0.5))
    await until(admin, "sleeping", 1)
    texts = await admin.fetch("SELECT query FROM pg_stat_activity WHERE application_name = 'things'")
    assert "SELECT /* things.sleep */ pg_sleep($1)::text AS text" in [each["query"] for each in texts]
    await task


async def test_database_that_is_away_is_tried_again_in_the_background(dsn: str) -> None:
    pool = Database("postgresql://nobody@127.0.0.1:1/nothing", PoolOptions("things", min_size=1))
    with capture_logs() as logs:
        await pool.open()
    assert [each["event"] for each in logs] == ["db_unreachable"]
    try:
        with pytest.raises(DatabaseUnavailableError):
            await pool.row(BACKEND)
        pool._dsn = dsn
        async with asyncio.timeout(10):
            while pool._pool is None:
                # The pool opens by itself, some time after PostgreSQL is back.
                await asyncio.sleep(0.05)
        assert await pool.row(BACKEND) is not None
    finally:
        await pool.close()


def test_two_statements_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"two statements are named things\.add"):
        Statement("things.add", "SELECT 1")
