"""Counters and sizes at one moment: two readings make a rate, and one is kept from run to run for that."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import asyncpg

if TYPE_CHECKING:
    from ops.diagnose.scrape import Pool

# What lies closer together says little about rates; an older reading and a newer one suffice to have one at hand.
_MIN_AGE = dt.timedelta(hours=1)
_KEPT = 2
# The size functions wait for whoever has locked a table or one of its indexes.
_SIZES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, CASE WHEN NOT EXISTS (
    SELECT FROM pg_catalog.pg_locks AS l
    WHERE l.mode = 'AccessExclusiveLock' AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND (l.relation = c.oid OR l.relation IN (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = c.oid))
  ) THEN pg_total_relation_size(c.oid) END AS bytes
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 2 DESC NULLS LAST, 1
"""
# Whoever migrates and backs up takes long by nature.
_STATEMENTS = """
SELECT coalesce(substring(query FROM '/\\* (\\S+) \\*/'), left(regexp_replace(query, '\\s+', ' ', 'g'), 60)) AS tag,
  sum(calls)::float8 AS calls, sum(total_exec_time)::float8 AS ms, sum(rows)::float8 AS rows,
  (sum(temp_blks_written) * current_setting('block_size')::int)::float8 AS temporary, sum(wal_bytes)::float8 AS wal
FROM {0}.pg_stat_statements AS s
JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid AND d.datname = current_database()
JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid AND r.rolname ~ '^(users|chat|tracks)_app$'
WHERE s.toplevel GROUP BY 1 ORDER BY 3 DESC LIMIT 200
"""
_RESET = "SELECT extract(epoch FROM stats_reset)::float8 FROM {}.pg_stat_statements_info"
_IDENTITY = """
SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) || '-' || oid
FROM pg_catalog.pg_database WHERE datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What pg_stat_statements has counted for the statements with one tag: times in ms, the last two in bytes."""

    calls: float
    ms: float
    rows: float
    temporary: float
    wal: float

    def since(self, before: Counts | None) -> Counts:
        """Return what was counted since `before`; everything, where entries were evicted meanwhile."""
        if before is None or before.calls > self.calls:
            return self
        mine, theirs = asdict(self), asdict(before)
        return Counts(**{name: max(0.0, mine[name] - theirs[name]) for name in mine})


@dataclass(slots=True)
class Reading:
    """Sizes of tables in bytes, and statements by their tag, counted since `reset` (seconds since 1970)."""

    at: dt.datetime
    sizes: dict[str, int] = field(default_factory=dict)
    statements: dict[str, Counts] = field(default_factory=dict)
    reset: float = 0.0

    @classmethod
    def of(cls, stored: Mapping[str, object]) -> Self:
        """Return a reading from its JSON. Raises KeyError, TypeError or ValueError for anything else."""
        sizes, statements = stored["sizes"], stored["statements"]
        if not isinstance(sizes, dict) or not isinstance(statements, dict):
            raise TypeError("no reading")
        return cls(
            dt.datetime.fromisoformat(str(stored["at"])),
            {str(name): int(size) for name, size in sizes.items()},
            {str(tag): Counts(**counts) for tag, counts in statements.items()},
            float(str(stored["reset"])),
        )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run of checks knows besides its database.

    `before` is the reading to compare with: of the beginning of the sample, or of an earlier run. The checks put what
    they read into `now`. `pools` are those of the services' processes; None: nobody knows where they are. `drift`
    compares the catalogs, where it was asked for; `newest_backup` returns the time of the newest verified backup and
    where it is looked for.
    """

    now: Reading
    before: Reading | None = None
    sample_seconds: float = 0.0
    pools: Sequence[Pool] | None = None
    drift: Callable[[], Awaitable[Sequence[str]]] | None = None
    newest_backup: Callable[[], tuple[dt.datetime | None, str]] | None = None

    @property
    def window(self) -> float:
        """The seconds since the reading before."""
        return 0.0 if self.before is None else (self.now.at - self.before.at).total_seconds()


async def read_sizes(connection: asyncpg.Connection) -> dict[str, int | None]:
    """Return the size of each table with its indexes, the largest first; None for those that are locked."""
    return {row["name"]: row["bytes"] for row in await connection.fetch(_SIZES)}


async def read_statements(connection: asyncpg.Connection, schema: str) -> tuple[dict[str, Counts], float]:
    """Return what the services' statements cost, the most expensive first, and since when it is counted."""
    rows = await connection.fetch(_STATEMENTS.format(schema))
    counts = {row["tag"]: Counts(*row[1:]) for row in rows}
    return counts, await connection.fetchval(_RESET.format(schema))


class History:
    """The readings of earlier runs of one database, in a file of this user; without a file there are none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._readings = _load(path) if path else []

    @classmethod
    async def of(cls, connection: asyncpg.Connection, folder: Path) -> Self:
        """Return the history of the database of a connection, from a folder for all databases."""
        try:
            identity = await connection.fetchval(_IDENTITY)
        except asyncpg.InsufficientPrivilegeError:
            return cls(None)
        return cls(folder / f"{identity}.json")

    def before(self, now: dt.datetime) -> Reading | None:
        """Return the newest reading that is old enough to compare with."""
        return next((each for each in self._readings if now - each.at >= _MIN_AGE), None)

    def add(self, reading: Reading) -> None:
        """Keep a reading, unless one is there from less than an hour before. Raises OSError."""
        if self._path is None or (self._readings and reading.at - self._readings[0].at < _MIN_AGE):
            return
        self._readings = [reading, *self._readings][:_KEPT]
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps([asdict(each) for each in self._readings], default=str))
        partial.replace(self._path)


def _load(path: Path) -> list[Reading]:
    """Return the readings of a file, the newest first; none where it can't be read or is not ours."""
    try:
        return [Reading.of(each) for each in json.loads(path.read_text())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
