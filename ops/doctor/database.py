"""Whether the database that is named can be used, and whether this machine's clock can be right."""

from __future__ import annotations

import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ops.env import database_url, secret
from ops.errors import CliError
from ops.findings import Finding, Result

if TYPE_CHECKING:
    import asyncpg

    from ops.doctor.surroundings import Surroundings

_OLDEST_SERVER = 15
_ENCODING = "UTF8"
# Tokens are taken 30 s early or late; caches and leases go by the database's clock.
_WARN_SECONDS, _CRITICAL_SECONDS = 5.0, 30.0
# The name of a revision has a time, but no zone, and may lie a little ahead.
_REVISION_SECONDS = 2 * 86_400
_SET_CLOCK = "timedatectl set-ntp true   (macOS: sudo sntp -sS time.apple.com)"
_SERVER = """
SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('server_encoding') AS encoding,
       extract(epoch FROM clock_timestamp())::float8 AS now
"""


async def check_database(surroundings: Surroundings) -> list[Finding]:
    """The database of DATABASE_URL can be reached, and its server and encoding fit."""
    title = "Database"
    if not _is_given(surroundings):
        sentence = "DATABASE_URL is not set: seda up starts a PostgreSQL of its own."
        return [Finding("database", Result.SKIPPED, title, sentence=sentence)]
    try:
        async with _connected(surroundings) as connection:
            major, encoding, _ = await _server(connection)
    except CliError as error:
        sentence = f"{error.message} {error.why.rstrip('.')}."
        return [
            Finding("database", Result.CRITICAL, title, "DATABASE_URL", sentence=sentence, command=error.fix)
        ]
    found = []
    if major < _OLDEST_SERVER:
        sentence = (
            f"It is PostgreSQL {major}, and {_OLDEST_SERVER} is the oldest that works: name a newer server."
        )
        found.append(_unfit("version", str(major), str(_OLDEST_SERVER), sentence))
    if encoding != _ENCODING:
        sentence = (
            f"Its encoding is {encoding}, and texts of all scripts need {_ENCODING}: make another database."
        )
        found.append(_unfit("encoding", encoding, _ENCODING, sentence))
    return found or [Finding("database", Result.OK, title, "DATABASE_URL", str(major), str(_OLDEST_SERVER))]


async def check_clock(surroundings: Surroundings) -> list[Finding]:
    """The clock is not behind the newest change of this version, nor away from the database's."""
    from migrations.heads import head
    from ops.database import SERVICES

    newest = max(head(each) for each in SERVICES)
    built = datetime.strptime(newest, "%Y%m%d_%H%M").replace(tzinfo=UTC).timestamp() - _REVISION_SECONDS
    if surroundings.now < built:
        sentence = "This machine's clock is behind the day on which this version was written: tokens would not be valid."
        value, threshold = _day(surroundings.now), _day(built)
        return [Finding("clock", Result.CRITICAL, "Clock", "", value, threshold, sentence, _SET_CLOCK)]
    if not _is_given(surroundings):
        return [Finding("clock", Result.OK, "Clock", value=_day(surroundings.now), threshold=_day(built))]
    try:
        async with _connected(surroundings) as connection:
            asked = time.monotonic()
            _, _, theirs = await _server(connection)
            # In the middle of the round trip, as good as it can be known.
            ours = surroundings.now + (time.monotonic() - surroundings.began) - (time.monotonic() - asked) / 2
    except CliError:
        return [
            Finding(
                "clock",
                Result.SKIPPED,
                "Clock",
                sentence="The database, whose clock counts, can't be reached.",
            )
        ]
    return [_skew(abs(theirs - ours))]


def _skew(seconds: float) -> Finding:
    result = (
        Result.CRITICAL
        if seconds > _CRITICAL_SECONDS
        else Result.WARN
        if seconds > _WARN_SECONDS
        else Result.OK
    )
    value, threshold = f"{seconds:.1f} s", f"{_WARN_SECONDS:.0f} s"
    if result is Result.OK:
        return Finding("clock", result, "Clock", "", value, threshold)
    sentence = f"It is {value} away from the database's: tokens and leases would end early or late."
    return Finding("clock", result, "Clock", "", value, threshold, sentence, _SET_CLOCK)


def _is_given(surroundings: Surroundings) -> bool:
    direct = secret(surroundings.environ, "SEDA_DIRECT_DATABASE_URL")
    return bool(direct or database_url(surroundings.environ))


def _connected(surroundings: Surroundings) -> AbstractAsyncContextManager[asyncpg.Connection]:
    from ops.database.connection import admin_dsn, connected

    return connected(admin_dsn(surroundings.environ), "doctor")


async def _server(connection: asyncpg.Connection) -> tuple[int, str, float]:
    row = await connection.fetchrow(_SERVER)
    assert row is not None  # noqa: S101 - one row without a table
    return row["major"], row["encoding"], row["now"]


def _unfit(subject: str, value: str, threshold: str, sentence: str) -> Finding:
    command = "export DATABASE_URL=postgresql://user:password@host:5432/database"
    return Finding("database", Result.CRITICAL, "Database", subject, value, threshold, sentence, command)


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
