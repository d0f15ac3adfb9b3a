"""Progress in bytes: a bar with rate and remaining time on a terminal, a line a minute elsewhere, events with --json."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from ops.console import Console

_LINE_SECONDS = 60.0
_EVENT_SECONDS = 1.0
_MEGABYTE = 1_000_000


@contextlib.contextmanager
def byte_progress(
    console: Console, what: str, total: int | None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes the number of bytes done since its last call; it may be called from any thread.

    `total` is the expected number, None when nobody knows.
    """
    console.event("progress", step=what, status="started", bytes="0", total=_text(total))
    if console.animated and not console.json:
        with _bar(console, what, total) as advance:
            yield advance
        return
    lines = _Lines(console, what, total, clock)
    yield lines.advance
    console.event("progress", step=what, status="done", bytes=str(lines.done), total=_text(total))


class _Lines:
    def __init__(self, console: Console, what: str, total: int | None, clock: Callable[[], float]) -> None:
        self.done = 0
        self._console, self._what, self._total, self._clock = console, what, total, clock
        self._began = self._last = clock()

    def advance(self, size: int) -> None:
        self.done += size
        now = self._clock()
        if now - self._last < (_EVENT_SECONDS if self._console.json else _LINE_SECONDS):
            return
        self._last = now
        if self._console.json:
            self._console.event(
                "progress",
                step=self._what,
                status="running",
                bytes=str(self.done),
                total=_text(self._total),
                bytes_per_second=str(round(self._rate(now))),
            )
        else:
            self._console.message(self._line(now))

    def _rate(self, now: float) -> float:
        return self.done / max(now - self._began, 1e-9)

    def _line(self, now: float) -> str:
        rate = self._rate(now)
        text = f"{self._what}: {self.done / _MEGABYTE:.1f} MB"
        if self._total:
            left = max(self._total - self.done, 0) / rate
            text += f" of {self._total / _MEGABYTE:.1f} MB, {left:.0f} s left"
        return f"{text}, {rate / _MEGABYTE:.1f} MB/s"


@contextlib.contextmanager
def _bar(console: Console, what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console as RichConsole
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = RichConsole(
        file=console.stderr, color_system="standard" if console.colored(console.stderr) else None
    )
    with Progress(*columns, TimeRemainingColumn(), console=shown, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda size: progress.update(task, advance=size)


def _text(total: int | None) -> str | None:
    return None if total is None else str(total)
