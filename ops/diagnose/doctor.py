"""All checks of `seda db doctor`, one after another on one connection, and findings that are to be ignored."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ops.database.connection import connected
from ops.diagnose import bloat, indexes, server, sessions, tables, truths
from ops.diagnose.check import Check, Limits, run_check
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


async def examine(
    dsn: str,
    *,
    limits: Limits | None = None,
    ignored: Sequence[Ignored] = (),
    checks: Sequence[Check] = CHECKS,
) -> list[Finding]:
    """Run the checks and return what they found, one finding at least for each. Changes nothing."""
    async with connected(dsn, "db doctor") as connection:
        found = [
            finding for check in checks for finding in await run_check(connection, check, limits or Limits())
        ]
    return without_ignored(found, ignored, dt.datetime.now(dt.UTC).date())


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
