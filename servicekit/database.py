"""PostgreSQL through one pool per process: typed statements, short transactions, typed errors.

The pool runs no reset query on release, which would double the cost of a call. Sessions must therefore stay
clean: SET LOCAL only, no session locks, no LISTEN.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
import structlog

from servicekit import sql_errors
from servicekit.call import Call, current_call
from servicekit.connection_cache import ConnectionCache
from servicekit.errors import ConflictError, DatabaseBusyError, DatabaseUnavailableError, OutcomeUnknownError
from servicekit.sql import Command, Params, Query, Row, Statement, row_count
from servicekit.tcp_keepalive import limit_silence

_log = structlog.get_logger("database")
_T = TypeVar("_T")
_ATTEMPTS = 3
_REOPEN_SECONDS = 0.5
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)
# From PostgreSQL's epoch, 2000-01-01, to 1970-01-01 in microseconds.
_EPOCH_SHIFT = 946_684_800_000_000


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Options of the pool. Times are in seconds, those named `*_ms` in milliseconds.

    `acquire_timeout` bounds the wait for a connection; half of the call's remaining deadline bounds it too. With
    `pooled`, a transaction pooler is in between: no statement is prepared, nothing is set at connect, and the
    roles have the timeouts that each session sets otherwise.
    """

    name: str
    min_size: int = 2
    max_size: int = 8
    acquire_timeout: float = 1.0
    connect_timeout: float = 3.0
    control_timeout: float = 5.0
    statement_timeout_ms: int = 30_000
    lock_timeout_ms: int = 1_000
    idle_in_transaction_timeout_ms: int = 10_000
    slow_statement_ms: float = 1_000
    log_statements: bool = False
    pooled: bool = False

    def connect_arguments(self) -> dict[str, Any]:
        """The arguments of asyncpg.connect beside the DSN."""
        settings = {"application_name": self.name}
        arguments: dict[str, Any] = {"timeout": self.connect_timeout, "server_settings": settings}
        if self.pooled:
            return {**arguments, "statement_cache_size": 0}
        # Statements outside of transactions, too, whatever the database or the role has as its default.
        settings["default_transaction_isolation"] = "read committed"
        settings["statement_timeout"] = str(self.statement_timeout_ms)
        settings["lock_timeout"] = str(self.lock_timeout_ms)
        settings["idle_in_transaction_session_timeout"] = str(self.idle_in_transaction_timeout_ms)
        return arguments


class Connection(asyncpg.Connection):
    """A connection without a reset on release."""

    def get_reset_query(self) -> str:
        """No reset: see the module docstring."""
        return ""


class Session:
    """Runs statements on one connection, records their times and maps driver errors to typed ones."""

    def __init__(self, database: Database, connection: Any) -> None:  # noqa: ANN401 - pooled or plain connection
        self._database = database
        self._connection = connection

    async def rows(self, query: Query[Row, *Params], *args: *Params) -> list[Row]:
        """All rows of a query."""
        records = await self._run(query, self._connection.fetch, args)
        return list(map(query.make, records))

    async def row(self, query: Query[Row, *Params], *args: *Params) -> Row | None:
        """The first row of a query, or None."""
        record = await self._run(query, self._connection.fetchrow, args)
        return None if record is None else query.make(record)

    async def one(self, query: Query[Row, *Params], *args: *Params) -> Row:
        """The row of a query that always returns one; raises RuntimeError when it did not."""
        row = await self.row(query, *args)
        if row is None:
            raise RuntimeError(f"{query.name} returned no row")
        return row

    async def execute(self, command: Command[*Params], *args: *Params) -> int:
        """Run a command; returns how many rows it touched."""
        tag: str = await self._run(command, self._connection.execute, args)
        return row_count(tag) or 0

    async def execute_control(self, text: str) -> None:
        """Run a BEGIN, COMMIT or ROLLBACK; terminates the connection on a timeout."""
        started = time.perf_counter()
        failure: str | None = None
        try:
            await self._connection.execute(text, timeout=self._database.options.control_timeout)
        except sql_errors.DRIVER_ERRORS as error:
            failure = sql_errors.sqlstate(error)
            raise self._to_service_error(error, None) from None
        finally:
            self._database.record_statement(text.partition(" ")[0], time.perf_counter() - started, failure)

    async def _run(
        self, statement: Statement[*tuple[Any, ...]], run: Callable[..., Awaitable[_T]], args: tuple[Any, ...]
    ) -> _T:
        started, result = time.perf_counter(), None
        failure: str | None = None
        try:
            result = await run(statement.text, *args)
        except sql_errors.DRIVER_ERRORS as error:
            failure = sql_errors.sqlstate(error)
            # The driver's error contains values, even whole rows, which must not reach a traceback.
            raise self._to_service_error(error, statement) from None
        finally:
            self._database.record_statement(statement.name, time.perf_counter() - started, failure, result)
        return result

    def _to_service_error(
        self, error: BaseException, statement: Statement[*tuple[Any, ...]] | None
    ) -> Exception:
        read_only = sql_errors.sqlstate(error) == sql_errors.READ_ONLY
        if read_only or isinstance(error, TimeoutError) or sql_errors.is_closed_by_server(error):
            # The connection may never end, or leads to a former primary; it must not return to the pool.
            self._connection.terminate()
        return sql_errors.translate(error, statement)


@dataclass(slots=True, eq=False)
class _Checkout:
    """The call that has a connection, and since when on the monotonic clock."""

    since: float
    call: Call | None


class Database:
    """The pool of one process.

    `observers` receive the name and the seconds of each statement. `on_connect`, set before the pool is opened,
    runs on every new connection before its first use. `trace` receives the SQLSTATE of a failure, too.
    """

    def __init__(self, dsn: str, options: PoolOptions) -> None:
        self.observers: list[Callable[[str, float], None]] = []
        self.trace: Callable[[str, float, str | None], None] | None = None
        self.on_connect: Callable[[Session], Awaitable[None]] | None = None
        self.options = options
        self._dsn = dsn
        self._pool: ConnectionCache | None = None
        # asyncpg's pool is not fair: a waiter can starve. This semaphore is FIFO.
        self._slots = asyncio.Semaphore(options.max_size)
        self._checkouts: set[_Checkout] = set()
        self.waiters = 0
        self._opening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the pool. While PostgreSQL is unavailable this returns too and retries in the background."""
        await self._try_open()
        if self._pool is None:
            self._opening = asyncio.create_task(self._keep_opening())

    async def close(self) -> None:
        """Close all connections; running statements have two seconds to finish."""
        if self._opening is not None:
            self._opening.cancel()
        if self._pool is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await self._pool.close()

    async def replace_connections(self) -> None:
        """Close the connections of now: idle ones before their next use, the others after this one."""
        if self._pool is not None:
            await self._pool.expire()

    @property
    def busy(self) -> int:
        """How many connections are in use."""
        return len(self._checkouts)

    async def rows(self, query: Query[Row, *Params], *args: *Params) -> list[Row]:
        """All rows of a query, in a transaction of its own."""
        async with self.session() as session:
            return await session.rows(query, *args)

    async def row(self, query: Query[Row, *Params], *args: *Params) -> Row | None:
        """The first row of a query, or None, in a transaction of its own."""
        async with self.session() as session:
            return await session.row(query, *args)

    async def execute(self, command: Command[*Params], *args: *Params) -> int:
        """Run a command in a transaction of its own; returns how many rows it touched."""
        async with self.session() as session:
            return await session.execute(command, *args)

    @contextlib.asynccontextmanager
    async def transaction(self, statement_timeout_ms: int | None = None) -> AsyncIterator[Session]:
        """A READ COMMITTED transaction: committed on leaving, rolled back on any exception.

        A commit that has begun is never cancelled. No RPC and no HTTP inside. With `statement_timeout_ms`, a longer
        statement raises StatementTimeoutError; SET LOCAL holds behind a transaction pooler, too.
        """
        begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
        if statement_timeout_ms is not None:
            begin += f"; SET LOCAL statement_timeout = {statement_timeout_ms:d}"
        async with self.session() as session:
            await session.execute_control(begin)
            try:
                yield session
            except BaseException:
                await _run_uncancelled(_roll_back(session))
                raise
            await _run_uncancelled(_commit(session))

    async def run_in_transaction(
        self, work: Callable[[Session], Awaitable[_T]], attempts: int = _ATTEMPTS
    ) -> _T:
        """Run `work` in a transaction; retried on a serialization failure or deadlock, three attempts in all.

        Lock timeouts are not retried: the next attempt would wait just as long.
        """
        try:
            async with self.transaction() as session:
                return await work(session)
        except ConflictError as error:
            if attempts == 1 or isinstance(error, sql_errors.LockTimeoutError):
                raise
        return await self.run_in_transaction(work, attempts - 1)

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Check out a connection for the block."""
        pool = self._pool
        if pool is None:
            raise DatabaseUnavailableError
        await self._take_slot()
        checkout = _Checkout(time.monotonic(), current_call.get())
        self._checkouts.add(checkout)
        try:
            lease = pool.take() or await pool.acquire()
            try:
                yield Session(self, lease.connection)
            except BaseException:
                # The statement may go on; the pool waits for its end.
                await pool.release(lease)
                raise
            if not pool.keep(lease):
                await pool.release(lease)
        finally:
            self._checkouts.discard(checkout)
            self._slots.release()

    def record_statement(self, name: str, seconds: float, failure: str | None, result: object = None) -> None:
        """Pass a finished statement to the observers; log it, with the rows of its result, when it was slow."""
        for observer in self.observers:
            observer(name, seconds)
        if self.trace is not None:
            self.trace(name, seconds, failure)
        slow = seconds * 1000 >= self.options.slow_statement_ms
        if slow or self.options.log_statements:
            call = current_call.get()
            _log.log(
                30 if slow else 20,
                "slow_statement" if slow else "statement",
                statement=name,
                ms=round(seconds * 1000, 2),
                rows=row_count(result),
                method=call.method.full_name if call else None,
                request_id=call.request_id if call else None,
            )

    async def _take_slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        self.waiters += 1
        try:
            async with asyncio.timeout(_acquire_timeout(self.options.acquire_timeout)):
                await self._slots.acquire()
        except TimeoutError:
            self._log_busy()
            raise DatabaseBusyError from None
        finally:
            self.waiters -= 1

    def _log_busy(self) -> None:
        oldest = min(self._checkouts, key=lambda checkout: checkout.since, default=None)
        call = oldest.call if oldest is not None else None
        _log.warning(
            "db_pool_timeout",
            size=self.options.max_size,
            in_use=len(self._checkouts),
            waiters=self.waiters,
            oldest_seconds=round(time.monotonic() - oldest.since, 3) if oldest is not None else None,
            oldest_method=call.method.full_name if call is not None else None,
            oldest_request_id=call.request_id if call is not None else None,
        )

    async def _try_open(self) -> None:
        try:
            pool = await asyncpg.create_pool(
                self._dsn,
                min_size=self.options.min_size,
                max_size=self.options.max_size,
                connection_class=Connection,
                init=self._prepare,
                **self.options.connect_arguments(),
            )
            self._pool = ConnectionCache(pool, self.options.connect_timeout)
        except (*sql_errors.CONNECT_ERRORS, *sql_errors.DRIVER_ERRORS) as error:
            _log.warning("db_unreachable", error=type(error).__name__)

    async def _keep_opening(self) -> None:
        while self._pool is None:
            await asyncio.sleep(_REOPEN_SECONDS)
            await self._try_open()

    async def _prepare(self, connection: Any) -> None:  # noqa: ANN401 - a pool's proxy
        limit_silence(connection)
        await set_codecs(connection)
        if not self.options.pooled:
            # On, unless the server waits for even more than its own disk.
            await connection.execute(_DURABLE)
        if self.on_connect is not None:
            await self.on_connect(Session(self, connection))


async def set_codecs(connection: Any) -> None:  # noqa: ANN401 - pooled or plain connection
    """Map timestamptz to integer microseconds in both directions."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        encoder=lambda micros: (micros - _EPOCH_SHIFT,),
        decoder=lambda parts: parts[0] + _EPOCH_SHIFT,
        format="tuple",
    )


def _acquire_timeout(longest: float) -> float:
    """Half of the call's remaining deadline, so that time is left to use the connection.

    With FIFO order and waits up to the deadline, every call would get its connection too late.
    """
    call = current_call.get()
    return longest if call is None else min(longest, (call.deadline - time.monotonic()) / 2)


async def _commit(session: Session) -> None:
    try:
        await session.execute_control("COMMIT")
    except Exception as error:
        raise OutcomeUnknownError from error


async def _roll_back(session: Session) -> None:
    # After a lost connection the server rolls back without a command.
    with contextlib.suppress(Exception):
        await session.execute_control("ROLLBACK")


async def _run_uncancelled(work: Awaitable[None]) -> None:
    """Shield `work` from cancellation; raises CancelledError after it has finished."""
    task = asyncio.ensure_future(work)
    interrupted = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            interrupted = True
    if interrupted:
        # Reading the exception keeps asyncio from reporting it.
        if not task.cancelled():
            task.exception()
        raise asyncio.CancelledError
    task.result()
