"""Logs on stderr: one JSON object a line, or readable lines on a terminal."""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(process: str, level: str, log_format: str) -> None:
    """Set up structlog for this process; the standard library's loggers go through it too."""
    lines = _Lines(sys.stderr)
    as_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [_common(process), structlog.processors.format_exc_info]
    renderer: Processor = _json if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_names: lines,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_quiet_pool)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


class _Lines:
    """Writes lines once per turn of the event loop, so that many calls cost one write; without a loop at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        atexit.register(self._flush)

    def msg(self, line: str) -> None:
        """Write a line soon."""
        self._waiting.append(line)
        if len(self._waiting) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self._flush)
        except RuntimeError:
            self._flush()

    debug = info = warning = warn = error = critical = exception = fatal = log = msg

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._stream.write("\n".join(waiting) + "\n")
            self._stream.flush()


def _common(process: str) -> Processor:
    """What stands in every line, in one step: this runs once per call of the process."""

    def add(_logger: object, level: str, event: EventDict) -> EventDict:
        line = {key: value for key, value in event.items() if value is not None}
        line["level"] = level
        line["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line["process"] = process
        return line

    return add


_encode = json.JSONEncoder(default=repr).encode


def _json(_logger: object, _level: str, event: EventDict) -> str:
    return _encode(event)


def _quiet_pool(record: logging.LogRecord) -> bool:
    """With PostgreSQL away asyncpg's pool logs a traceback at every retry; the line alone is enough."""
    if record.name.startswith("asyncpg"):
        record.exc_info = None
    return True
