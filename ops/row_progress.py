"""Progress of work on many rows: a bar with rate and remaining time, a line a minute, or events with --json."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.progress import Progress

    from ops.console import Console

_LINE_SECONDS = 60.0
_EVENT_SECONDS = 1.0


class RowProgress:
    """Shows how many of `total` rows are done, as a context manager around the work."""

    def __init__(self, console: Console, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._total = total
        self._clock = clock
        self._began = self._shown_at = clock()
        self._done = 0
        self._every = _EVENT_SECONDS if console.json else _LINE_SECONDS
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._console.animated and not self._console.json:
            self._bar = self._console.progress_bar()
            self._bar.add_task("", total=self._total, rate="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, what: str) -> None:
        """Name the work that begins now."""
        self._console.event("step", name=what)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=what)
        elif not self._console.json:
            self._console.message(f"{what} ...")

    def advance(self, rows: int) -> None:
        """Count rows that are done."""
        self._done += rows
        if self._bar is not None:
            rate = self._done / max(self._clock() - self._began, 0.001)
            self._bar.update(self._bar.task_ids[0], advance=rows, rate=f"{rate:,.0f}/s")
        now = self._clock()
        if self._bar is None and now - self._shown_at >= self._every:
            self._shown_at = now
            self._show(now - self._began)

    def _show(self, seconds: float) -> None:
        rate = self._done / seconds
        left = max(self._total - self._done, 0) / rate
        self._console.event(
            "progress",
            done=self._done,
            total=self._total,
            rows_per_second=round(rate),
            eta_seconds=round(left),
        )
        if not self._console.json:
            self._console.message(
                f"{self._done:,} of {self._total:,} rows, {rate:,.0f} a second, {left:.0f} s left"
            )
