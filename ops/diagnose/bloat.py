"""How much of tables and indexes is empty, by pgstattuple; by oid, so that a role without table data may ask."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from ops.diagnose.check import Check, Grades, Probe, graded, size
from ops.findings import Finding, Result

# One statement may take two seconds, and all of a check not much more.
_SECONDS = 1.5
EXTENSION = "SELECT format('%I', n.nspname) FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = $1"
# pg_relation_size waits for whoever has locked the relation; relpages is what the last vacuum saw.
_RELATIONS = """
SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relpages::bigint * current_setting('block_size')::int AS bytes,
  coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), '100')::int
    AS fillfactor
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
WHERE c.relkind::text = $1 AND am.amname = $2 AND n.nspname !~ '^pg_(catalog|temp)' AND n.nspname <> 'information_schema'
  AND coalesce(i.indisvalid, true) AND c.relpages::bigint * current_setting('block_size')::int >= $3
ORDER BY 3 DESC, 2
"""
_TABLE = (
    "SELECT (dead_tuple_percent + approx_free_percent)::float8 FROM {}.pgstattuple_approx($1::oid::regclass)"
)
_INDEX = "SELECT CASE WHEN leaf_pages = 0 THEN NULL ELSE avg_leaf_density END FROM {}.pgstatindex($1::oid::regclass)"
_INSTALL = "CREATE EXTENSION pgstattuple WITH SCHEMA extensions;"


@dataclass(frozen=True, slots=True)
class Measured:
    """A table or an index: `share` is what is empty beyond its fillfactor, or how full its leaves are; None: not read."""

    name: str
    bytes: int
    share: float | None


async def tables(
    connection: asyncpg.Connection, schema: str, least: int, most: float
) -> AsyncIterator[Measured]:
    """Yield the tables of `least` bytes and more with the share that is empty, the largest first."""
    for row in await connection.fetch(_RELATIONS, "r", "heap", least):
        share = None
        if row["bytes"] <= most:
            percent = await _read(connection, _TABLE.format(schema), row["oid"])
            share = None if percent is None else max(0.0, (percent - (100 - row["fillfactor"])) / 100)
        yield Measured(row["name"], row["bytes"], share)


async def indexes(
    connection: asyncpg.Connection, schema: str, least: int, most: float
) -> AsyncIterator[Measured]:
    """Yield the B-trees of `least` bytes and more with the share of their leaves that is used, the largest first."""
    for row in await connection.fetch(_RELATIONS, "i", "btree", least):
        percent = await _read(connection, _INDEX.format(schema), row["oid"]) if row["bytes"] <= most else None
        yield Measured(row["name"], row["bytes"], None if percent is None else percent / 100)


async def _read(connection: asyncpg.Connection, sql: str, oid: int) -> float | None:
    """Return a percentage; None where someone has locked the relation, or it is gone by now."""
    try:
        async with connection.transaction():
            percent: float | None = await connection.fetchval(sql, oid)
    except (asyncpg.LockNotAvailableError, asyncpg.UndefinedTableError):
        return None
    return percent


async def check_tables(probe: Probe) -> list[Finding]:
    """No large table is mostly empty."""
    return await _check(probe, "table", probe.limits.table_bloat)


async def check_indexes(probe: Probe) -> list[Finding]:
    """No large index has mostly empty leaves."""
    return await _check(probe, "index", probe.limits.leaf_density)


async def _check(probe: Probe, kind: str, grades: Grades) -> list[Finding]:
    schema = await probe.connection.fetchval(EXTENSION, "pgstattuple")
    if schema is None:
        sentence = f"The extension pgstattuple, which measures it, is missing: {_INSTALL}"
        return [probe.finding(Result.SKIPPED, "", sentence)]
    limits = probe.limits
    least = limits.table_bloat_bytes if kind == "table" else limits.index_bloat_bytes
    measure = tables if kind == "table" else indexes
    end, found, unread = time.monotonic() + _SECONDS, list[Finding](), 0
    async for each in measure(probe.connection, schema, least, limits.largest_read_bytes):
        if each.share is None:
            unread += 1
        elif finding := (_table if kind == "table" else _index)(probe, each, grades):
            found.append(finding)
        if time.monotonic() > end:
            sentence = (
                f"Those smaller than {each.name} were not read, for want of time: seda db bloat reads all."
            )
            return [*found, probe.finding(Result.SKIPPED, "", sentence)]
    if unread:
        sentence = f"{unread} are locked, or larger than {size(limits.largest_read_bytes)}, and were not read: seda db bloat"
        found.append(probe.finding(Result.SKIPPED, "", sentence))
    return found


def _table(probe: Probe, table: Measured, grades: Grades) -> Finding | None:
    share = table.share or 0.0
    result = graded(share, grades)
    if result is Result.OK:
        return None
    sentence = (
        f"{share:.0%} of its {size(table.bytes)} are empty, which new rows will use;"
        " only a rewrite, which locks it, makes it smaller."
    )
    command = f"VACUUM (VERBOSE) {table.name};   (rewrite: pg_repack, or VACUUM FULL in a pause)"
    return probe.finding(
        result, table.name, sentence, value=f"{share:.0%}", threshold=f"{grades[0]:.0%}", command=command
    )


def _index(probe: Probe, index: Measured, grades: Grades) -> Finding | None:
    density = 1.0 if index.share is None else index.share
    # Less is worse here.
    result = graded(-density, (-grades[0], -grades[1]))
    if result is Result.OK:
        return None
    sentence = f"Its leaves are {density:.0%} full, of {size(index.bytes)}: a REINDEX makes it smaller and locks nobody out."
    return probe.finding(
        result,
        index.name,
        sentence,
        value=f"{density:.0%}",
        threshold=f"{grades[0]:.0%}",
        command="seda maintain run reindex",
    )


CHECKS = (
    Check("table-bloat", "Empty space in tables", check_tables, sees_all=True),
    Check("index-bloat", "Empty space in indexes", check_indexes, sees_all=True),
)
