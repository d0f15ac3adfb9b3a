"""Calls of the client: deadlines, retries, request ids, metadata and errors."""

from __future__ import annotations

import asyncio
import time
import uuid

import grpc
import pytest

from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.chat.v1.room_service_pb2 import ListMyRoomsRequest, ListMyRoomsResponse
from sedaclient import (
    AsyncSeda,
    DeadlineExceeded,
    InvalidArgument,
    ResourceExhausted,
    SedaError,
    StaticToken,
    Unavailable,
)
from sedaclient.calls import RetryPacer
from sedaclient.deadlines import running_call
from sedaclient.errors import _CLASSES
from servicekit.call import Call
from servicekit.errors import FieldViolation
from tests.gateway.fake_server import FakeServer
from tests.probe import METHODS
from tests.sedaclient.scripts import ROOMS, SEND, UNAVAILABLE, Failure, script

SENT = SendMessageResponse(deduplicated=True)


def request_ids(server: FakeServer) -> list[str]:
    return [SendMessageRequest.FromString(each.data).request_id for each in server.calls]


async def test_a_call_has_a_token_an_id_a_deadline_and_names_its_program(
    server: FakeServer, seda: AsyncSeda
) -> None:
    script(server, ROOMS, ListMyRoomsResponse())
    await seda.rooms.ListMyRooms(ListMyRoomsRequest())
    (call,) = server.calls
    assert call.metadata["authorization"] == "Bearer secret-token"
    assert len(call.metadata["x-request-id"]) == 32
    assert str(call.metadata["user-agent"]).startswith("probe/1 seda-client/")
    assert call.time_left is not None
    assert 4 < call.time_left <= 5


async def test_a_send_is_repeated_under_one_request_id_that_its_request_does_not_get(
    server: FakeServer, seda: AsyncSeda
) -> None:
    script(server, SEND, UNAVAILABLE, Failure(grpc.StatusCode.CANCELLED), SENT)
    request = SendMessageRequest(room_id="r1", text="x")
    assert await seda.messages.SendMessage(request) == SENT
    first = request_ids(server)
    assert len(first) == 3
    assert len(set(first)) == 1
    assert str(uuid.UUID(first[0])) == first[0]
    # The same object again is another message.
    assert request.request_id == ""
    await seda.messages.SendMessage(request)
    assert request_ids(server)[-1] != first[0]
    assert len({call.metadata["x-request-id"] for call in server.calls[:3]}) == 1
    given = SendMessageRequest(request_id=str(uuid.uuid4()))
    await seda.messages.SendMessage(given)
    assert request_ids(server)[-1] == given.request_id


async def test_what_is_not_safe_is_not_repeated(server: FakeServer, seda: AsyncSeda) -> None:
    script(server, SEND, UNAVAILABLE)
    with pytest.raises(Unavailable):
        await seda.messages.SendMessage(SendMessageRequest(), retry=False)
    assert len(server.calls) == 1
    script(server, SEND, Failure(grpc.StatusCode.ABORTED, "CONFLICT"))
    with pytest.raises(SedaError):
        await seda.messages.SendMessage(SendMessageRequest())
    assert len(server.calls) == 2


async def test_retries_end_with_the_deadline_and_the_last_error(server: FakeServer, seda: AsyncSeda) -> None:
    script(server, SEND, UNAVAILABLE)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await seda.messages.SendMessage(SendMessageRequest(), timeout=0.5)
    assert time.monotonic() - began < 2.5
    assert len(server.calls) > 1
    # A server that asks for more time than there is is not asked again.
    server.calls.clear()
    script(server, SEND, Failure(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE", retry_after=60.0))
    with pytest.raises(Unavailable) as raised:
        await seda.messages.SendMessage(SendMessageRequest(), timeout=0.5)
    assert (raised.value.retry_after, raised.value.retryable, len(server.calls)) == (60.0, True, 1)


def test_retries_of_an_outage_are_spaced() -> None:
    pacer = RetryPacer()
    delays = [pacer.delay(100.0, 105.0) for _ in range(400)]
    assert delays[:50] == [0.0] * 50
    admitted = [each for each in delays if each is not None]
    # 50 at once, then 50 a second until the deadline.
    assert 295 <= len(admitted) <= 301
    assert delays[-1] is None
    assert pacer.delay(200.0, 205.0) == 0.0


async def test_errors_say_what_the_server_said(server: FakeServer, seda: AsyncSeda) -> None:
    script(server, SEND, Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "SLOW_MODE", "wait", 3.2))
    with pytest.raises(ResourceExhausted) as raised:
        await seda.messages.SendMessage(SendMessageRequest())
    error = raised.value
    assert (error.reason, error.domain, error.retry_after) == ("SLOW_MODE", "chat.seda.fm", 3.2)
    assert (error.method, error.request_id, error.metadata) == (
        "chat.SendMessage",
        "rid-1",
        {"room_id": "r1"},
    )
    assert error.retryable
    assert str(error) == (
        "chat.SendMessage RESOURCE_EXHAUSTED SLOW_MODE: wait (retry in 3.2 s) [request rid-1]"
    )
    assert "secret-token" not in f"{error!r}{seda!r}{seda.connection.auth!r}"
    violations = (FieldViolation("text", "too long"), FieldViolation("room_id", "no UUID"))
    script(server, SEND, Failure(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS", violations=violations))
    with pytest.raises(InvalidArgument) as refused:
        await seda.messages.SendMessage(SendMessageRequest())
    assert refused.value.violations == {"text": "too long", "room_id": "no UUID"}
    assert not refused.value.retryable


def test_every_code_has_a_class() -> None:
    assert set(grpc.StatusCode) - _CLASSES.keys() == {grpc.StatusCode.OK}


async def test_an_error_without_details_has_the_id_that_was_sent(server: FakeServer, seda: AsyncSeda) -> None:
    script(server, ROOMS, Failure(grpc.StatusCode.NOT_FOUND))
    with pytest.raises(SedaError) as raised:
        await seda.rooms.ListMyRooms(ListMyRoomsRequest())
    assert raised.value.request_id == server.calls[0].metadata["x-request-id"]
    assert raised.value.reason == ""


async def test_a_budget_is_shared_by_the_calls_in_it(server: FakeServer, seda: AsyncSeda) -> None:
    script(server, ROOMS, ListMyRoomsResponse())
    with seda.budget(60.0), seda.budget(2.0):
        with seda.budget(30.0):
            await seda.rooms.ListMyRooms(ListMyRoomsRequest(), timeout=20.0)
        await asyncio.create_task(seda.rooms.ListMyRooms(ListMyRoomsRequest()))
    assert [0 < (call.time_left or 9) <= 2 for call in server.calls] == [True, True]
    with seda.budget(0.0), pytest.raises(DeadlineExceeded):
        await seda.rooms.ListMyRooms(ListMyRoomsRequest())
    assert len(server.calls) == 2


async def test_inside_a_servicer_calls_take_what_is_left_of_its_own(
    server: FakeServer, seda: AsyncSeda
) -> None:
    script(server, ROOMS, ListMyRoomsResponse())
    serving = Call(METHODS["Ask"], "outer-id", time.monotonic() + 1.0, traceparent="00-a-b-01")
    token = running_call.set(serving)
    try:
        await seda.rooms.ListMyRooms(ListMyRoomsRequest())
    finally:
        running_call.reset(token)
    (call,) = server.calls
    assert call.time_left is not None
    assert call.time_left < 1.0
    assert (call.metadata["x-request-id"], call.metadata["traceparent"]) == ("outer-id", "00-a-b-01")


async def test_ready_waits_for_a_healthy_server(server: FakeServer) -> None:
    async with AsyncSeda(server.target) as seda:
        await seda.ready(10)
    server.set_health(serving=False)
    async with AsyncSeda(server.target) as seda:
        with pytest.raises(Unavailable, match="no healthy server"):
            await seda.ready(0.2)


async def test_there_is_no_service_or_method_besides_those_of_the_contract(seda: AsyncSeda) -> None:
    assert {"messages", "rooms", "users", "gateway", "author_data"} <= set(dir(seda))
    with pytest.raises(AttributeError, match="has no service nothing"):
        _ = seda.nothing  # type: ignore[attr-defined]  # as its types say
    assert not hasattr(seda.messages, "Forge")


def test_tokens_are_not_sent_in_plaintext_to_another_machine_unless_asked() -> None:
    token = StaticToken("secret-token")
    assert AsyncSeda("gateway.example:7400", auth=token).connection.is_secure
    assert AsyncSeda("127.0.0.1:1,10.0.0.1:1", auth=token).connection.is_secure
    assert not AsyncSeda("10.0.0.1:1", auth=token, plaintext=True).connection.is_secure
    for local in ("127.0.0.1:1", "localhost:1", "[::1]:1", "dns:///localhost:1"):
        assert not AsyncSeda(local, auth=token).connection.is_secure
