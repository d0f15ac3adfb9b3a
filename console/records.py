"""The last calls and statements of the suite, read from the logs that its processes write."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.data_dir import DataDir
from ops.topology import SUITE
from ops.up.log_files import Follower, end_of_last_line, lines_from_end

MAX_RECORDS = 2_000
# Statements of workers and of batches belong to no single call.
_MAX_UNATTRIBUTED = 500
_FIRST_LINES = 4_000
_POLL_SECONDS = 0.15
_KINDS = {"call": "call", "statement": "statement", "slow_statement": "statement"}
_SHOWN = ("method", "statement", "code", "ms", "rows", "caller", "on_behalf_of", "reason", "request_id")
Record = dict[str, Any]


class Records:
    """The newest records in the order in which they were read; `on_change` is called when there are more.

    A record has a number `n`, its process, its kind (call, statement or log), when it ended in milliseconds since 1970, and what
    was logged.
    """

    def __init__(self, home: Path | None, on_change: Callable[[], None]) -> None:
        self._logs = {} if home is None else {each.name: DataDir(home).log(each.name) for each in SUITE}
        self._on_change = on_change
        self._numbers = itertools.count(1)
        self._attributed: deque[Record] = deque(maxlen=MAX_RECORDS)
        self._others: deque[Record] = deque(maxlen=_MAX_UNATTRIBUTED)

    def after(self, number: int) -> list[Record]:
        """Return the records with higher numbers, in their order."""
        found = [each for each in (*self._attributed, *self._others) if each["n"] > number]
        return sorted(found, key=lambda each: int(each["n"]))

    async def run(self) -> None:
        """Read what is there, then what is added, until cancelled."""
        ends = {name: end_of_last_line(path) for name, path in self._logs.items()}
        earlier = await asyncio.to_thread(self._earlier, ends)
        self._add(earlier)
        followers = {name: Follower(path, ends[name]) for name, path in self._logs.items()}
        try:
            while followers:
                new = [
                    record
                    for name, follower in followers.items()
                    for line in follower.lines()
                    if (record := read(name, line)) is not None
                ]
                self._add(new)
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            for each in followers.values():
                each.close()

    def _earlier(self, ends: dict[str, int]) -> list[Record]:
        found: list[Record] = []
        for name, path in self._logs.items():
            if path.exists():
                with path.open("rb") as file:
                    newest = itertools.islice(lines_from_end(file, ends[name]), _FIRST_LINES)
                    found += filter(None, (read(name, line) for line in newest))
        return found

    def _add(self, records: list[Record]) -> None:
        for each in sorted(records, key=lambda each: float(each["end"])):
            each["n"] = next(self._numbers)
            (self._attributed if each.get("request_id") else self._others).append(each)
        if records:
            self._on_change()


def read(process: str, line: str) -> Record | None:
    """Return the record that a line of a log stands for; None for a line about no call and no statement."""
    try:
        fields = json.loads(line)
        ended = datetime.fromisoformat(fields["timestamp"]).timestamp() * 1000
        kind = _KINDS.get(fields["event"], "log")
        if kind == "log" and not fields.get("request_id"):
            return None
        shown = {name: fields[name] for name in _SHOWN if fields.get(name) is not None}
        if kind == "log":
            shown["text"] = str(fields["event"])
            shown["level"] = str(fields.get("level"))
            shown["error_id"] = fields.get("error_id")
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return {"process": process, "kind": kind, "end": round(ended, 3), **shown}
