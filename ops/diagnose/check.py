"""What a check of `seda db doctor` is, and how one is run: alone, reading only, for two seconds at most."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import asyncpg

from ops.diagnose.readings import Surroundings
from ops.errors import CliError
from ops.findings import Finding, Result

Grades = tuple[float, float]
"""From which value on a finding is a warning, and from which on it is critical."""

_MEGABYTE = 1 << 20
_HOUR, _DAY = 3_600.0, 86_400.0
_LIMITS = "SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '200ms'; SET LOCAL jit = off"
_SEES_ALL = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
_FORBIDDEN = """
SELECT format('%I.%I', wanted.nspname, wanted.relname), c.oid IS NULL AS missing
FROM unnest($1::text[], $2::text[]) AS wanted (nspname, relname)
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.nspname
LEFT JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.relname
WHERE c.oid IS NULL OR NOT has_schema_privilege(n.oid, 'USAGE') OR NOT has_table_privilege(c.oid, 'SELECT')
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """The thresholds of all checks; times in seconds, sizes in bytes, shares from 0 to 1."""

    sampled_rooms: int = 20
    connections: Grades = (0.80, 0.95)
    idle_in_transaction: Grades = (60.0, 300.0)
    long_query: Grades = (60.0, 600.0)
    blocking: Grades = (5.0, 60.0)
    xmin_seconds: Grades = (_HOUR, _DAY)
    xmin_transactions: float = 1_000_000.0
    vacuum_due: float = _HOUR
    never_analysed_rows: int = 10_000
    table_bloat: Grades = (0.30, 0.60)
    table_bloat_bytes: int = 100 * _MEGABYTE
    leaf_density: Grades = (0.60, 0.40)
    index_bloat_bytes: int = 50 * _MEGABYTE
    largest_read_bytes: int = 1_000 * _MEGABYTE
    unused_index_bytes: int = 10 * _MEGABYTE
    unused_index_window: float = 14 * _DAY
    sequence: Grades = (0.70, 0.90)
    wraparound: Grades = (500e6, 1_200e6)
    slow_query_ms: float = 1_000.0
    growth: float = 0.10
    growth_bytes: int = 100 * _MEGABYTE
    pool_wait_seconds: float = 10.0
    backup_age_seconds: float = 26 * _HOUR

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Return the thresholds with that of the services' own logs, SEDA_SLOW_QUERY_MS."""
        given = environ.get("SEDA_SLOW_QUERY_MS")
        try:
            return cls(slow_query_ms=float(given)) if given else cls()
        except ValueError:
            fix = "export SEDA_SLOW_QUERY_MS=1000"
            raise CliError("SETTING_INVALID", "SEDA_SLOW_QUERY_MS is not a number.", fix=fix) from None


@dataclass(frozen=True, slots=True)
class Check:
    """A check: `run` returns what is wrong, nothing where all is well.

    `reads` are tables that its role must be able to read; `sees_all` says that it needs pg_read_all_stats, without
    which the statistics of other sessions are empty.
    """

    id: str
    title: str
    run: Callable[[Probe], Awaitable[list[Finding]]]
    reads: Sequence[str] = ()
    sees_all: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What a check works with."""

    check: Check
    connection: asyncpg.Connection = field(repr=False)
    limits: Limits
    surroundings: Surroundings = field(repr=False)

    async def rows(self, sql: str, *values: object) -> list[asyncpg.Record]:
        """Return the rows of a query."""
        return list(await self.connection.fetch(sql, *values))

    def finding(
        self,
        result: Result,
        subject: str,
        sentence: str,
        *,
        value: object = "",
        threshold: object = "",
        command: str = "",
    ) -> Finding:
        """Return a finding of this check."""
        return Finding(
            self.check.id, result, self.check.title, subject, str(value), str(threshold), sentence, command
        )


def graded(value: float, grades: Grades) -> Result:
    """Return how bad a value is, where more is worse."""
    warn, critical = grades
    return Result.CRITICAL if value >= critical else Result.WARN if value >= warn else Result.OK


@asynccontextmanager
async def read_only(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Open the transaction of a check: it only reads, and waits for nothing for long."""
    async with connection.transaction(readonly=True):
        await connection.execute(_LIMITS)
        yield


async def run_check(
    connection: asyncpg.Connection, check: Check, limits: Limits, surroundings: Surroundings
) -> list[Finding]:
    """Run a check in a transaction of its own and return its findings, one at least."""
    probe = Probe(check, connection, limits, surroundings)
    try:
        async with read_only(connection):
            why = await _obstacle(probe)
            found = [probe.finding(Result.SKIPPED, "", why)] if why else await check.run(probe)
    except asyncpg.InsufficientPrivilegeError as error:
        found = [probe.finding(Result.SKIPPED, "", f"This role may not look: {error}.")]
    except Exception as error:  # noqa: BLE001 - a check that fails is a finding, and the next one runs
        sentence = f"The check failed: {type(error).__name__}: {error}."
        found = [probe.finding(Result.ERROR, "", sentence, command="seda db activity")]
    return found or [probe.finding(Result.OK, "", "")]


async def _obstacle(probe: Probe) -> str:
    """Return why the check can't be done, where its result would be empty for want of rights; empty: it can."""
    if probe.check.sees_all and not await probe.connection.fetchval(_SEES_ALL):
        return (
            "The statistics of other roles are hidden from this one: use the administrator or seda_monitor."
        )
    schemas, tables = (
        zip(*(each.split(".") for each in probe.check.reads), strict=True) if probe.check.reads else ((), ())
    )
    lacking = await probe.rows(_FORBIDDEN, list(schemas), list(tables))
    if any(each["missing"] for each in lacking):
        return "Its tables are not there yet: seda migrate deploy"
    if lacking:
        return f"This role may not read {', '.join(each[0] for each in lacking)}: use the administrator."
    return ""


def duration(seconds: float) -> str:
    """Return a time as people write it, in its largest unit."""
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """Return a number of bytes as people write it."""
    for unit, length in (("GB", 1 << 30), ("MB", _MEGABYTE), ("kB", 1 << 10)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count:.0f} B"
