"""The children's log files, followed and formatted for the terminal."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ops.console import printable
from ops.up.log_files import Follower, lines_from_end

if TYPE_CHECKING:
    from collections.abc import Iterator

STATEMENT = "statement"
"""The event of a statement in the database: too frequent to show all of them."""

_ROTATE_BYTES = 20_000_000
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_WARNING = 30
_ERROR = 40
_TIME_LENGTH = len("2026-11-22 10:15:00.000")
# The cause of an end stands in one of so many last lines.
_REASON_LINES = 200
# In every line, or only for machines.
_HIDDEN = frozenset({"event", "level", "timestamp", "logger", "process", "exception"})
# Fields with the cause of a failed start, the most specific first.
_REASON_FIELDS = ("reason", "error", "detail")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log: its level as a number, its text for the screen, and its reason when it is an error.

    Lines of services and of PostgreSQL have a time, those about a call its request id. `event` is what is logged.
    """

    level: int
    text: str
    reason: str
    time: datetime | None = None
    request_id: str | None = None
    event: str = ""


def parse(line: str) -> LogLine:
    """Read a line: structured ones become readable, anything else (a traceback, a print) counts as a warning."""
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return _plain(line)
    name = str(fields.get("level", "info")).lower()
    event = str(fields.get("event", ""))
    rest = " ".join(f"{key}={value}" for key, value in fields.items() if key not in _HIDDEN)
    exception = str(fields.get("exception") or "")
    shown = printable(" ".join(filter(None, (event, rest))))
    text = "\n".join([f"{name.upper():<7} {shown}", *map(printable, exception.splitlines())])
    told = next((str(fields[key]) for key in _REASON_FIELDS if fields.get(key)), "")
    reason = printable(": ".join(filter(None, (event, told))))
    request_id = fields.get("request_id")
    return LogLine(
        _LEVELS.get(name, _WARNING), text, reason, _time(str(fields.get("timestamp"))), request_id, event
    )


def _time(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _plain(line: str) -> LogLine:
    # PostgreSQL begins its lines with the time in UTC.
    moment = _time(line[:_TIME_LENGTH]) if line[:1].isdigit() else None
    # It logs failed statements as ERROR; services handle those.
    for word, level in (
        ("LOG:  ", 20),
        ("ERROR:  ", 20),
        ("STATEMENT:  ", 20),
        ("DETAIL:  ", 20),
        ("HINT:  ", 20),
    ):
        if word in line:
            return LogLine(level, printable(line), "", moment)
    return LogLine(_WARNING, printable(line), printable(line.strip()), moment)


class LogFile:
    """The log of one process from the start of this run on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and path.stat().st_size > _ROTATE_BYTES:
            path.replace(path.with_suffix(".log.1"))
        path.touch(mode=0o600)
        self._start = path.stat().st_size
        self._follower: Follower | None = None
        self._skipped = self._start

    def new_lines(self) -> Iterator[str]:
        """Yield the whole lines that were written since the last call; `close` ends it."""
        if self._follower is None:
            self._follower = Follower(self.path, self._skipped)
        return self._follower.lines()

    def skip(self) -> None:
        """Skip the lines written so far; only before the first call of `new_lines`."""
        self._skipped = self.path.stat().st_size

    def close(self) -> None:
        """Close the file."""
        if self._follower is not None:
            self._follower.close()

    def tail(self, count: int) -> list[str]:
        """Return the last lines of this run, readable."""
        return [parse(line).text for line in self._last(count)]

    def reason(self) -> str:
        """Return the likely cause of the process's end: its last logged error, else its last line."""
        parsed = [parse(line) for line in self._last(_REASON_LINES)]
        errors = [line.reason for line in parsed if line.level >= _ERROR and line.reason]
        others = [line.reason for line in parsed if line.reason]
        return (errors or others or [""])[-1]

    def _last(self, count: int) -> list[str]:
        with self.path.open("rb") as file:
            lines = lines_from_end(file, self.path.stat().st_size, self._start)
            written = itertools.islice((line for line in lines if line.strip()), count)
            return list(written)[::-1]


def worth_showing(line: LogLine) -> bool:
    """Return whether a line is shown without --logs."""
    return line.level >= _WARNING
