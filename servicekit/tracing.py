"""What traces the calls of a process, if anything does (docs/observability.md).

Without tracing a process does not load OpenTelemetry: only servicekit/open_telemetry.py imports it. A caller's
W3C context is passed on either way.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

import grpc

from servicekit.call import Call
from servicekit.errors import Code

# Version ff and ids of zeros alone are invalid (W3C Trace Context).
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# Up to 32 members `vendor=value`; longer than this, anybody may drop it.
_MAX_TRACESTATE = 512
_MEMBER = (
    r"(?:[a-z0-9][a-z0-9_*/-]{0,240}@)?[a-z][a-z0-9_*/-]{0,255}"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_TRACESTATE = re.compile(rf"{_MEMBER}(?:[ \t]*,[ \t]*{_MEMBER}){{0,31}}")
_ONLY = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

Begin = Callable[[Call], None]
"""Starts the span of a call in the context of the call's task."""
End = Callable[[Call, Code], None]


class Tracing(Protocol):
    """Makes spans of calls, statements and batches, and exports them."""

    def calls(self, path: str) -> tuple[Begin, End]:
        """What begins and what ends the span of each call of a method."""

    def channel(self, channel: grpc.aio.Channel, target: str) -> grpc.aio.Channel:
        """A channel whose calls have a span each, which the other service continues."""

    def statement(self, name: str, seconds: float, failure: str | None) -> None:
        """Record a statement that has just ended, if it is part of a call or a batch. `failure`: its SQLSTATE."""

    def batch(self, name: str, calls: Iterable[Call | None]) -> AbstractContextManager[None]:
        """Record the block as work for several calls: in the trace of the first, linked with the others."""

    async def stop(self) -> None:
        """Export what is left, for some seconds at most."""


def valid_context(traceparent: object, tracestate: object) -> tuple[str | None, str | None]:
    """Return a caller's W3C headers, None for what is malformed; tracestate means nothing by itself."""
    if not isinstance(traceparent, str) or not _TRACEPARENT.fullmatch(traceparent):
        return None, None
    if not isinstance(tracestate, str) or len(tracestate) > _MAX_TRACESTATE:
        return traceparent, None
    return traceparent, tracestate if _TRACESTATE.fullmatch(tracestate) else None


def why_no_tracing() -> str | None:
    """Return why traces can't be exported; None if they can."""
    if importlib.util.find_spec("opentelemetry") is None:
        return "needs the extra `otel`: pip install 'seda-backend[otel]'"
    for name, only in _ONLY.items():
        if os.environ.get(name, only) != only:
            return f"{name} must be {only}, or not be set"
    return None
