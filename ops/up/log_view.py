"""`seda logs`: the newest lines of one or all processes in the order of time, and those to come."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ops.data_dir import find_data_dir
from ops.errors import CliError, Exit
from ops.topology import CONSOLE, POSTGRES, SUITE
from ops.up.log_files import Follower, end_of_last_line, lines_from_end
from ops.up.logs import STATEMENT, LogLine, parse
from ops.up.progress import Progress

if TYPE_CHECKING:
    from ops.console import Console
    from ops.data_dir import DataDir

UP = "up"
"""The log of a supervisor in the background. Its lines carry no time, so it is shown by name alone."""

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class _Log:
    """The log of one process; `request_id` keeps the lines of one call alone."""

    process: str
    path: Path
    request_id: str | None

    def newest(self, count: int, end: int) -> list[tuple[datetime, str, LogLine]]:
        """Return the last `count` lines before the offset `end`, and before those of the file that was rotated."""
        chosen = list(itertools.islice(filter(self.wants, map(parse, self._backwards(end))), count))
        found: list[tuple[datetime, str, LogLine]] = []
        moment = datetime.min.replace(tzinfo=UTC)
        for line in reversed(chosen):
            # A line without a time, as of a traceback, belongs to the one before it.
            moment = line.time or moment
            found.append((moment, self.process, line))
        return found

    def wants(self, line: LogLine) -> bool:
        if self.request_id is None:
            # There are too many to find anything else among them.
            return line.event != STATEMENT
        return line.request_id == self.request_id

    def _backwards(self, end: int) -> Iterator[str]:
        for path in (self.path, self.path.with_suffix(".log.1")):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                size = path.stat().st_size
                yield from lines_from_end(file, min(end, size) if path == self.path else size)


def show(console: Console, process: str | None, *, follow: bool, count: int, request_id: str | None) -> None:
    """Print the newest `count` lines; with `follow` go on until it is interrupted.

    Raises CliError UNKNOWN_PROCESS and NO_LOGS.
    """
    data_dir = find_data_dir()
    logs = [_Log(name, data_dir.log(name), request_id) for name in _names(data_dir, process)]
    # Before the first line is read: what is written meanwhile is followed.
    ends = [end_of_last_line(each.path) for each in logs]
    followers = [Follower(each.path, end) for each, end in zip(logs, ends, strict=True)] if follow else []
    newest = [each.newest(count, end) for each, end in zip(logs, ends, strict=True)]
    merged = list(heapq.merge(*newest, key=lambda each: each[0]))[-count:] if count else []
    progress = Progress(console)
    if console.json and not follow:
        console.result({"lines": [_fields(name, line) for _, name, line in merged]})
        return
    for _, name, line in merged:
        _print(console, progress, name, line)
    while followers:
        for log, follower in zip(logs, followers, strict=True):
            for line in filter(log.wants, map(parse, follower.lines())):
                _print(console, progress, log.process, line)
        time.sleep(_POLL_SECONDS)


def _names(data_dir: DataDir, process: str | None) -> list[str]:
    names = [*(each.name for each in (*SUITE, CONSOLE)), POSTGRES]
    if process is not None and process not in {*names, UP}:
        raise CliError(
            "UNKNOWN_PROCESS",
            f"There is no process {process}.",
            fix=f"Choose from: {', '.join([*names, UP])}",
            exit_code=Exit.USAGE,
        )
    if not data_dir.logs.is_dir():
        raise CliError("NO_LOGS", f"There are no logs in {data_dir}.", fix="Start it: seda up")
    return names if process is None else [process]


def _fields(process: str, line: LogLine) -> dict[str, object]:
    return {"process": process, "time": line.time, "text": line.text}


def _print(console: Console, progress: Progress, process: str, line: LogLine) -> None:
    if console.json:
        console.event("log", **_fields(process, line))
        return
    moment = "" if line.time is None else f"{line.time.astimezone():%H:%M:%S.%f}"[:-3] + " "
    console.print("\n".join(moment + progress.prefixed(process, each) for each in line.text.splitlines()))
