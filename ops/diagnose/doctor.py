"""All checks of `seda db doctor`, one after another on one connection, and findings that are to be ignored."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from ops.database.connection import connected
from ops.database.drift import drift
from ops.diagnose import bloat, indexes, server, sessions, tables, truths
from ops.diagnose.bloat import EXTENSION
from ops.diagnose.check import Check, Limits, read_only, run_check
from ops.diagnose.readings import History, Reading, Surroundings, read_sizes, read_statements
from ops.diagnose.scrape import watch_pools
from ops.errors import CliError, Exit
from ops.findings import Finding, Result

CHECKS: tuple[Check, ...] = (
    *truths.CHECKS,
    *sessions.CHECKS,
    *tables.CHECKS,
    *indexes.CHECKS,
    *server.CHECKS,
    *bloat.CHECKS,
)
"""Every check, in the order in which they run."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """An entry of the ignore file: the finding with this key counts as skipped until the end of a day."""

    key: str
    reason: str
    until: dt.date


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a run looks at besides the database, and how.

    `sample_seconds` is how long counters are watched; 0: they are compared with an earlier run, of which something is
    kept in the folder `history`. `metrics` are the host:port of the processes' metrics by name; None: nobody knows
    them. The rest is as in Surroundings.
    """

    sample_seconds: float = 0.0
    metrics: Mapping[str, str] | None = None
    history: Path | None = None
    drift: bool = False
    newest_backup: Callable[[], tuple[dt.datetime | None, str]] | None = None


async def examine(
    dsn: str,
    *,
    limits: Limits | None = None,
    ignored: Sequence[Ignored] = (),
    checks: Sequence[Check] = CHECKS,
    inquiry: Inquiry | None = None,
) -> list[Finding]:
    """Run the checks and return what they found, one finding at least for each. Changes nothing in the database."""
    inquiry = inquiry or Inquiry()
    async with connected(dsn, "db doctor") as connection:
        history = await History.of(connection, inquiry.history) if inquiry.history else History(None)
        surroundings = await _surroundings(connection, dsn, inquiry, history)
        found = [
            finding
            for check in checks
            for finding in await run_check(connection, check, limits or Limits(), surroundings)
        ]
    # The folder may be closed to this user, who then sees no growth.
    with contextlib.suppress(OSError):
        history.add(surroundings.now)
    return without_ignored(found, ignored, dt.datetime.now(dt.UTC).date())


async def _surroundings(
    connection: asyncpg.Connection, dsn: str, inquiry: Inquiry, history: History
) -> Surroundings:
    async def differences() -> Sequence[str]:
        return [each.text for each in await drift(dsn)]

    first = await _first_reading(connection) if inquiry.sample_seconds else None
    if inquiry.metrics is None:
        pools = None
        await asyncio.sleep(inquiry.sample_seconds)
    else:
        pools = await watch_pools(inquiry.metrics, inquiry.sample_seconds)
    now = dt.datetime.now(dt.UTC)
    return Surroundings(
        now=Reading(now),
        before=first or history.before(now),
        sample_seconds=0.0 if first is None else (now - first.at).total_seconds(),
        pools=pools,
        drift=differences if inquiry.drift else None,
        newest_backup=inquiry.newest_backup,
    )


async def _first_reading(connection: asyncpg.Connection) -> Reading:
    """Read what the checks compare with; what they can't read later either is left out."""
    reading = Reading(dt.datetime.now(dt.UTC))
    with contextlib.suppress(asyncpg.PostgresError):
        async with read_only(connection):
            sizes = await read_sizes(connection)
            reading.sizes = {name: size for name, size in sizes.items() if size is not None}
    with contextlib.suppress(asyncpg.PostgresError):
        async with read_only(connection):
            schema = await connection.fetchval(EXTENSION, "pg_stat_statements")
            if schema is not None:
                reading.statements, reading.reset = await read_statements(connection, schema)
    return reading


def without_ignored(findings: Sequence[Finding], ignored: Sequence[Ignored], today: dt.date) -> list[Finding]:
    """Return the findings with those skipped that are ignored today."""
    valid = {each.key: each for each in ignored if each.until >= today}
    return [
        replace(
            each,
            result=Result.SKIPPED,
            sentence=f"Ignored until {valid[each.key].until}: {valid[each.key].reason}",
        )
        if each.key in valid and each.result is not Result.OK
        else each
        for each in findings
    ]


def read_ignored(path: Path) -> list[Ignored]:
    """Read an ignore file: TOML, a table [[ignore]] with key, reason and until for each. Raises CliError IGNORE_INVALID."""
    try:
        return _entries(tomllib.loads(path.read_text(encoding="utf-8")).get("ignore", []))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError) as error:
        raise CliError(
            "IGNORE_INVALID",
            f"{path} can't be used.",
            why=str(error),
            fix='[[ignore]]\nkey = "unused-index:chat.some_idx"\nreason = "used once a year"\nuntil = 2027-01-31',
            exit_code=Exit.USAGE,
        ) from error


def _entries(listed: object) -> list[Ignored]:
    if not isinstance(listed, list):
        raise ValueError("ignore is a list of tables: [[ignore]].")  # noqa: TRY004 - told as the others
    return [_ignored(each) for each in listed]


def _ignored(entry: object) -> Ignored:
    if not isinstance(entry, dict) or set(entry) != {"key", "reason", "until"}:
        raise ValueError("Each [[ignore]] has key, reason and until, and nothing else.")
    until = entry["until"]
    if not isinstance(until, dt.date) or isinstance(until, dt.datetime):
        raise ValueError(f"until = {until!r} is not a date such as 2027-01-31.")  # noqa: TRY004 - told as the others
    if not all(isinstance(entry[name], str) and entry[name].strip() for name in ("key", "reason")):
        raise ValueError("key and reason are texts.")
    return Ignored(entry["key"], entry["reason"], until)
