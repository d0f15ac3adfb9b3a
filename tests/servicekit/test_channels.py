"""Calls to the other services: deadlines, tokens, retries, three channels, and errors as they arrive."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from seda.chat.v1 import message_service_pb2
from sedaclient.auth import ServiceTokenSigner
from sedaclient.channels import open_channel, service_config, target_address
from sedaclient.deadlines import DEFAULT_TIMEOUT
from servicekit.call import Call, current_call
from servicekit.caller import Caller, Role
from servicekit.channels import ServiceClient
from servicekit.errors import (
    ConflictError,
    DeadlineExceededError,
    FieldViolation,
    InvalidFieldsError,
    OverloadedError,
    ServiceError,
    ServiceUnavailableError,
)
from servicekit.methods import methods_of
from servicekit.rpc_status import GRPC_CODES, UpstreamError, serialize_status
from servicekit.tokens import ServiceToken
from tests.postgres import free_port
from tests.probe import METHODS, ProbeRequest, ProbeResponse
from tests.servicekit.probe_server import SERVICE_SECRET, USER_ID, Running, serving, verifier

Context = grpc.aio.ServicerContext[bytes, bytes]
Answer = Callable[[bytes, Context], Awaitable[bytes]]


class Bare(grpc.GenericRpcHandler):
    """A server of bytes that does what a test says, and remembers what arrived."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str | bytes], float | None]] = []
        self.answer: Answer = self._empty
        self.port = 0

    async def _empty(self, _data: bytes, _context: Context) -> bytes:
        return b""

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        path: str = handler_call_details.method
        if path.startswith("/grpc.health"):
            return None

        async def run(data: bytes, context: Context) -> bytes:
            self.seen.append((path, dict(context.invocation_metadata() or ()), context.time_remaining()))
            return await self.answer(data, context)

        return grpc.unary_unary_rpc_method_handler(run)


@pytest.fixture
async def bare() -> AsyncIterator[Bare]:
    made = Bare()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((made,))
    made.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield made
    await server.stop(0)


@pytest.fixture
async def client(bare: Bare) -> AsyncIterator[ServiceClient]:
    made = client_at(f"127.0.0.1:{bare.port}")
    yield made
    await made.close()


def client_at(target: str) -> ServiceClient:
    return ServiceClient("probe", target, METHODS.values(), ServiceTokenSigner("chat", SERVICE_SECRET))


def method(
    client: ServiceClient, name: str, channel: str = "channel"
) -> grpc.aio.UnaryUnaryMultiCallable[Any, Any]:
    opened: grpc.aio.Channel = getattr(client, channel)
    return opened.unary_unary(
        METHODS[name].path,
        request_serializer=ProbeRequest.SerializeToString,
        response_deserializer=ProbeResponse.FromString,
    )


@contextmanager
def serving_a_call(seconds: float = 10, **values: Any) -> Iterator[Call]:
    """As if the test served a call with so much time left."""
    call = Call(METHODS["Ask"], "the-request", time.monotonic() + seconds, **values)
    scope = current_call.set(call)
    try:
        yield call
    finally:
        current_call.reset(scope)


async def failing(code: grpc.StatusCode, context: Context) -> bytes:
    await context.abort(code, "no")
    raise AssertionError


async def test_call_outside_any_call_is_the_service_s_own(bare: Bare, client: ServiceClient) -> None:
    await client.call(method(client, "Ask"), ProbeRequest())
    ((_, metadata, left),) = bare.seen
    token = str(metadata["authorization"]).removeprefix("Bearer ")
    assert verifier().verify(token) == ServiceToken("chat", None, verifier().verify(token).expires)
    assert left is not None
    assert DEFAULT_TIMEOUT - 1 < left <= DEFAULT_TIMEOUT == 5.0
    assert "x-request-id" not in metadata


async def test_running_call_s_token_request_and_trace_are_passed_on(
    bare: Bare, client: ServiceClient
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with serving_a_call(
        token="the-token", traceparent=trace, tracestate="vendor=value", identity=Caller(USER_ID, Role.USER)
    ):
        await client.call(method(client, "Ask"), ProbeRequest())
        await client.call(method(client, "Ask"), ProbeRequest(), as_service=True)
    (_, first, _), (_, second, _) = bare.seen
    assert first["authorization"] == "Bearer the-token"
    for metadata in (first, second):
        assert (metadata["x-request-id"], metadata["traceparent"]) == ("the-request", trace)
        assert metadata["tracestate"] == "vendor=value"
    verified = verifier().verify(str(second["authorization"]).removeprefix("Bearer "))
    assert isinstance(verified, ServiceToken)
    assert (verified.service, verified.on_behalf_of) == ("chat", str(USER_ID))


@pytest.mark.parametrize(("left", "timeout", "given"), [(2.0, 5.0, 1.98), (10.0, 5.0, 5.0), (10.0, 1.0, 1.0)])
async def test_deadline_is_what_is_left_less_20_ms(
    bare: Bare, client: ServiceClient, left: float, timeout: float, given: float
) -> None:
    await client.channel.channel_ready()
    with serving_a_call(left):
        await client.call(method(client, "Ask"), ProbeRequest(), timeout=timeout)
    arrived = bare.seen[0][2]
    assert arrived is not None
    # gRPC rounds up by some milliseconds.
    assert given - 0.5 < arrived <= given + 0.015


async def test_call_without_time_left_is_not_made(bare: Bare, client: ServiceClient) -> None:
    with serving_a_call(0.019), pytest.raises(DeadlineExceededError):
        await client.call(method(client, "Ask"), ProbeRequest())
    assert bare.seen == []


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("channel", ["channel", "retrying_channel"])
async def test_channel_retries_reads_and_retrying_channel_idempotent_writes(
    bare: Bare, client: ServiceClient, name: str, channel: str
) -> None:
    bare.answer = lambda _, context: failing(grpc.StatusCode.UNAVAILABLE, context)
    with pytest.raises(ServiceUnavailableError):
        await client.call(method(client, name, channel), ProbeRequest())
    retried = name in {"Open", "Ask", "Empty", *(["Serve"] if channel == "retrying_channel" else [])}
    assert len(bare.seen) == (3 if retried else 1)


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
async def test_only_what_may_pass_is_repeated(
    bare: Bare, client: ServiceClient, code: grpc.StatusCode
) -> None:
    bare.answer = lambda _, context: failing(code, context)
    passing = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    expected: dict[grpc.StatusCode, type[Exception]] = {
        **dict.fromkeys(passing, ServiceUnavailableError),
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    }
    # What waiting does not mend is a defect, and no invitation to repeat the call.
    with pytest.raises(expected.get(code, RuntimeError)):
        await client.call(method(client, "Ask"), ProbeRequest())
    assert len(bare.seen) == (3 if code in passing else 1)


async def test_repeated_call_that_gets_through_is_a_success(bare: Bare, client: ServiceClient) -> None:
    async def twice(_data: bytes, context: Context) -> bytes:
        return await failing(grpc.StatusCode.UNAVAILABLE, context) if len(bare.seen) < 3 else b"\x0a\x01x"

    bare.answer = twice
    assert (await client.call(method(client, "Ask"), ProbeRequest())).text == "x"
    assert len(bare.seen) == 3


async def test_service_that_is_away_is_unavailable() -> None:
    client = client_at(f"127.0.0.1:{free_port()}")
    try:
        with pytest.raises(ServiceUnavailableError) as raised:
            await client.call(method(client, "Ask"), ProbeRequest())
        assert raised.value.metadata == {"service": "probe"}
        assert raised.value.retry_after
    finally:
        await client.close()


async def test_service_that_does_not_answer_in_time(bare: Bare, client: ServiceClient) -> None:
    async def wait(_data: bytes, _context: Context) -> bytes:
        await asyncio.Event().wait()
        return b""

    bare.answer = wait
    started = time.monotonic()
    with pytest.raises(DeadlineExceededError, match="probe"):
        await client.call(method(client, "Ask"), ProbeRequest(), timeout=0.2)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "error",
    [
        ConflictError(),
        OverloadedError(0.25),
        InvalidFieldsError(FieldViolation("a.b", "is wrong"), FieldViolation("c[1]", "too")),
        ServiceUnavailableError("tracks"),
    ],
    ids=lambda error: error.reason,
)
async def test_error_of_another_service_arrives_whole(
    bare: Bare, client: ServiceClient, error: ServiceError
) -> None:
    async def fail(_data: bytes, context: Context) -> bytes:
        trailers = (("grpc-status-details-bin", serialize_status(error, "tracks.seda.fm", "there")),)
        await context.abort(GRPC_CODES[error.code], error.message, trailing_metadata=trailers)
        raise AssertionError

    bare.answer = fail
    with pytest.raises(UpstreamError) as raised:
        await client.call(method(client, "Change"), ProbeRequest())
    found = raised.value
    assert (found.code, found.reason, found.domain) == (error.code, error.reason, "tracks.seda.fm")
    assert (found.message, found.metadata, found.violations) == (
        error.message,
        error.metadata,
        error.violations,
    )
    assert found.retry_after == error.retry_after
    # And on to the next caller, with the domain of who made it.
    assert b"tracks.seda.fm" in serialize_status(found, "gateway.seda.fm", "here")
    assert b"gateway.seda.fm" not in serialize_status(found, "gateway.seda.fm", "here")


async def test_service_that_is_not_ready_gets_no_calls_but_questions_after_its_health() -> None:
    async with serving(health=False) as probe:
        # Of a server without health every backend counts as healthy.
        client = client_at(probe.address)
        with serving_a_call(token=token_of(probe)):
            assert await client.call(method(client, "Open"), ProbeRequest(text="x"))
        await client.close()
        async with open_channel(probe.address, healthy_only=False) as channel:
            await channel.channel_ready()


def token_of(_probe: Running) -> str:
    return "not looked at by Open"


async def test_unary_calls_and_streams_have_channels_of_their_own() -> None:
    client = client_at("127.0.0.1:1")
    assert client.channel is not client.stream_channel
    await client.close()


def test_service_config_retries_idempotent_methods_alone() -> None:
    config = json.loads(service_config(METHODS.values()))
    (retried,) = config["methodConfig"]
    assert sorted(each["method"] for each in retried["name"]) == ["Ask", "Empty", "Open", "Serve"]
    policy = retried["retryPolicy"]
    assert policy["maxAttempts"] == 3
    assert policy["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
    assert config["loadBalancingConfig"] == [{"round_robin": {}}]
    assert config["healthCheckConfig"] == {"serviceName": ""}
    assert config["retryThrottling"] == {"maxTokens": 10, "tokenRatio": 0.1}
    assert "timeout" not in str(config)
    assert json.loads(service_config([METHODS["Change"]]))["methodConfig"] == []


def test_service_config_with_request_ids_retries_what_takes_one_as_well() -> None:
    service = message_service_pb2.DESCRIPTOR.services_by_name["MessageService"]
    methods = methods_of(service)

    def retried(*, request_ids: bool) -> set[str]:
        (retries,) = json.loads(service_config(methods, request_ids=request_ids))["methodConfig"]
        return {each["method"] for each in retries["name"]}

    assert retried(request_ids=True) == {each.name for each in methods if each.name != "InspectMessage"}
    assert retried(request_ids=False) == retried(request_ids=True) - {"SendMessage"}


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("127.0.0.1:7401", "127.0.0.1:7401"),
        ("users:7401", "users:7401"),
        ("127.0.0.1:7401,127.0.0.1:7501", "ipv4:127.0.0.1:7401,127.0.0.1:7501"),
        ("dns:///users:7401", "dns:///users:7401"),
        ("ipv6:[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2"),
    ],
)
def test_target_becomes_what_grpc_takes(target: str, address: str) -> None:
    assert target_address(target) == address
