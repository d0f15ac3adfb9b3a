"""One trace from the gateway to the statements, read from an exporter in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from seda.chat.v1.live_service_pb2 import WatchRequest
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from servicekit.open_telemetry import OpenTelemetry
from tests.gateway.gateway_fixture import AS_USER, SECONDS
from tests.gateway.gateway_suite import GatewaySuite, gateway_suite
from tests.gateway.test_suite import new_room
from tests.postgres import Database

SEND = "seda.chat.v1.MessageService/SendMessage"
PAGE = "seda.gateway.v1.GatewayService/GetRoomPage"
WATCH = "seda.chat.v1.LiveService/Watch"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = (("traceparent", f"00-{TRACE}-{PARENT}-01"), ("tracestate", "vendor=value"))
TEXT = "words of a user"


@dataclass
class Spans:
    """What the four processes have exported."""

    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def tracing(self, process: str) -> OpenTelemetry:
        return OpenTelemetry(process, SimpleSpanProcessor(self.exporter))

    async def until(self, complete: Callable[[list[ReadableSpan]], bool]) -> list[ReadableSpan]:
        """The spans once `complete` says so: a server's span may end after its client has the reply."""
        async with asyncio.timeout(SECONDS):
            while not complete(found := list(self.exporter.get_finished_spans())):
                # The exporter keeps spans and tells nobody.
                await asyncio.sleep(0.01)
        return found


@pytest.fixture(scope="module")
async def traced(database: Database) -> AsyncIterator[tuple[GatewaySuite, Spans]]:
    spans = Spans()
    async with gateway_suite(database, spans.tracing) as suite:
        yield suite, spans


@pytest.fixture
async def suite(traced: tuple[GatewaySuite, Spans]) -> GatewaySuite:
    return traced[0]


@pytest.fixture
async def spans(traced: tuple[GatewaySuite, Spans]) -> Spans:
    traced[1].exporter.clear()
    return traced[1]


def lineage(span: ReadableSpan, spans: Iterable[ReadableSpan]) -> list[tuple[str, str]]:
    """The process and the name of a span and of all above it, from the root."""
    by_id = {each.context.span_id: each for each in spans if each.context}
    names: list[tuple[str, str]] = []
    above: ReadableSpan | None = span
    while above is not None:
        names.insert(0, (str(above.resource.attributes["service.name"]).removeprefix("seda-"), above.name))
        above = by_id.get(above.parent.span_id) if above.parent else None
    return names


def servers(spans: Iterable[ReadableSpan], name: str, process: str) -> list[ReadableSpan]:
    """The spans of a process's own calls of a method."""
    return [
        each
        for each in spans
        if each.name == name
        and each.kind is SpanKind.SERVER
        and each.resource.attributes["service.name"] == f"seda-{process}"
    ]


def has(name: str, process: str, count: int = 1) -> Callable[[list[ReadableSpan]], bool]:
    return lambda spans: len(servers(spans, name, process)) == count


async def test_a_page_is_one_trace_from_the_gateway_to_the_statements(
    suite: GatewaySuite, spans: Spans
) -> None:
    room_id = await new_room(suite.channel)
    spans.exporter.clear()
    request = GetRoomPageRequest(room_id=room_id)
    page = GatewayServiceStub(suite.channel).GetRoomPage
    await page(request, metadata=(*AS_USER, *SAMPLED), timeout=SECONDS)
    found = await spans.until(has(PAGE, "gateway"))

    assert {f"{each.context.trace_id:032x}" for each in found if each.context} == {TRACE}
    assert {each.context.trace_state.to_header() for each in found if each.context} == {"vendor=value"}
    (root,) = servers(found, PAGE, "gateway")
    assert root.parent is not None
    assert f"{root.parent.span_id:016x}" == PARENT
    (statement,) = [each for each in found if each.name == "chat.page_roots"]
    listing = "seda.chat.v1.MessageService/ListMessages"
    assert lineage(statement, found) == [
        ("gateway", PAGE),
        ("gateway", listing),
        ("chat", listing),
        ("chat", "chat.page_roots"),
    ]
    assert statement.attributes == {"db.system.name": "postgresql", "db.query.summary": "chat.page_roots"}
    (called,) = [each for each in found if each.name == listing and each.kind is SpanKind.CLIENT]
    assert called.attributes == {
        "rpc.system.name": "grpc",
        "rpc.method": listing,
        "rpc.response.status_code": "OK",
        "server.address": "127.0.0.1",
        "server.port": suite.chat.process.servers.port,
    }


async def test_sends_of_one_batch_are_linked_with_it(suite: GatewaySuite, spans: Spans) -> None:
    room_id = await new_room(suite.channel)
    spans.exporter.clear()
    send = MessageServiceStub(suite.channel).SendMessage
    request = SendMessageRequest(room_id=room_id, text=TEXT)
    await asyncio.gather(*(send(request, metadata=AS_USER, timeout=SECONDS) for _ in range(12)))
    found = await spans.until(has(SEND, "gateway", 12))

    batches = {each.context.span_id: each for each in found if each.name == "send_batch" and each.context}
    sizes = [int(str((each.attributes or {})["seda.batch.size"])) for each in batches.values()]
    assert sum(sizes) == 12 > len(batches)
    for send_span in servers(found, SEND, "chat"):
        children = [each for each in batches.values() if each.parent == send_span.context]
        linked = [batches[link.context.span_id] for link in send_span.links]
        # The first of a batch has it in its trace, the others have links to and fro.
        assert len(children) + len(linked) == 1
        assert [
            each for each in linked if send_span.context not in [back.context for back in each.links]
        ] == []
    (commit,) = [each for each in found if each.name == "COMMIT"][:1]
    gateway_and_chat = [("gateway", SEND), ("gateway", SEND), ("chat", SEND)]
    assert lineage(commit, found) == [*gateway_and_chat, ("chat", "send_batch"), ("chat", "COMMIT")]


async def test_attributes_have_nothing_of_the_user(suite: GatewaySuite, spans: Spans) -> None:
    room_id = await new_room(suite.channel)
    metadata = (*AS_USER, ("x-request-id", "chosen-by-a-user"))
    sent = await MessageServiceStub(suite.channel).SendMessage(
        SendMessageRequest(room_id=room_id, text=TEXT), metadata=metadata, timeout=SECONDS
    )
    found = await spans.until(has(SEND, "gateway"))
    exported = "".join(each.to_json() for each in found)
    # "search" finds what is there.
    assert "chat.write_batch" in exported
    personal = (
        TEXT,
        room_id,
        sent.message.id,
        sent.message.author_id,
        "chosen-by-a-user",
        "listener@",
        "Bearer",
    )
    assert [each for each in personal if each in exported] == []


async def test_what_the_caller_does_not_sample_is_not_exported(suite: GatewaySuite, spans: Spans) -> None:
    unsampled = (("traceparent", f"00-{TRACE}-{PARENT}-00"),)
    await new_room(suite.channel)
    spans.exporter.clear()
    page = GatewayServiceStub(suite.channel).GetRoomPage
    request = GetRoomPageRequest(room_id=await new_room(suite.channel))
    await spans.until(has("seda.chat.v1.RoomService/CreateRoom", "gateway"))
    spans.exporter.clear()
    await page(request, metadata=(*AS_USER, *unsampled), timeout=SECONDS)
    # A later call's spans are there; its predecessor's would be, too.
    await new_room(suite.channel)
    found = await spans.until(has("seda.chat.v1.RoomService/CreateRoom", "gateway"))
    assert [each.name for each in found if each.context and f"{each.context.trace_id:032x}" == TRACE] == []


async def test_an_error_of_the_caller_is_none_of_the_server(suite: GatewaySuite, spans: Spans) -> None:
    request = SendMessageRequest(room_id="0190a5c0-0000-7000-8000-000000000003", text=TEXT)
    with pytest.raises(grpc.aio.AioRpcError):
        await MessageServiceStub(suite.channel).SendMessage(request, metadata=AS_USER, timeout=SECONDS)
    found = await spans.until(has(SEND, "gateway"))
    (served,) = servers(found, SEND, "chat")
    (called,) = [each for each in found if each.name == SEND and each.kind is SpanKind.CLIENT]
    assert [each.status.status_code for each in (served, called)] == [StatusCode.UNSET, StatusCode.ERROR]
    for each in (served, called):
        assert each.attributes is not None
        assert each.attributes["rpc.response.status_code"] == "NOT_FOUND"


async def test_a_stream_has_one_span_that_ends_with_it(suite: GatewaySuite, spans: Spans) -> None:
    stream = LiveServiceStub(suite.channel).Watch(WatchRequest(all_my_rooms=True), metadata=AS_USER)
    await stream.read()
    assert [each.name for each in spans.exporter.get_finished_spans() if each.name == WATCH] == []
    stream.cancel()
    found = await spans.until(lambda spans: sum(each.name == WATCH for each in spans) == 3)
    codes = {
        each.attributes["rpc.response.status_code"]
        for each in found
        if each.name == WATCH and each.attributes
    }
    assert codes == {"CANCELLED"}
