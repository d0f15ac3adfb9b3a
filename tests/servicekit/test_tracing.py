"""Tracing of a process: what it takes from callers, what it exports, and that it costs nothing when it is off."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from servicekit.call import Call
from servicekit.database import Database
from servicekit.errors import Code
from servicekit.open_telemetry import FLUSH_SECONDS, OpenTelemetry
from servicekit.process import Process
from servicekit.settings import SettingsError
from servicekit.sql import Command
from servicekit.tracing import valid_context
from tests.architecture.project import ROOT
from tests.contract.suite import send
from tests.probe import METHODS, ProbeRequest
from tests.servicekit.probe_process import Settings, build, running, settings
from tests.servicekit.probe_server import as_user
from tests.servicekit.test_process import started
from tests.servicekit.test_settings import GOOD, errors

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
DIVIDE = Command[()]("test.divide", "SELECT 1 / 0")


@pytest.mark.parametrize("traceparent", [PARENT, f"01-{TRACE}-{SPAN}-ff"])
def test_a_context_is_taken_whole(traceparent: str) -> None:
    states = ("a=b", "tenant@vendor=some thing,b=2 , c=!", ",".join(f"k{n}=v" for n in range(32)))
    assert [valid_context(traceparent, each) for each in states] == [(traceparent, each) for each in states]


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        b"bytes",
        "",
        PARENT.upper(),
        PARENT + "\n",
        PARENT + "-00",
        PARENT[:-1],
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-0g",
        "0" * 100_000,
    ],
)
def test_a_malformed_parent_is_no_context(traceparent: object) -> None:
    assert valid_context(traceparent, "a=b") == (None, None)


@pytest.mark.parametrize(
    "tracestate",
    [
        None,
        b"a=b",
        "",
        "a",
        "A=b",
        "a=b=c",
        "a=\n",
        "a=\u00e9",
        "a=b ",
        "a=" + "b" * 600,
        ",".join(f"k{n}=v" for n in range(33)),
        "a@" * 200,
    ],
)
def test_a_malformed_state_is_left_out(tracestate: object) -> None:
    assert valid_context(PARENT, tracestate) == (PARENT, None)


def test_a_process_that_does_not_trace_loads_nothing_for_it() -> None:
    code = """
import asyncio, sys
import gateway.app, services.chat.app, services.tracks.app, services.users.app
from tests.servicekit.probe_process import running

async def main():
    async with running():
        print([name for name in sys.modules if name.startswith("opentelemetry")])

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_tracing_without_its_packages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "opentelemetry" else found(name)
    )
    assert "seda-backend[otel]" in errors(monkeypatch, Settings, **GOOD, SEDA_TRACING="1")["SEDA_TRACING"]


@pytest.mark.parametrize(
    ("name", "value"), [("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_TRACES_EXPORTER", "zipkin")]
)
def test_what_is_not_exported_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert name in errors(monkeypatch, Settings, **GOOD, SEDA_TRACING="1")["SEDA_TRACING"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "9999999")],
)
def test_what_the_exporter_refuses_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="SEDA_TRACING"):
        Process(settings(tracing=True), build)


class Collector:
    """Receives spans over gRPC, as the program that an operator runs."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        self.server = grpc.aio.server()
        export = grpc.unary_unary_rpc_method_handler(
            self._export,
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )
        service = "opentelemetry.proto.collector.trace.v1.TraceService"
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"Export": export}),)
        )
        self.port = self.server.add_insecure_port("127.0.0.1:0")

    async def _export(
        self, request: ExportTraceServiceRequest, _context: object
    ) -> ExportTraceServiceResponse:
        for resource in request.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(named["service.name"], span) for span in scope.spans]
        return ExportTraceServiceResponse()


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    made = Collector()
    await made.server.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{made.port}")
    yield made
    await made.server.stop(0)


async def ask(channel: grpc.aio.Channel) -> str:
    outcome = await send(
        channel, METHODS["Ask"], ProbeRequest().SerializeToString(), (*as_user(), ("traceparent", PARENT))
    )
    return outcome.code.name


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("OTEL_SERVICE_NAME", "", "seda-probe"),
        ("OTEL_SERVICE_NAME", "mine", "mine"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,service.name=mine", "mine"),
    ],
)
async def test_what_waits_is_exported_at_the_end(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    monkeypatch.setenv(variable, value)
    async with running(tracing=True) as (_, channel):
        assert await ask(channel) == "OK"
    ((service, span),) = collector.spans
    assert (service, span.trace_id.hex(), span.parent_span_id.hex()) == (name, TRACE, SPAN)


async def test_the_sampler_is_that_of_the_environment(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    async with running(tracing=True) as (_, channel):
        assert await ask(channel) == "OK"
    assert collector.spans == []


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.slow
async def test_a_collector_that_is_silent_holds_nothing_up() -> None:
    """Calls get their replies, and the process ends in time."""
    with silent_port() as port:
        endpoint = f"http://127.0.0.1:{port}"
        async with started(SEDA_TRACING="1", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as process:
            for _ in range(20):
                assert (await process.call()).code is grpc.StatusCode.OK
            process.process.send_signal(signal.SIGTERM)
            before = time.monotonic()
            assert await process.ended(within=60) == 0
            assert time.monotonic() - before < 5 * FLUSH_SECONDS


async def test_spans_that_find_no_room_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
    with silent_port() as port:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        tracing = OpenTelemetry("probe")
        begin, end = tracing.calls(METHODS["Ask"].path)

        def many(count: int) -> None:
            for _ in range(count):
                call = Call(METHODS["Ask"], "the-request", time.monotonic() + 9)
                begin(call)
                end(call, Code.OK)

        await asyncio.to_thread(many, 1_000)
        waiting = tracing._processor._batch_processor._queue  # type: ignore[attr-defined]  # the SDK has no other count
        assert len(waiting) <= 10


async def test_a_failed_statement_has_its_sqlstate(pool: Database) -> None:
    exporter = InMemorySpanExporter()
    tracing = OpenTelemetry("probe", SimpleSpanProcessor(exporter))
    pool.trace = tracing.statement

    async def in_a_call() -> None:
        call = Call(METHODS["Ask"], "the-request", time.monotonic() + 9)
        begin, end = tracing.calls(METHODS["Ask"].path)
        begin(call)
        with pytest.raises(Exception, match="22012"):
            await pool.execute(DIVIDE)
        end(call, Code.INTERNAL)

    await asyncio.create_task(in_a_call())
    # Outside of a call there is nothing to be part of.
    with pytest.raises(Exception, match="22012"):
        await pool.execute(DIVIDE)
    statement, call = exporter.get_finished_spans()
    assert (statement.name, statement.status.status_code) == ("test.divide", StatusCode.ERROR)
    assert statement.attributes is not None
    assert statement.attributes["db.response.status_code"] == "22012"
    assert statement.parent == call.context
    assert call.status.status_code is StatusCode.ERROR
