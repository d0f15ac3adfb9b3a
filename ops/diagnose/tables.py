"""Whether tables are vacuumed and analysed, and what the catalogs say about keys and constraints."""

from __future__ import annotations

from ops.diagnose.check import Check, Probe, duration, size
from ops.diagnose.readings import read_sizes
from ops.findings import Finding, Result

_DAY = 86_400.0
# In pg_stat_user_tables are those of all schemas but the system's.
_VACUUM = """
WITH seen AS (
  SELECT format('%I.%I', s.schemaname, s.relname) AS name, s.n_dead_tup AS dead, s.n_live_tup AS live,
    c.reltuples, coalesce(c.reloptions, '{}') AS options,
    extract(epoch FROM clock_timestamp() - greatest(s.last_vacuum, s.last_autovacuum, d.stats_reset,
      pg_postmaster_start_time()))::float8 AS seconds,
    coalesce(s.last_analyze, s.last_autoanalyze) AS analysed
  FROM pg_catalog.pg_stat_user_tables AS s JOIN pg_catalog.pg_class AS c ON c.oid = s.relid
  CROSS JOIN (SELECT stats_reset FROM pg_catalog.pg_stat_database WHERE datname = current_database()) AS d
)
SELECT name, dead, live, seconds, analysed, least(
  coalesce((SELECT option_value FROM pg_options_to_table(options)
    WHERE option_name = 'autovacuum_vacuum_threshold'), current_setting('autovacuum_vacuum_threshold'))::float8
  + greatest(reltuples, 0) * coalesce((SELECT option_value FROM pg_options_to_table(options)
    WHERE option_name = 'autovacuum_vacuum_scale_factor'), current_setting('autovacuum_vacuum_scale_factor'))::float8,
  nullif(current_setting('autovacuum_vacuum_max_threshold', true)::float8, -1)) AS due
FROM seen
"""
_NO_KEY = """
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'p')
ORDER BY 1
"""
_NOT_VALIDATED = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, quote_ident(k.conname) AS constraint
FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT k.convalidated AND n.nspname !~ '^pg_' ORDER BY 1, 2
"""
# Such an index is missed when rows of the referenced table go: where none ever did, none is due.
_KEYS_WITHOUT_INDEX = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, quote_ident(k.conname) AS constraint,
  (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY p.place) FROM unnest(k.conkey) WITH ORDINALITY AS p (number, place)
   JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = p.number) AS columns,
  format('%I.%I', s.schemaname, s.relname) AS referenced, s.n_tup_del AS deleted
FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_stat_user_tables AS s ON s.relid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND s.n_tup_del > 0 AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_index AS i
  WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
    AND (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey
    AND k.conkey @> (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)])
ORDER BY 1, 2
"""


async def check_dead_rows(probe: Probe) -> list[Finding]:
    """No table has had more dead rows than autovacuum lets stand, for an hour."""
    return [
        probe.finding(
            Result.WARN,
            row["name"],
            f"{row['dead']} dead rows are in it, which is due for vacuum from {row['due']:.0f} on, and there was none for"
            f" {duration(row['seconds'])}.",
            value=row["dead"],
            threshold=f"{row['due']:.0f}",
            command=f"VACUUM (VERBOSE) {row['name']};",
        )
        for row in await probe.rows(_VACUUM)
        if row["dead"] > row["due"] and row["seconds"] >= probe.limits.vacuum_due
    ]


async def check_stale_stats(probe: Probe) -> list[Finding]:
    """No table of some size has never been analysed, which makes plans a guess."""
    return [
        probe.finding(
            Result.WARN,
            row["name"],
            f"It has {row['live']} rows and was never analysed: the planner guesses.",
            value=row["live"],
            threshold=probe.limits.never_analysed_rows,
            command=f"seda maintain run analyze   (or: ANALYZE {row['name']};)",
        )
        for row in await probe.rows(_VACUUM)
        if row["analysed"] is None and row["live"] > probe.limits.never_analysed_rows
    ]


async def check_primary_keys(probe: Probe) -> list[Finding]:
    """Every table has a primary key."""
    return [
        probe.finding(
            Result.WARN,
            row["name"],
            "It has no primary key: rows can't be told apart, nor replicated.",
            command=f"ALTER TABLE {row['name']} ADD PRIMARY KEY (...);",
        )
        for row in await probe.rows(_NO_KEY)
    ]


async def check_validated(probe: Probe) -> list[Finding]:
    """Every constraint holds for all rows."""
    return [
        probe.finding(
            Result.WARN,
            f"{row['name']} {row['constraint']}",
            "It is not validated: rows from before it may break it.",
            command=f"ALTER TABLE {row['name']} VALIDATE CONSTRAINT {row['constraint']};",
        )
        for row in await probe.rows(_NOT_VALIDATED)
    ]


async def check_foreign_keys(probe: Probe) -> list[Finding]:
    """Every foreign key into a table from which rows are deleted has an index."""
    return [
        probe.finding(
            Result.WARN,
            f"{row['name']} {row['constraint']}",
            f"Each of the {row['deleted']} deletions from {row['referenced']} read all of {row['name']},"
            f" which has no index on ({row['columns']}).",
            value=row["deleted"],
            threshold=0,
            command=f"CREATE INDEX CONCURRENTLY ON {row['name']} ({row['columns']});",
        )
        for row in await probe.rows(_KEYS_WITHOUT_INDEX)
    ]


async def check_size(probe: Probe) -> list[Finding]:
    """No table has grown by much since the reading before."""
    around, limits = probe.surroundings, probe.limits
    sizes = await read_sizes(probe.connection)
    around.now.sizes = {name: bytes_ for name, bytes_ in sizes.items() if bytes_ is not None}
    whole = size(sum(around.now.sizes.values()))
    locked = len(sizes) - len(around.now.sizes)
    found = []
    if locked:
        found.append(probe.finding(Result.SKIPPED, "", f"{locked} tables are locked and were not measured."))
    if around.before is None:
        sentence = f"All tables take {whole}. Growth is told from the next run on, an hour from now or later."
        return [*found, probe.finding(Result.SKIPPED, "", sentence, value=whole)]
    for name, bytes_ in around.now.sizes.items():
        # One that was locked then has an unknown size.
        before = around.before.sizes.get(name, bytes_)
        more = bytes_ - before
        if more >= limits.growth_bytes and more >= limits.growth * before:
            per_day = more / around.window * _DAY
            sentence = (
                f"It takes {size(bytes_)}, {size(more)} more than {duration(around.window)} ago:"
                f" at this rate {size(per_day)} a day, of {whole} in all."
            )
            found.append(
                probe.finding(
                    Result.INFO,
                    name,
                    sentence,
                    value=size(more),
                    threshold=size(limits.growth_bytes),
                    command="seda db size",
                )
            )
    return found or [probe.finding(Result.OK, "", "", value=whole)]


CHECKS = (
    Check("dead-rows", "Dead rows", check_dead_rows),
    Check("stale-stats", "Statistics for the planner", check_stale_stats),
    Check("fk-without-index", "Foreign keys without an index", check_foreign_keys),
    Check("no-primary-key", "Tables without a primary key", check_primary_keys),
    Check("size", "Growth of tables", check_size),
    Check("not-validated", "Constraints that are not validated", check_validated),
)
