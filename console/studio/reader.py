"""Short read-only transactions in the reading role of a slice, and the catalog of its tables."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from console.studio import catalog
from console.studio.catalog import Table
from console.studio.errors import StudioError
from console.studio.query import Statement

SECONDS = 5.0
"""How long a request may read."""
COSTLY = 20_000.0
"""The planner's estimate, in its own units, above which a statement is asked for twice: a second or so of reading."""
_BEGIN = f"""
BEGIN READ ONLY;
SET LOCAL statement_timeout = '{SECONDS:.0f}s';
SET LOCAL lock_timeout = '500ms';
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL search_path = '';
SET LOCAL TimeZone = 'UTC'
"""
_CATALOG_SECONDS = 10.0
_CONNECTIONS = 3
_WAIT_SECONDS = 2.0


class Reader:
    """One slice, read by at most three requests at a time. Close it at the end."""

    def __init__(self, schema: str, dsn: str) -> None:
        self.schema = schema
        self._dsn = dsn
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._tables: dict[str, Table] = {}
        self._read_at = -_CATALOG_SECONDS

    async def close(self) -> None:
        """End all connections."""
        if self._pool is not None:
            self._pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A transaction that only reads, ends after five seconds and is rolled back. Raises StudioError for what the server refuses."""
        try:
            async with asyncio.timeout(SECONDS):
                pool = await self._connected()
                async with pool.acquire(timeout=_WAIT_SECONDS) as connection:
                    await connection.execute(_BEGIN)
                    try:
                        yield connection
                    finally:
                        await connection.execute("ROLLBACK")
        except (asyncpg.QueryCanceledError, TimeoutError) as error:
            raise StudioError("TOO_SLOW", f"It took longer than {SECONDS:.0f} s.", 504) from error
        except asyncpg.LockNotAvailableError as error:
            raise StudioError("LOCKED", "Somebody changes the table right now.", 409) from error
        except asyncpg.DataError as error:
            raise StudioError("BAD_VALUE", str(error)) from error
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StudioError("DATABASE", f"{self.schema}: {error}", 502) from error

    async def tables(self) -> Mapping[str, Table]:
        """The tables of the slice, ten seconds old at most."""
        if time.monotonic() - self._read_at >= _CATALOG_SECONDS:
            async with self.transaction() as connection:
                self._tables = await catalog.read(connection, self.schema)
            self._read_at = time.monotonic()
        return self._tables

    async def table(self, name: str) -> Table:
        """A table by its name. Raises StudioError NO_TABLE."""
        try:
            return (await self.tables())[name]
        except KeyError:
            raise StudioError("NO_TABLE", f"{self.schema} has no table {name[:64]!r}.", 404) from None

    async def fetch(
        self, statement: Statement, table: Table, columns: Sequence[str] = (), *, anyway: bool = False
    ) -> list[asyncpg.Record]:
        """Run a statement. One that costs much is refused, unless `anyway`, with the index that `columns` lack."""
        async with self.transaction() as connection:
            if not anyway and await cost(connection, statement) > COSTLY:
                raise StudioError("COSTLY", _advice(table, columns), 409, anyway=True)
            rows: list[asyncpg.Record] = await connection.fetch(statement.sql, *statement.values)
            return rows

    async def _connected(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=_CONNECTIONS,
                    timeout=SECONDS,
                    statement_cache_size=0,
                    max_inactive_connection_lifetime=60.0,
                    server_settings={
                        "application_name": "seda studio",
                        "default_transaction_read_only": "on",
                        "role": f"{self.schema}_ro",
                    },
                )
            return self._pool


async def cost(connection: asyncpg.pool.PoolConnectionProxy, statement: Statement) -> float:
    """What the planner thinks a statement costs, in its own units."""
    plan: list[dict[str, Any]] = json.loads(
        await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement.sql}", *statement.values)
    )
    return float(plan[0]["Plan"]["Total Cost"])


def _advice(table: Table, columns: Sequence[str]) -> str:
    lacking = [each for each in dict.fromkeys(columns) if each not in table.leading]
    rows = "an unknown number of" if table.estimate is None else f"about {table.estimate:,}"
    if not lacking:
        return f"That reads much of {table.full_name}, which has {rows} rows."
    return f"No index of {table.full_name}, which has {rows} rows, begins with {' or '.join(lacking)}."
