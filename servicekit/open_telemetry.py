"""Spans by OpenTelemetry's SDK, exported over OTLP; it reads the standard OTEL_* variables itself.

Names follow the semantic conventions for RPC and databases. Attributes name methods, statements and codes, never
what is in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Coroutine, Iterable, Iterator
from functools import partial
from typing import Any, cast

import grpc
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    Tracer,
    TraceState,
)

from servicekit.call import Call
from servicekit.errors import Code
from servicekit.tracing import Begin, End

FLUSH_SECONDS = 3.0
_MAX_LINKS = 128
# What the conventions call an error of the server; all other codes are the client's.
_SERVER_ERRORS = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
_Pairs = Iterable[tuple[str, str | bytes]]


class OpenTelemetry:
    """Implements servicekit.tracing.Tracing. Raises ValueError for settings that the SDK refuses.

    Spans wait in a bounded queue for a thread that exports them in batches; when it is full, spans are dropped.
    """

    def __init__(self, process: str, processor: SpanProcessor | None = None) -> None:
        provider = TracerProvider(resource=_resource(process), shutdown_on_exit=False)
        self._processor = processor or BatchSpanProcessor(OTLPSpanExporter())
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("seda")

    def calls(self, path: str) -> tuple[Begin, End]:
        """See Tracing."""
        name = path[1:]
        attributes = {"rpc.system.name": "grpc", "rpc.method": name}

        def begin(call: Call) -> None:
            span = self._tracer.start_span(
                name, _remote_parent(call), kind=SpanKind.SERVER, attributes=attributes
            )
            call.span = span
            if span.get_span_context().is_valid:
                call.traceparent, call.tracestate = _headers(span.get_span_context())
            # The task of the call ends with it: nothing to detach.
            otel_context.attach(trace.set_span_in_context(span, Context()))

        def end(call: Call, code: Code) -> None:
            _end(call.span, code.name, is_error=code.name in _SERVER_ERRORS)

        return begin, end

    def channel(self, channel: grpc.aio.Channel, target: str) -> grpc.aio.Channel:
        """See Tracing."""
        return cast("grpc.aio.Channel", _TracedChannel(self._tracer, channel, target))

    def statement(self, name: str, seconds: float, failure: str | None) -> None:
        """See Tracing."""
        if not trace.get_current_span().is_recording():
            return
        now = time.time_ns()
        span = self._tracer.start_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "postgresql", "db.query.summary": name},
            start_time=now - int(seconds * 1e9),
        )
        if failure is not None:
            span.set_attributes({"db.response.status_code": failure, "error.type": failure})
            span.set_status(trace.StatusCode.ERROR)
        span.end(now)

    @contextlib.contextmanager
    def batch(self, name: str, calls: Iterable[Call | None]) -> Iterator[None]:
        """See Tracing."""
        spans = [call.span for call in calls if call is not None and call.span.is_recording()]
        if not spans:
            yield
            return
        first, *others = spans
        links = [Link(span.get_span_context()) for span in others[:_MAX_LINKS]]
        parent = trace.set_span_in_context(first, Context())
        attributes = {"seda.batch.size": len(spans)}
        with self._tracer.start_as_current_span(name, parent, links=links, attributes=attributes) as span:
            for other in others:
                other.add_link(span.get_span_context())
            yield

    async def stop(self) -> None:
        """See Tracing. A collector that is away does not hold up the process."""
        loop, flushed = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            self._processor.shutdown()
            # Nobody may wait any longer.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(flushed.set)

        threading.Thread(target=flush, daemon=True, name="flush-spans").start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(flushed.wait(), FLUSH_SECONDS)


class _TracedChannel:
    """A channel that gives each call a span and the other service its context."""

    def __init__(self, tracer: Tracer, channel: grpc.aio.Channel, target: str) -> None:
        self._tracer = tracer
        self._channel = channel
        self._server = _server(target)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a channel has
        return getattr(self._channel, name)

    def unary_unary(self, path: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as grpc takes it
        """As grpc's."""
        return partial(self._call, path[1:], self._channel.unary_unary(path, *arguments, **options))

    def unary_stream(self, path: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as grpc takes it
        """As grpc's."""
        return partial(self._call, path[1:], self._channel.unary_stream(path, *arguments, **options))

    def _call(self, name: str, invoke: Any, request: Any, *, metadata: _Pairs = (), **options: Any) -> Any:  # noqa: ANN401 - as grpc takes it
        attributes = {"rpc.system.name": "grpc", "rpc.method": name, **self._server}
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        if span.get_span_context().is_valid:
            headers = zip(("traceparent", "tracestate"), _headers(span.get_span_context()), strict=True)
            others = [pair for pair in metadata if pair[0] not in ("traceparent", "tracestate")]
            metadata = (*others, *((key, value) for key, value in headers if value is not None))
        call = invoke(request, metadata=metadata, **options)
        call.add_done_callback(partial(_end_client_span, span))
        return call


def _end_client_span(span: Span, call: grpc.aio.Call) -> None:
    code = _finished(call.code()).name
    _end(span, code, is_error=code != "OK")


def _finished(coroutine: Coroutine[Any, Any, grpc.StatusCode]) -> grpc.StatusCode:
    """Return the result of a coroutine that has nothing to wait for: the call is done."""
    try:
        coroutine.send(None)
    except StopIteration as result:
        return cast("grpc.StatusCode", result.value)
    coroutine.close()
    return grpc.StatusCode.UNKNOWN


def _end(span: Span, code: str, *, is_error: bool) -> None:
    span.set_attribute("rpc.response.status_code", code)
    if is_error:
        span.set_attribute("error.type", code)
        span.set_status(trace.StatusCode.ERROR)
    span.end()


def _remote_parent(call: Call) -> Context:
    """Return the context of the caller's span; empty without one."""
    if call.traceparent is None:
        return Context()
    _, trace_id, span_id, flags = call.traceparent.split("-")
    parent = SpanContext(
        int(trace_id, 16),
        int(span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(int(flags, 16)),
        trace_state=TraceState.from_header([call.tracestate] if call.tracestate else []),
    )
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _headers(context: SpanContext) -> tuple[str, str | None]:
    """Return traceparent and tracestate that make a span the parent."""
    traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return traceparent, context.trace_state.to_header() or None


def _resource(process: str) -> Resource:
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if named else {SERVICE_NAME: f"seda-{process}"})


def _server(target: str) -> dict[str, str | int]:
    """Return the attributes of a target: `host:port`, a list of such, or `dns:///host:port`."""
    host, _, port = target.rpartition("/")[2].rpartition(":")
    if "," in target or not port.isdigit():
        return {"server.address": target}
    return {"server.address": host.strip("[]"), "server.port": int(port)}
