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
_FLUSH_SECONDS = 0.01
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(process: str, level: str, log_format: str) -> None:
    """Configure structlog for this process, including the standard library's loggers."""
    lines = _BufferedWriter(sys.stderr)
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
    handler.addFilter(_drop_pool_tracebacks)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


class AccessLog:
    """The access log of one method: a line for each finished call.

    The JSON line is formatted here, because structlog's processors cost more than everything else that servicekit
    does for a call. On a terminal and in tests, structlog formats it.
    """

    def __init__(self, process: str, method: Method) -> None:
        self._log = structlog.get_logger("call")
        self._method = method.full_name
        config = structlog.get_config()
        as_json = config["processors"][-1:] == [_json] and self._log.is_enabled_for(_LEVELS["info"])
        self._lines: _BufferedWriter | None = config["logger_factory"]() if as_json else None
        constant = {"event": "call", "level": "info", "process": process, "method": self._method}
        self._head = f'{_encode(constant)[:-1]}, "timestamp": "'

    def record(self, call: Call, code: Code, seconds: float, error: ServiceError | None) -> None:
        """Log a call that ended in `code`."""
        ms = round(seconds * 1000, 2)
        fields = {
            "caller": call.service or (str(call.identity.user_id) if call.identity else None),
            "on_behalf_of": call.on_behalf_of,
            "reason": (error.reason or None) if error else None,
            "trace_id": call.trace_id,
        }
        if self._lines is None:
            event = {"method": self._method, "code": code.name, "ms": ms, "request_id": call.request_id}
            self._log.info("call", **event, **fields)
            return
        line = f'{self._head}{_timestamp()}", "code": "{_CODES[code]}", "ms": {ms}, "request_id": "{call.request_id}"'
        for name, value in fields.items():
            if value is not None:
                line += f', "{name}": {_encode(value)}'
        self._lines.write_later(line + "}")


class _BufferedWriter:
    """Buffers lines until the end of the loop iteration, or for 10 ms; without a running loop, writes at once."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        atexit.register(self._flush)

    def msg(self, line: str) -> None:
        """Write a line, and all buffered lines, in this loop iteration."""
        self._waiting.append(line)
        try:
            asyncio.get_running_loop().call_soon(self._flush)
        except RuntimeError:
            self._flush()

    debug = info = warning = warn = error = critical = exception = fatal = log = msg

    def write_later(self, line: str) -> None:
        """Write a line within 10 ms. Needs a running loop."""
        self._waiting.append(line)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._stream.write("\n".join(waiting) + "\n")
            self._stream.flush()


def _common(process: str) -> Processor:
    """Adds the fields of every line, and the ids of the request and its trace within a call."""

    def add(_logger: object, level: str, event: EventDict) -> EventDict:
        present = {key: value for key, value in event.items() if value is not None}
        if (call := current_call.get()) is not None:
            present.setdefault("request_id", call.request_id)
            if call.trace_id is not None:
                present.setdefault("trace_id", call.trace_id)
        return {**present, "level": level, "timestamp": _timestamp(), "process": process}

    return add


def _timestamp() -> str:
    seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{nanos // 1000:06d}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    # Cached: many lines share a second.
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


_encode = json.JSONEncoder(default=repr).encode


def _json(_logger: object, _level: str, event: EventDict) -> str:
    return _encode(event)


def _drop_pool_tracebacks(record: logging.LogRecord) -> bool:
    """Drop the traceback that asyncpg's pool logs at every retry while PostgreSQL is unavailable."""
    if record.name.startswith("asyncpg"):
        record.exc_info = None
    return True
