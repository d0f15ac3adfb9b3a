"""Logs on stderr: one JSON object a line, or readable lines on a terminal."""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import sys
import time
from functools import lru_cache
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

from servicekit.call import Call, current_call
from servicekit.errors import Code, ServiceError
from servicekit.methods import Method

_CODES = [code.name for code in Code]
_HOLD_SECONDS = 0.01
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


class AccessLog:
    """Writes the line of each finished call of one method.

    One JSON object is put together right here: by structlog's steps it costs more than all the rest that
    servicekit does for a call. On a terminal, and where a test looks, structlog has it.
    """

    def __init__(self, process: str, method: Method) -> None:
        self._log = structlog.get_logger("call")
        self._method = method.full_name
        config = structlog.get_config()
        as_json = config["processors"][-1:] == [_json] and self._log.is_enabled_for(_LEVELS["info"])
        self._lines: _Lines | None = config["logger_factory"]() if as_json else None
        constant = {"event": "call", "level": "info", "process": process, "method": self._method}
        self._head = f'{_encode(constant)[:-1]}, "timestamp": "'

    def record(self, call: Call, code: Code, seconds: float, error: ServiceError | None) -> None:
        """Log a call that ended in `code`."""
        ms = round(seconds * 1000, 2)
        known = {
            "caller": str(call.identity.user_id) if call.identity else call.service,
            "on_behalf_of": call.on_behalf_of,
            "reason": (error.reason or None) if error else None,
        }
        if self._lines is None:
            said = {"method": self._method, "code": code.name, "ms": ms, "request_id": call.request_id}
            self._log.info("call", **said, **known)
            return
        line = f'{self._head}{_timestamp()}", "code": "{_CODES[code]}", "ms": {ms}, "request_id": "{call.request_id}"'
        for name, value in known.items():
            if value is not None:
                line += f', "{name}": {_encode(value)}'
        self._lines.soon(line + "}")


class _Lines:
    """Writes lines at the end of the loop's turn, or, those of calls, many at once; without a loop at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        atexit.register(self._flush)

    def msg(self, line: str) -> None:
        """Write a line now, and what waits before it."""
        self._waiting.append(line)
        try:
            asyncio.get_running_loop().call_soon(self._flush)
        except RuntimeError:
            self._flush()

    debug = info = warning = warn = error = critical = exception = fatal = log = msg

    def soon(self, line: str) -> None:
        """Write a line within 10 ms. Needs a running loop."""
        self._waiting.append(line)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_HOLD_SECONDS, self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._stream.write("\n".join(waiting) + "\n")
            self._stream.flush()


def _common(process: str) -> Processor:
    """What stands in every line, and the request id in those of a call."""

    def add(_logger: object, level: str, event: EventDict) -> EventDict:
        known = {key: value for key, value in event.items() if value is not None}
        if (call := current_call.get()) is not None:
            known.setdefault("request_id", call.request_id)
        return {**known, "level": level, "timestamp": _timestamp(), "process": process}

    return add


def _timestamp() -> str:
    seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{nanos // 1000:06d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    # Many lines share a second, and calendars are slow.
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


_encode = json.JSONEncoder(default=repr).encode


def _json(_logger: object, _level: str, event: EventDict) -> str:
    return _encode(event)


def _quiet_pool(record: logging.LogRecord) -> bool:
    """With PostgreSQL away asyncpg's pool logs a traceback at every retry; the line alone is enough."""
    if record.name.startswith("asyncpg"):
        record.exc_info = None
    return True
