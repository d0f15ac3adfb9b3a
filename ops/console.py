"""Output of commands: results to stdout, everything else to stderr.

The rules: colour only where the stream is a terminal, unless disabled (--no-color, NO_COLOR, CLICOLOR=0,
TERM=dumb) or forced (CLICOLOR_FORCE); no animation unless stderr is a terminal outside CI; a piped table
is tab-separated, uncut and keeps its header; with --json stdout holds exactly one object (commands that run on
write one event per line). Foreign text is escaped: it is never markup or a control sequence.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, TextIO
from uuid import UUID

from ops.errors import CliError, Exit

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress

__all__ = ["CliError", "Console", "Exit", "console", "json_ready", "printable", "redirect_to_devnull"]

_STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


def redirect_to_devnull(stream: TextIO) -> None:
    """Discard buffered and later output of a stream."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Console:
    """The two streams of one run of `seda`."""

    def __init__(
        self,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._environ = os.environ if environ is None else environ
        self.json = False
        self.no_color = False
        self.debug = False
        self.ignore_broken_pipe = False
        """Whether the command continues after the reader of its output is gone, as a supervisor must."""

    @property
    def stdout(self) -> TextIO:
        """Where results go; looked up at each use, so that a redirected sys.stdout is respected."""
        return self._stdout or sys.stdout

    @property
    def stderr(self) -> TextIO:
        """Where messages go."""
        return self._stderr or sys.stderr

    def colored(self, stream: TextIO) -> bool:
        """Return whether colour may be written to `stream`."""
        environ = self._environ
        if self.no_color or environ.get("NO_COLOR"):
            return False
        if environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
            return True
        return stream.isatty() and environ.get("TERM") != "dumb" and environ.get("CLICOLOR") != "0"

    @property
    def animated(self) -> bool:
        """Whether a line on stderr may be rewritten in place."""
        environ = self._environ
        return self.stderr.isatty() and not environ.get("CI") and environ.get("TERM") != "dumb"

    @property
    def interactive(self) -> bool:
        """Whether a person may press keys: both ends are a terminal, and the output is text."""
        # The stream is None where the descriptor is closed.
        return not self.json and os.isatty(0) and self.stderr.isatty()

    def style(self, text: str, style: str, stream: TextIO) -> str:
        """Return `text` in a style of _STYLES where `stream` takes colour, else unchanged."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and self.colored(stream) else text

    def message(self, text: str = "", style: str = "") -> None:
        """Write a message for a person to stderr."""
        self._write(self.style(text, style, self.stderr), self.stderr)

    def print(self, text: str = "") -> None:
        """Write a line of the result to stdout."""
        self._write(text, self.stdout)

    def _write(self, text: str, stream: TextIO, end: str = "\n") -> None:
        try:
            print(text, end=end, file=stream, flush=True)
        except OSError:
            # The terminal or the pipe was closed.
            if not self.ignore_broken_pipe:
                raise
            redirect_to_devnull(stream)

    def status_line(self, text: str) -> None:
        """Replace the last line on stderr, where something may move."""
        shown = text[: shutil.get_terminal_size().columns - 1]
        self._write(f"\r\x1b[K{shown}", self.stderr, end="")

    def result(self, data: object, text: str | None = None) -> None:
        """Write the result: the envelope with --json, else `text` (None: nothing)."""
        if self.json:
            self.print(_dump({"ok": True, "data": data}))
        elif text is not None:
            self.print(text)

    def event(self, event: str, **fields: object) -> None:
        """Write one event line of a command that runs on, with --json only."""
        if self.json:
            self.print(_dump({"event": event, **fields}))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table to stdout: aligned on a terminal, tab-separated when piped. Not for --json."""
        cells = [[printable(_cell(value)) for value in row] for row in rows]
        if not self.stdout.isatty():
            for line in [list(columns), *cells]:
                self.print("\t".join(line))
            return
        from rich.table import Table
        from rich.text import Text

        shown = Table(*columns, box=None, pad_edge=False)
        for line in cells:
            shown.add_row(*map(Text, line))
        self._rich(self.stdout).print(shown)

    @contextlib.contextmanager
    def status(self, text: str) -> Iterator[None]:
        """Show `text` with a spinner on stderr while the body runs, where something may move."""
        if self.json or not self.animated:
            yield
            return
        spinner = self._rich(self.stderr).status(text)
        spinner.start()
        try:
            yield
        finally:
            try:
                spinner.stop()
            except OSError:
                # The terminal was closed.
                redirect_to_devnull(self.stderr)

    def progress_bar(self) -> Progress:
        """Return a bar on stderr with the rows done, their rate and the remaining time."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._rich(self.stderr),
        )

    def _rich(self, stream: TextIO) -> RichConsole:
        from rich.console import Console as RichConsole

        return RichConsole(
            file=stream,
            force_terminal=stream.isatty(),
            color_system="standard" if self.colored(stream) else None,
            highlight=False,
        )

    def error(self, error: CliError) -> None:
        """Write a failure: message, cause and remedy to stderr, or the envelope to stdout with --json."""
        if self.json:
            self.print(_dump({"ok": False, "error": error.as_json()}))
            return
        self.message(error.message, "red")
        for line in (error.why, error.fix):
            if line:
                self.message(line)


console = Console()


def printable(text: str) -> str:
    r"""Return foreign text with control characters, such as terminal sequences, tabs and line ends, as \x1b."""
    if text.isprintable():
        return text
    return "".join(
        each if each == " " or unicodedata.category(each)[0] not in "CZ" else _escaped(each) for each in text
    )


def json_ready(value: object) -> object:
    """Return `value` as JSON has it: instants in RFC 3339 UTC, ids and paths as text, spans in seconds."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: json_ready(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): json_ready(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_ready(each) for each in value]
    if isinstance(value, enum.Enum):
        return json_ready(value.value)
    return _scalar(value)


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID | PurePath):
        return str(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _dump(value: Mapping[str, object]) -> str:
    return json.dumps(json_ready(value), ensure_ascii=False, separators=(",", ":"))


def _cell(value: object) -> str:
    return "" if value is None else str(json_ready(value))


def _escaped(character: str) -> str:
    number = ord(character)
    named = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(character)
    return named or (f"\\x{number:02x}" if number <= 0xFF else f"\\u{number:04x}")  # noqa: PLR2004 - one byte
