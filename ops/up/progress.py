"""The terminal output of `seda up`: phases, addresses, the children's log lines, the stop."""

from __future__ import annotations

import contextlib
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from ops.topology import CONSOLE, POSTGRES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ops.console import Console
    from ops.data_dir import DataDir
    from ops.topology import Ports, ProcessSpec
    from ops.up.quickstart import QuickstartCommands

_NAME_WIDTH = 18
_DETAIL_WIDTH = 48
_PREFIX_WIDTH = 8
_STYLES = {
    "gateway": "cyan",
    "users": "green",
    "chat": "magenta",
    "tracks": "blue",
    POSTGRES: "yellow",
    CONSOLE.name: "white",
}
_MEGABYTE = 1_000_000


@dataclass(slots=True)
class Phase:
    """A step of the start; its code sets `detail`."""

    detail: str = ""


class Progress:
    """Progress and logs go to stderr, the address block to stdout; with --json all goes to stdout as events."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def title(self, version: str, where: str) -> None:
        """Print the version and the data folder."""
        self._write(f"Seda {version}  development  {where}\n", "bold")

    def note(self, text: str) -> None:
        """Print a remark."""
        self._console.event("note", text=text)
        self._write(f"  {text}")

    @contextlib.contextmanager
    def phase(self, key: str, name: str) -> Iterator[Phase]:
        """Time a step and show its result. `key` is its stable name in events."""
        phase = Phase()
        began = time.monotonic()
        self._console.event("phase", name=key, status="started")
        try:
            with self._console.status(name):
                yield phase
        except BaseException:
            self._end_phase(key, name, phase, began, "failed")
            raise
        self._end_phase(key, name, phase, began, "done")

    def _end_phase(self, key: str, name: str, phase: Phase, began: float, status: str) -> None:
        seconds = time.monotonic() - began
        milliseconds = round(seconds * 1000)
        self._console.event("phase", name=key, status=status, ms=milliseconds, detail=phase.detail or None)
        if status == "done":
            mark = self._console.style("ok", "green", self._console.stderr)
            self._write(f"  {mark}  {name:<{_NAME_WIDTH}} {phase.detail:<{_DETAIL_WIDTH}} {seconds:5.1f} s")
        elif self._console.animated:
            self._write(f"  --  {name}")

    def line(self, process: str, text: str) -> None:
        """Show lines of a child's log under its name."""
        if self._console.json:
            self._console.event("log", process=process, text=text)
            return
        for each in text.splitlines():
            self._write(self.prefixed(process, each, self._console.stderr))

    def prefixed(self, process: str, text: str, stream: TextIO | None = None) -> str:
        """Return a line with its process's name before it, in the process's colour where the stream takes any."""
        name = f"{process:<{_PREFIX_WIDTH}}| "
        return self._console.style(name, _STYLES.get(process, ""), stream or self._console.stdout) + text

    def addresses(
        self,
        ports: Ports,
        processes: Sequence[ProcessSpec],
        postgres: str,
        lines: QuickstartCommands | None,
        console: str | None,
    ) -> None:
        """Write the block of addresses and lines to paste to stdout."""
        if self._console.json:
            return
        write = self._console.print
        write()
        for process in reversed(processes):
            about = "gRPC, plaintext, reflection on" if process.name == "gateway" else ""
            rest = f"{about:<32}health :{ports.admin(process)}  metrics :{ports.metrics(process)}"
            write(f"  {process.name.capitalize():<10} {ports.address(process):<20} {rest}")
        if console is not None:
            write(f"  {'Console':<10} {console}   (call any method, see recent calls)")
        write(f"  {'Database':<10} {postgres}")
        if lines is not None:
            write(f"  {'':<10} {lines.shell}   (reads only; --write to change things)")
            self._print_quickstart(lines)

    def _print_quickstart(self, lines: QuickstartCommands) -> None:
        write = self._console.print
        write("\n  Paste, one after another:")
        for line in (lines.token, *lines.grpcurl):
            write(f"    {line}")
        missing = "" if shutil.which("grpcurl") else " (none is on this PATH)"
        write(f"\n  Without grpcurl{missing}, after the first line:")
        for line in lines.seda:
            write(f"    {line}")

    def ready(self, data_dir: DataDir, seconds: float, *, kept: bool, keys: bool) -> None:
        """Print the time of the start, where the logs are and what Ctrl-C and, with `keys`, single keys do."""
        self._write(
            f"\n  Ready in {seconds:.1f} s. Warnings and errors appear below; everything is in {data_dir}/log."
        )
        self._write(f"  Ctrl-C stops all of it and {'keeps' if kept else 'deletes'} the data.")
        self._write("  Keys: l all logs, s this block again, q stop.\n" if keys else "")

    def ready_in_background(self, data_dir: DataDir, seconds: float, seda: str) -> None:
        """Print the time of the start, and the commands for a suite without a terminal."""
        self._write(
            f"\n  Ready in {seconds:.1f} s. It runs in the background; everything is in {data_dir}/log."
        )
        self._write(f"  See it: {seda} status   {seda} logs -f      Stop it: {seda} down")

    def tail(self, process: str, lines: Sequence[str]) -> None:
        """Show the last lines of a process that failed to start."""
        for each in lines:
            self.line(process, each)

    def stopping(self) -> None:
        """Acknowledge the first Ctrl-C."""
        self._console.event("stopping")
        self._write("\nStopping (Ctrl-C again: at once)")

    def stopped(
        self, steps: Sequence[tuple[str, float]], data_dir: DataDir, restart: str, *, kept: bool
    ) -> None:
        """Print the duration of each step of the stop, the kept data, and the command that starts the suite again."""
        self.steps(steps)
        self._console.event("stopped", data=str(data_dir.path) if kept else None)
        if kept:
            size = data_dir.size() / _MEGABYTE
            self._write(f"Stopped. Data kept in {data_dir} ({size:.0f} MB). Start again with: {restart}")
        else:
            self._write("Stopped. The temporary data are deleted.")

    def steps(self, steps: Sequence[tuple[str, float]]) -> None:
        """Print the duration of each step of a stop."""
        self._write("  ".join(f"{name} {seconds:.1f} s" for name, seconds in steps))

    def _write(self, text: str, style: str = "") -> None:
        if not self._console.json:
            self._console.message(text, style)
