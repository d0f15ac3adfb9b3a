"""The tables of `seda db locks`, `slow`, `indexes`, `size`, `activity`, `bloat` and `pool`, each with what to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from ops.database.connection import connected
from ops.diagnose import bloat
from ops.diagnose.check import duration, size
from ops.diagnose.sessions import blocker, waits
from ops.errors import CliError

_ROWS = 50
_BLOAT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class View:
    """A table, and one sentence on what to do about it."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]
    sentence: str


async def show(dsn: str, name: str) -> View:
    """Return the view of this name, read without a change. Raises CliError EXTENSION_MISSING."""
    async with connected(dsn, f"db {name}") as connection, connection.transaction(readonly=True):
        await connection.execute("SET LOCAL lock_timeout = '200ms'")
        return await VIEWS[name](connection)


_LOCKS = """
SELECT a.pid, coalesce(nullif(application_name, ''), usename) AS who, pg_blocking_pids(a.pid) AS blockers, state,
  extract(epoch FROM clock_timestamp() - CASE WHEN state = 'active' THEN query_start ELSE state_change END)::float8
    AS seconds,
  l.mode || ' on ' || coalesce(quote_ident(n.nspname) || '.' || quote_ident(c.relname), l.locktype) AS wanted,
  left(regexp_replace(query, '\\s+', ' ', 'g'), 80) AS statement
FROM pg_catalog.pg_stat_activity AS a
LEFT JOIN pg_catalog.pg_locks AS l ON l.pid = a.pid AND NOT l.granted
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = l.relation
LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE datname = current_database() AND a.pid <> pg_backend_pid()
"""


async def _locks(connection: asyncpg.Connection) -> View:
    sessions = {row["pid"]: row for row in await connection.fetch(_LOCKS)}
    waiting: dict[int, list[int]] = {}
    for pid, row in sessions.items():
        for ahead in set(row["blockers"]):
            waiting.setdefault(ahead, []).append(pid)
    roots = sorted(pid for pid in waiting if pid not in sessions or not sessions[pid]["blockers"])
    rows = [each for root in roots for each in _branch(root, sessions, waiting, ())]
    columns = ("session", "who", "state", "since", "waits for", "statement")
    if not roots:
        return View(columns, (), "No session waits for another.")
    behind = len({pid for each in waiting.values() for pid in each})
    who, command = blocker(roots[0])
    others = " and others" if len(roots) > 1 else ""
    sentence = f"{waits(behind)} for {who}{others}: let it end, or end it: {command}"
    return View(columns, rows, sentence)


def _branch(
    pid: int, sessions: Mapping[int, asyncpg.Record], waiting: Mapping[int, list[int]], above: tuple[int, ...]
) -> list[tuple[object, ...]]:
    """Return a session and, indented, all that wait for it; each way to a session that waits for two is shown."""
    name = "  " * len(above) + str(pid)
    row = sessions.get(pid)
    told: tuple[object, ...] = (name, "a prepared transaction", None, None, None, None)
    if row is not None:
        told = (name, row["who"], row["state"], duration(row["seconds"]), row["wanted"], row["statement"])
    below = [each for each in sorted(waiting.get(pid, ())) if each not in above]
    return [told, *(row for each in below for row in _branch(each, sessions, waiting, (*above, pid)))]


_SLOW = """
SELECT coalesce(substring(query FROM '/\\* (\\S+) \\*/'), left(regexp_replace(query, '\\s+', ' ', 'g'), 80)) AS statement,
  r.rolname::text AS role, calls, round(mean_exec_time::numeric, 1)::float8 AS mean,
  (total_exec_time / nullif(sum(total_exec_time) OVER (), 0))::float8 AS share,
  round(rows::numeric / greatest(calls, 1), 1)::float8 AS per_call,
  temp_blks_written * current_setting('block_size')::bigint AS temporary, wal_bytes::float8 AS wal
FROM {}.pg_stat_statements AS s
JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid AND d.datname = current_database()
LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
WHERE s.toplevel ORDER BY total_exec_time DESC LIMIT $1
"""


async def _slow(connection: asyncpg.Connection) -> View:
    schema = await _extension(connection, "pg_stat_statements")
    rows = [
        (
            row["statement"],
            row["role"],
            row["calls"],
            f"{row['mean']:.1f} ms",
            f"{row['share'] or 0:.0%}",
            row["per_call"],
            size(row["temporary"]),
            size(row["wal"]),
        )
        for row in await connection.fetch(_SLOW.format(schema), _ROWS)
    ]
    columns = ("statement", "role", "calls", "mean", "share", "rows/call", "temporary", "wal")
    sentence = (
        f"{rows[0][0]} takes the largest share, {rows[0][4]} of all time: look at its plan with EXPLAIN (ANALYZE, BUFFERS)."
        if rows
        else "No statement has been counted yet."
    )
    return View(columns, rows, sentence)


_INDEXES = """
SELECT format('%I.%I', s.schemaname, s.indexrelname) AS name, s.relname::text AS of_table,
  c.relpages::bigint * current_setting('block_size')::int AS bytes, s.idx_scan AS scans,
  CASE WHEN NOT i.indisvalid THEN 'invalid' WHEN i.indisprimary THEN 'primary key' WHEN i.indisunique THEN 'unique'
    WHEN s.idx_scan = 0 THEN 'never read' ELSE '' END AS note
FROM pg_catalog.pg_stat_user_indexes AS s JOIN pg_catalog.pg_index AS i ON i.indexrelid = s.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = s.indexrelid ORDER BY 3 DESC, 1
"""


async def _indexes(connection: asyncpg.Connection) -> View:
    found = await connection.fetch(_INDEXES)
    rows = [(row["name"], row["of_table"], size(row["bytes"]), row["scans"], row["note"]) for row in found]
    idle = [row for row in found if row["note"] == "never read"]
    sentence = (
        f"{len(idle)} of {len(found)} indexes were never read, {size(sum(row['bytes'] for row in idle))} in all: drop none"
        " before seda db doctor has told it over two weeks."
    )
    return View(("index", "table", "size", "reads", "note"), rows, sentence)


_SIZES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_total_relation_size(c.oid) AS total,
  pg_relation_size(c.oid) AS heap, pg_indexes_size(c.oid) AS indexes, greatest(c.reltuples, 0)::bigint AS rows
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 2 DESC, 1
"""


async def _size(connection: asyncpg.Connection) -> View:
    found = await connection.fetch(_SIZES)
    rows = [
        (
            row["name"],
            size(row["total"]),
            size(row["heap"]),
            size(row["indexes"]),
            size(row["total"] - row["heap"] - row["indexes"]),
            row["rows"],
        )
        for row in found
    ]
    whole = await connection.fetchval("SELECT pg_database_size(current_database())")
    sentence = f"The database takes {size(whole)}" + (
        f", of it {rows[0][0]} {rows[0][1]}: plan the disk for twice that." if rows else "."
    )
    return View(("table", "total", "rows", "indexes", "rest", "about rows"), rows, sentence)


_ACTIVITY = """
SELECT pid, coalesce(nullif(application_name, ''), usename, backend_type) AS who, state,
  extract(epoch FROM clock_timestamp() - CASE WHEN state = 'active' THEN query_start ELSE state_change END)::float8
    AS seconds,
  wait_event_type || ': ' || wait_event AS waits,
  coalesce(substring(query FROM '/\\* (\\S+) \\*/'), left(regexp_replace(query, '\\s+', ' ', 'g'), 80)) AS statement
FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
ORDER BY state <> 'active', state LIKE 'idle in transaction%' DESC, 4 DESC NULLS LAST
"""


async def _activity(connection: asyncpg.Connection) -> View:
    found = await connection.fetch(_ACTIVITY)
    rows = [
        (row["pid"], row["who"], row["state"], duration(row["seconds"] or 0), row["waits"], row["statement"])
        for row in found
    ]
    active = sum(row["state"] == "active" for row in found)
    idle = sum((row["state"] or "").startswith("idle in") for row in found)
    sentence = (
        f"{active} of {len(found)} sessions run a statement and {idle} are idle in a transaction; cancel one statement"
        " with SELECT pg_cancel_backend(session);"
    )
    return View(("session", "who", "state", "since", "waits for", "statement"), rows, sentence)


async def _bloat(connection: asyncpg.Connection) -> View:
    schema = await _extension(connection, "pgstattuple")
    rows: list[tuple[object, ...]] = []
    wasted = 0.0
    async for table in bloat.tables(connection, schema, _BLOAT_BYTES, float("inf")):
        rows.append(("table", table.name, size(table.bytes), _percent(table.share)))
        wasted += table.bytes * (table.share or 0.0)
    async for index in bloat.indexes(connection, schema, _BLOAT_BYTES, float("inf")):
        empty = None if index.share is None else 1 - index.share
        rows.append(("index", index.name, size(index.bytes), _percent(empty)))
        wasted += index.bytes * (empty or 0.0)
    sentence = (
        f"{size(wasted)} of {len(rows)} tables and indexes of 1 MB and more are empty; new rows use it. Indexes less than"
        " 60% full: seda maintain run reindex"
    )
    return View(("kind", "name", "size", "empty"), rows, sentence)


_POOL = """
SELECT coalesce(usename, '-')::text AS role, coalesce(nullif(application_name, ''), '-') AS application, count(*) AS total,
  count(*) FILTER (WHERE state = 'active') AS active, count(*) FILTER (WHERE state = 'idle') AS idle,
  count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS in_transaction
FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""
_MOST = """
SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
  - coalesce(current_setting('reserved_connections', true), '0')::int
"""


async def _pool(connection: asyncpg.Connection) -> View:
    rows = [tuple(row) for row in await connection.fetch(_POOL)]
    most, used = await connection.fetchval(_MOST), sum(row[2] for row in rows)
    sentence = (
        f"{used} of {most} connections are taken, by all databases of the server; each process of a service takes up to"
        " SEDA_DB_POOL_MAX."
    )
    return View(("role", "application", "connections", "active", "idle", "in transaction"), rows, sentence)


async def _extension(connection: asyncpg.Connection, name: str) -> str:
    schema: str | None = await connection.fetchval(bloat.EXTENSION, name)
    if schema is None:
        raise CliError(
            "EXTENSION_MISSING",
            f"The database has no extension {name}.",
            fix=f"As an administrator: CREATE EXTENSION {name} WITH SCHEMA extensions;",
        )
    return schema


def _percent(share: float | None) -> str:
    return "not read" if share is None else f"{share:.0%}"


VIEWS: Mapping[str, Callable[[asyncpg.Connection], Awaitable[View]]] = {
    "locks": _locks,
    "slow": _slow,
    "indexes": _indexes,
    "size": _size,
    "activity": _activity,
    "bloat": _bloat,
    "pool": _pool,
}
"""Each view by the name of its command."""
