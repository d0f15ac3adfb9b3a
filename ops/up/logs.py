"""The children's log files, followed and formatted for the terminal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops.console import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROTATE_BYTES = 20_000_000
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_WARNING = 30
_ERROR = 40
# In every line, or only for machines.
_HIDDEN = frozenset({"event", "level", "timestamp", "logger", "process", "exception"})
# Fields with the cause of a failed start, the most specific first.
_REASON_FIELDS = ("reason", "error", "detail")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log: its level as a number, its text for the screen, and its reason when it is an error."""

    level: int
    text: str
    reason: str


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
    return LogLine(_LEVELS.get(name, _WARNING), text, printable(": ".join(filter(None, (event, told)))))


def _plain(line: str) -> LogLine:
    # PostgreSQL's lines. It logs failed statements as ERROR; services handle those.
    for word, level in (
        ("LOG:  ", 20),
        ("ERROR:  ", 20),
        ("STATEMENT:  ", 20),
        ("DETAIL:  ", 20),
        ("HINT:  ", 20),
    ):
        if word in line:
            return LogLine(level, printable(line), "")
    return LogLine(_WARNING, printable(line), printable(line.strip()))


class LogFile:
    """The log of one process from the start of this run on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and path.stat().st_size > _ROTATE_BYTES:
            path.replace(path.with_suffix(".log.1"))
        path.touch(mode=0o600)
        self._start = self._position = path.stat().st_size
        self._rest = b""

    def new_lines(self) -> Iterator[str]:
        """Yield the whole lines that were written since the last call."""
        with self.path.open("rb") as file:
            file.seek(self._position)
            chunk = file.read()
        self._position += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")

    def skip(self) -> None:
        """Skip the lines written so far."""
        for _ in self.new_lines():
            pass

    def tail(self, count: int) -> list[str]:
        """Return the last lines of this run, readable."""
        return [parse(line).text for line in self._lines()[-count:]]

    def reason(self) -> str:
        """Return the likely cause of the process's end: its last logged error, else its last line."""
        parsed = [parse(line) for line in self._lines()]
        errors = [line.reason for line in parsed if line.level >= _ERROR and line.reason]
        others = [line.reason for line in parsed if line.reason]
        return (errors or others or [""])[-1]

    def _lines(self) -> list[str]:
        with self.path.open("rb") as file:
            file.seek(self._start)
            written = file.read().decode(errors="replace")
        return [line for line in written.splitlines() if line.strip()]


def worth_showing(line: LogLine) -> bool:
    """Return whether a line is shown without --logs."""
    return line.level >= _WARNING
