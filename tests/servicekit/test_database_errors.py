"""What PostgreSQL's errors become: the SQLSTATE table, time-outs, violations, lost connections."""

from __future__ import annotations

import asyncio
import traceback

import asyncpg
import pytest

from servicekit.database import Database, Session
from servicekit.errors import (
    ConflictError,
    DatabaseUnavailableError,
    DeadlineExceededError,
    OutcomeUnknownError,
    ServiceError,
)
from servicekit.sql import Command
from servicekit.sql_errors import (
    InvalidDataError,
    LockTimeoutError,
    StatementTimeoutError,
    UnexpectedDatabaseError,
)
from tests import postgres
from tests.servicekit.sample_table import (
    ADD,
    ADD_UNIQUE,
    BACKEND,
    BY_ID,
    LOCK,
    SLEEP,
    NameTakenError,
    SizeError,
    activity,
    opened,
)

_STATES: dict[str, type[Exception]] = {
    "08000": DatabaseUnavailableError,
    "08003": DatabaseUnavailableError,
    "08006": DatabaseUnavailableError,
    "22001": InvalidDataError,
    "22021": InvalidDataError,
    "22P05": InvalidDataError,
    "23502": UnexpectedDatabaseError,
    "23503": UnexpectedDatabaseError,
    "23505": UnexpectedDatabaseError,
    "23514": UnexpectedDatabaseError,
    "25P02": UnexpectedDatabaseError,
    "40001": ConflictError,
    "40P01": ConflictError,
    "42501": UnexpectedDatabaseError,
    "42P01": UnexpectedDatabaseError,
    "53100": UnexpectedDatabaseError,
    "53300": DatabaseUnavailableError,
    "54000": UnexpectedDatabaseError,
    "55P03": LockTimeoutError,
    "57014": StatementTimeoutError,
    "57P01": DatabaseUnavailableError,
    "57P02": DatabaseUnavailableError,
    "57P03": DatabaseUnavailableError,
    "P0001": UnexpectedDatabaseError,
    "XX000": UnexpectedDatabaseError,
}
_RAISE = {
    state: Command[()](
        f"things.raise_{state}", f"DO $$ BEGIN RAISE EXCEPTION 'hush' USING ERRCODE = '{state}'; END $$"
    )
    for state in _STATES
}


async def backend(pool: Database) -> int:
    row = await pool.row(BACKEND)
    assert row is not None
    return row.number


async def kill(admin: asyncpg.Connection, state: str) -> None:
    """End the pool's connections as soon as there are some in that state."""
    async with asyncio.timeout(5):
        while not await activity(admin, state):
            # PostgreSQL tells only when it is asked.
            await asyncio.sleep(0.01)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'things'"
    )


@pytest.mark.parametrize(("state", "expected"), _STATES.items(), ids=_STATES)
async def test_sqlstate(pool: Database, state: str, expected: type[Exception]) -> None:
    with pytest.raises(expected) as raised:
        await pool.execute(_RAISE[state])
    assert type(raised.value) is expected
    if isinstance(raised.value, UnexpectedDatabaseError):
        assert raised.value.state == state
    assert "hush" not in str(raised.value)
    # Whatever it was, the pool goes on.
    assert await backend(pool)


async def test_violation_of_a_named_constraint_is_the_domain_s_error(pool: Database) -> None:
    await pool.execute(ADD_UNIQUE, 1, "a", 0)
    with pytest.raises(NameTakenError):
        await pool.execute(ADD_UNIQUE, 2, "a", 0)
    with pytest.raises(SizeError):
        await pool.execute(ADD_UNIQUE, 2, "b", -1)
    async with pool.transaction() as session:
        with pytest.raises(NameTakenError):
            await session.execute(ADD_UNIQUE, 2, "a", 0)


async def test_violation_that_nobody_named_is_a_defect(pool: Database) -> None:
    await pool.execute(ADD, 1, "a")
    for statement, args in ((ADD_UNIQUE, (1, "b", 0)),):
        with pytest.raises(UnexpectedDatabaseError) as raised:
            await pool.execute(statement, *args)
        assert not isinstance(raised.value, ServiceError)
        assert raised.value.state == "23505"
    told = r"things\.add: UniqueViolationError \(things_name_key\) 23505"
    with pytest.raises(UnexpectedDatabaseError, match=told) as raised:
        await pool.execute(ADD, 2, "a")
    # The driver's words hold values.
    assert "Key (name)=(a)" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("number", "name"), [(1, "a\0b"), (1, "a\ud800b"), (1 << 31, "a"), (1, 7), ("one", "a")], ids=range(5)
)
async def test_value_that_can_t_be_stored_is_counted_as_refused(
    pool: Database, number: int, name: str
) -> None:
    with pytest.raises(InvalidDataError) as raised:
        await pool.execute(ADD, number, name)
    assert "a" not in str(raised.value).split(":")[0].replace("things.add", "")
    assert await backend(pool)


async def test_lock_time_out_is_a_conflict(dsn: str, pool: Database) -> None:
    await pool.execute(ADD, 1, "a")
    async with opened(dsn, lock_timeout_ms=50) as hasty, pool.transaction() as session:
        await session.row(LOCK, 1)
        with pytest.raises(LockTimeoutError):
            await hasty.row(LOCK, 1)


async def test_statement_time_out_is_deadline_exceeded(dsn: str) -> None:
    async with opened(dsn, statement_timeout_ms=50) as pool:
        with pytest.raises(DeadlineExceededError):
            await pool.row(SLEEP, 5.0)


async def test_deadlock_is_a_conflict_for_one_of_the_two(pool: Database) -> None:
    await pool.execute(ADD, 1, "a")
    await pool.execute(ADD, 2, "b")
    both = asyncio.Barrier(2)

    async def lock(own: int, other: int) -> None:
        async with pool.transaction() as session:
            await session.row(LOCK, own)
            await both.wait()
            await session.row(LOCK, other)

    results = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert {type(each) for each in results} <= {type(None), ConflictError, LockTimeoutError}
    assert any(isinstance(each, ConflictError) for each in results)
    # A deadlock can be tried again, which is what transact does with all but vain waits for a lock.
    assert issubclass(LockTimeoutError, ConflictError)


async def test_connection_lost_under_a_statement(pool: Database, admin: asyncpg.Connection) -> None:
    sleeping = asyncio.ensure_future(pool.row(SLEEP, 30.0))
    await kill(admin, "sleeping")
    with pytest.raises(DatabaseUnavailableError):
        await sleeping
    assert await backend(pool)
    assert pool.busy == 0


async def test_connections_lost_while_idle(pool: Database, admin: asyncpg.Connection) -> None:
    before = await backend(pool)
    await kill(admin, "idle")
    answered = []
    for _ in range(5):
        try:
            answered.append(await backend(pool))
        except DatabaseUnavailableError:
            # Once at most for each connection that was there.
            continue
    assert len(answered) >= 3
    assert before not in answered


async def test_work_that_waited_for_a_lock_in_vain_is_not_repeated(pool: Database, dsn: str) -> None:
    await pool.execute(ADD, 1, "a")
    tried = []

    async def work(session: Session) -> None:
        tried.append(True)
        await session.row(LOCK, 1)

    async with opened(dsn, lock_timeout_ms=50) as hasty, pool.transaction() as session:
        await session.row(LOCK, 1)
        with pytest.raises(LockTimeoutError):
            await hasty.run_in_transaction(work)
    assert len(tried) == 1


async def test_connection_lost_inside_a_transaction(pool: Database, admin: asyncpg.Connection) -> None:
    async def write() -> None:
        async with pool.transaction() as session:
            await session.execute(ADD, 1, "a")
            await kill(admin, "idle in transaction")
            await session.execute(ADD, 2, "b")

    with pytest.raises(DatabaseUnavailableError) as raised:
        await write()
    assert not isinstance(raised.value, OutcomeUnknownError)
    assert await pool.row(BY_ID, 1) is None
    assert pool.busy == 0


async def test_connection_lost_while_committing_leaves_the_outcome_open(
    pool: Database, admin: asyncpg.Connection
) -> None:
    async def write() -> None:
        async with pool.transaction() as session:
            await session.execute(ADD, 1, "slow")

    task = asyncio.ensure_future(write())
    await kill(admin, "sleeping")
    with pytest.raises(OutcomeUnknownError) as raised:
        await task
    assert raised.value.retry_after
    assert await backend(pool)


async def test_connection_that_takes_too_long_to_commit_is_given_up(dsn: str) -> None:
    async def write(pool: Database) -> None:
        async with pool.transaction() as session:
            await session.execute(ADD, 1, "slow")

    async with opened(dsn, max_size=1, control_timeout=0.2) as pool:
        before = await backend(pool)
        with pytest.raises(OutcomeUnknownError):
            await write(pool)
        assert await backend(pool) != before


async def test_forgotten_transaction_is_ended(dsn: str) -> None:
    async def dawdle(pool: Database) -> None:
        async with pool.transaction() as session:
            # Longer than PostgreSQL lets a transaction idle.
            await asyncio.sleep(0.4)
            await session.row(BACKEND)

    async with opened(dsn, idle_in_transaction_timeout_ms=100) as pool:
        with pytest.raises(DatabaseUnavailableError):
            await dawdle(pool)
        assert await backend(pool)


async def test_refused_connections_are_unavailable(
    dsn: str, database: postgres.Database, admin: asyncpg.Connection
) -> None:
    async with opened(dsn, min_size=1, max_size=1) as pool:
        assert await backend(pool)
        await admin.execute("CREATE ROLE limited LOGIN PASSWORD 'limited' CONNECTION LIMIT 0")
        try:
            address = f"127.0.0.1:{database.server.port}/{database.name}"
            async with opened(f"postgresql://limited:limited@{address}") as limited:
                with pytest.raises(DatabaseUnavailableError):
                    await limited.row(BACKEND)
        finally:
            await admin.execute("DROP ROLE limited")
