"""Indexes that can't be used, that others make redundant, or that nobody uses."""

from __future__ import annotations

from ops.diagnose.check import Check, Probe, duration, size
from ops.findings import Finding, Result

LEFTOVER = r"_cc(new|old)\d*$"
"""The end of the name of what an interrupted REINDEX CONCURRENTLY leaves."""

_INVALID = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relname ~ $1 AS leftover
FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND c.relkind = 'i' AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_stat_progress_create_index AS p WHERE p.relid = i.indrelid)
ORDER BY 1
"""
# Every index as what it is made of. Only a B-tree serves a prefix of its columns. Expressions and predicates are compared
# as stored, but for their places in the text: pg_get_expr would wait for whoever has locked the table.
_REDUNDANT = """
WITH made AS (
  SELECT i.indexrelid, i.indrelid, c.relam, format('%I.%I', n.nspname, c.relname) AS name, i.indnkeyatts AS width,
    i.indisunique, i.indnatts > i.indnkeyatts AS covers, am.amname = 'btree' AS ordered,
    string_to_array(i.indkey::text, ' ') AS columns, string_to_array(i.indclass::text, ' ') AS classes,
    string_to_array(i.indcollation::text, ' ') AS collations, string_to_array(i.indoption::text, ' ') AS options,
    coalesce(regexp_replace(i.indexprs::text, ':location -?\\d+', '', 'g'), '') AS expressions,
    coalesce(regexp_replace(i.indpred::text, ':location -?\\d+', '', 'g'), '') AS predicate, c.relpages::bigint * current_setting('block_size')::int AS bytes
  FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_catalog.pg_am AS am ON am.oid = c.relam
  WHERE i.indisvalid AND c.relkind = 'i' AND n.nspname !~ '^pg_'
)
SELECT DISTINCT ON (a.indexrelid) a.name, b.name AS other, a.bytes
FROM made AS a JOIN made AS b ON b.indrelid = a.indrelid AND b.indexrelid <> a.indexrelid AND b.relam = a.relam
WHERE NOT a.indisunique AND NOT a.covers AND a.predicate = b.predicate AND a.expressions = b.expressions
  AND (a.width = b.width OR (a.ordered AND a.width < b.width))
  AND a.columns[1:a.width] = b.columns[1:a.width] AND a.classes[1:a.width] = b.classes[1:a.width]
  AND a.collations[1:a.width] = b.collations[1:a.width] AND a.options[1:a.width] = b.options[1:a.width]
  AND (a.width < b.width OR b.indisunique OR b.covers OR b.indexrelid < a.indexrelid)
ORDER BY a.indexrelid, b.width, b.indexrelid
"""
_WINDOW = """
SELECT extract(epoch FROM clock_timestamp() - coalesce(stats_reset, pg_postmaster_start_time()))::float8
FROM pg_catalog.pg_stat_database WHERE datname = current_database()
"""
_UNUSED = """
SELECT format('%I.%I', s.schemaname, s.indexrelname) AS name, c.relpages::bigint * current_setting('block_size')::int AS bytes
FROM pg_catalog.pg_stat_user_indexes AS s JOIN pg_catalog.pg_index AS i ON i.indexrelid = s.indexrelid
JOIN pg_catalog.pg_class AS c ON c.oid = s.indexrelid
WHERE s.idx_scan = 0 AND NOT i.indisunique AND i.indisvalid
  AND c.relpages::bigint * current_setting('block_size')::int >= $1
ORDER BY 2 DESC, 1
"""


async def check_invalid(probe: Probe) -> list[Finding]:
    """No index is left half made, which costs every write and serves no read."""
    return [
        probe.finding(
            Result.WARN,
            row["name"],
            "An interrupted REINDEX left it: drop it."
            if row["leftover"]
            else "It was not completed: it slows writes and serves no reads. Make it again, or drop it.",
            command=f"DROP INDEX CONCURRENTLY {row['name']};"
            if row["leftover"]
            else f"REINDEX INDEX CONCURRENTLY {row['name']};",
        )
        for row in await probe.rows(_INVALID, LEFTOVER)
    ]


async def check_redundant(probe: Probe) -> list[Finding]:
    """No index serves only what another one serves as well."""
    return [
        probe.finding(
            Result.WARN,
            row["name"],
            f"{row['other']} serves all that it serves: it costs {size(row['bytes'])} and time at each write.",
            value=size(row["bytes"]),
            command=f"DROP INDEX CONCURRENTLY {row['name']};",
        )
        for row in await probe.rows(_REDUNDANT)
    ]


async def check_unused(probe: Probe) -> list[Finding]:
    """No large index was never read, in the two weeks at least for which reads have been counted."""
    (row,) = await probe.rows(_WINDOW)
    seconds, wanted = row[0], probe.limits.unused_index_window
    if seconds < wanted:
        sentence = f"Reads have been counted for {duration(seconds)}, and {duration(wanted)} are needed."
        return [probe.finding(Result.SKIPPED, "", sentence)]
    return [
        probe.finding(
            Result.INFO,
            row["name"],
            f"Nobody has read it for {duration(seconds)}, and it takes {size(row['bytes'])}: ask its makers, replicas"
            " count for themselves.",
            value=size(row["bytes"]),
            threshold=size(probe.limits.unused_index_bytes),
            command=f"DROP INDEX CONCURRENTLY {row['name']};",
        )
        for row in await probe.rows(_UNUSED, probe.limits.unused_index_bytes)
    ]


CHECKS = (
    Check("invalid-index", "Invalid indexes", check_invalid),
    Check("redundant-index", "Redundant indexes", check_redundant),
    Check("unused-index", "Unused indexes", check_unused),
)
