"""Progress: lines a minute apart in a log, a bar on a terminal, events with --json."""

from __future__ import annotations

import io
import json

from ops.backup.progress import byte_progress
from ops.console import Console


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _show(console: Console, seconds: list[float], total: int | None = 400_000_000) -> None:
    times = iter([0.0, *seconds])
    with byte_progress(console, "dump", total, clock=lambda: next(times)) as advance:
        for _ in seconds:
            advance(50_000_000)


def test_a_log_gets_a_line_a_minute() -> None:
    stderr = io.StringIO()
    _show(Console(stderr=stderr, environ={}), [30, 59, 61, 100, 121])
    assert stderr.getvalue().splitlines() == [
        "dump: 150.0 MB of 400.0 MB, 102 s left, 2.5 MB/s",
        "dump: 250.0 MB of 400.0 MB, 73 s left, 2.1 MB/s",
    ]


def test_a_size_that_nobody_knows_is_left_out() -> None:
    stderr = io.StringIO()
    _show(Console(stderr=stderr, environ={}), [100], total=None)
    assert stderr.getvalue() == "dump: 50.0 MB, 0.5 MB/s\n"


def test_json_gets_events_a_second_apart() -> None:
    stdout = io.StringIO()
    console = Console(stdout=stdout, environ={})
    console.json = True
    _show(console, [0.5, 1.5, 2.0, 2.6])
    events = [json.loads(line) for line in stdout.getvalue().splitlines()]
    assert [(each["status"], each["bytes"]) for each in events] == [
        ("started", "0"),
        ("running", "100000000"),
        ("running", "200000000"),
        ("done", "200000000"),
    ]


def test_a_terminal_gets_a_bar_with_rate_and_time_left() -> None:
    stderr = _Terminal()
    _show(Console(stderr=stderr, environ={"TERM": "xterm"}), [1, 2])
    shown = stderr.getvalue()
    assert "dump" in shown
    assert "/400.0 MB" in shown
    assert "/s" in shown
