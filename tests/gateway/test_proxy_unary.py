"""Unary calls are proxied unchanged: bytes, metadata, deadline, errors, cancellation."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import pytest
from google.rpc import error_details_pb2
from structlog.testing import capture_logs

from gateway.rpc.service_descriptors import public_services, services_of
from servicekit.methods import methods_of
from tests.gateway.fake_server import Context
from tests.gateway.gateway_fixture import (
    AS_USER,
    GET_USER,
    SECONDS,
    SEND,
    GatewayFixture,
    details,
    running_gateway,
    status_bytes,
)
from tests.support import raw_http2

# Not a valid message; the proxy must not decode it.
GARBAGE = bytes(range(256)) + b"\xff" * 5
UNKNOWN_FIELD = b"\n\x03abc" + b"\xfa\x3e\x07unknown"


async def echo(data: bytes, _context: Context) -> bytes:
    return data[::-1]


def ending(
    code: grpc.StatusCode, text: str = "", trailers: tuple[tuple[str, str | bytes], ...] = ()
) -> Callable[[bytes, Context], Awaitable[bytes]]:
    """A handler that aborts with this error."""

    async def end(_data: bytes, context: Context) -> bytes:
        await context.abort(code, text, trailing_metadata=trailers)

    return end


async def failure(call: grpc.aio.UnaryUnaryCall[bytes, bytes]) -> grpc.aio.AioRpcError:
    """The error of a call."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


@pytest.mark.parametrize("data", [b"", UNKNOWN_FIELD, GARBAGE], ids=["empty", "unknown field", "garbage"])
async def test_bytes_are_unchanged_both_ways(gateway: GatewayFixture, data: bytes) -> None:
    gateway.users.handlers[GET_USER] = echo
    assert await gateway.unary(GET_USER)(data, timeout=SECONDS) == data[::-1]
    assert (await gateway.users.received(GET_USER)).data == data


@pytest.mark.parametrize("path", [GET_USER, "/seda.gateway.v1.GatewayService/GetRoomPage"])
@pytest.mark.parametrize("value", [b"Bearer \xe9", b"Bearer \xc3\xa9", b"Bearer \xff\xfe"])
async def test_a_token_that_is_not_ascii_is_invalid(gateway: GatewayFixture, path: str, value: bytes) -> None:
    """Forwarded and composed calls alike; gRPC's channels can't send it on."""
    gateway.users.handlers[GET_USER] = echo
    port = gateway.process.servers.port
    async with asyncio.timeout(SECONDS):
        assert await raw_http2.call(port, GET_USER, authorization=b"Bearer x") == "0"
        assert await raw_http2.call(port, path, authorization=value) == "16"


async def test_metadata_is_forwarded_and_the_token_not_verified(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = echo
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    sent = (
        ("authorization", "Bearer no token"),
        ("x-request-id", "mine-1"),
        ("traceparent", trace),
        ("tracestate", "vendor=value"),
    )
    await gateway.unary(GET_USER)(b"", metadata=sent, timeout=SECONDS)
    received = (await gateway.users.received(GET_USER)).metadata
    assert {key: received.get(key) for key, _ in sent} == dict(sent)
    # The caller was not resolved.
    assert gateway.users.paths() == [GET_USER]


async def test_a_malformed_trace_is_not_forwarded(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = echo
    sent = (("traceparent", f"00-{'0' * 32}-{'b' * 16}-01"), ("tracestate", "vendor=value"))
    await gateway.unary(GET_USER)(b"", metadata=sent, timeout=SECONDS)
    received = (await gateway.users.received(GET_USER)).metadata
    assert [key for key, _ in sent if key in received] == []


async def test_call_without_a_token_is_forwarded(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = echo
    await gateway.unary(GET_USER)(b"", timeout=SECONDS)
    assert "authorization" not in (await gateway.users.received(GET_USER)).metadata


async def test_deadline_is_forwarded_less_the_overhead(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = echo
    # Below a second gRPC sends whole milliseconds.
    await gateway.unary(GET_USER)(b"", timeout=0.95)
    left = (await gateway.users.received(GET_USER)).time_left
    assert left is not None
    assert 0.4 < left <= 0.931


async def test_call_without_a_deadline_gets_the_default(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = echo
    await gateway.unary(GET_USER)(b"")
    left = (await gateway.users.received(GET_USER)).time_left
    assert left is not None
    # gRPC rounds longer ones up to tenths of seconds.
    assert 29 < left <= 30


async def test_trailers_of_a_response_are_forwarded(gateway: GatewayFixture) -> None:
    async def answer(data: bytes, context: Context) -> bytes:
        context.set_trailing_metadata((("x-one", "1"), ("x-two-bin", b"\x00\xff")))
        return data

    gateway.users.handlers[GET_USER] = answer
    call = gateway.unary(GET_USER)(b"abc", timeout=SECONDS)
    assert await call == b"abc"
    assert sorted(await call.trailing_metadata()) == [("x-one", "1"), ("x-two-bin", b"\x00\xff")]


async def test_error_keeps_code_message_details_and_trailers(gateway: GatewayFixture) -> None:
    info = error_details_pb2.ErrorInfo(reason="USER_NOT_FOUND", domain="users.seda.fm")
    sent = (
        status_bytes(5, "gone: ö %41", info, error_details_pb2.DebugInfo(detail="unknown to us"))
        + b"\xfa\x3e\x01x"
    )
    trailers = (("grpc-status-details-bin", sent), ("x-more", "1"), ("x-more", "2"))
    gateway.users.handlers[GET_USER] = ending(grpc.StatusCode.NOT_FOUND, "gone: ö %41", trailers)
    error = await failure(gateway.unary(GET_USER)(b"", timeout=SECONDS))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "gone: ö %41")
    assert sorted(error.trailing_metadata()) == sorted(trailers)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
async def test_error_with_trailers_is_not_taken_for_a_lost_connection(
    gateway: GatewayFixture, code: grpc.StatusCode
) -> None:
    trailers = (("grpc-status-details-bin", b"\x01\xff"),)
    gateway.chat.handlers[SEND] = ending(code, "the database is unavailable", trailers)
    error = await failure(gateway.unary(SEND)(b"", timeout=SECONDS))
    assert (error.code(), error.details()) == (code, "the database is unavailable")
    assert tuple(error.trailing_metadata()) == trailers


@pytest.mark.parametrize("code", [grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED])
async def test_other_errors_without_details_are_unchanged(
    gateway: GatewayFixture, code: grpc.StatusCode
) -> None:
    gateway.users.handlers[GET_USER] = ending(code, "as is")
    error = await failure(gateway.unary(GET_USER)(b"", timeout=SECONDS))
    assert (error.code(), error.details(), tuple(error.trailing_metadata())) == (code, "as is", ())


async def test_unavailable_upstream_is_named_and_retryable(gateway: GatewayFixture) -> None:
    await gateway.users.stop()
    error = await failure(
        gateway.unary(GET_USER)(b"", timeout=SECONDS, metadata=(("x-request-id", "mine-2"),))
    )
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    found = details(error)
    assert (found["ErrorInfo"].reason, found["ErrorInfo"].domain) == (
        "SERVICE_UNAVAILABLE",
        "gateway.seda.fm",
    )
    assert found["ErrorInfo"].metadata == {"service": "users"}
    assert found["RetryInfo"].retry_delay.ToMilliseconds() > 0
    assert found["RequestInfo"].request_id == "mine-2"


async def test_generated_request_id_is_in_the_error(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = ending(grpc.StatusCode.UNAVAILABLE)
    error = await failure(gateway.unary(GET_USER)(b"", timeout=SECONDS))
    made = (await gateway.users.received(GET_USER)).metadata["x-request-id"]
    assert made
    assert details(error)["RequestInfo"].request_id == made


async def test_upstream_deadline_has_the_reason(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = ending(grpc.StatusCode.DEADLINE_EXCEEDED)
    error = await failure(gateway.unary(GET_USER)(b"", timeout=SECONDS))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert details(error)["ErrorInfo"].reason == "DEADLINE_EXCEEDED"


def retried_cases() -> list[tuple[str, bool]]:
    """A read, a write with a request_id, and an idempotent write of each proto service that has one."""
    services = [each for name in ("users", "chat", "tracks") for each in public_services(services_of(name))]
    writes = [
        [method.path for method in methods_of(service) if method.idempotent and not method.read_only]
        for service in services
    ]
    return [(GET_USER, True), (SEND, False), *((paths[0], False) for paths in writes if paths)]


@pytest.mark.parametrize(("path", "retried"), retried_cases())
async def test_proxy_retries_reads_and_never_writes(
    gateway: GatewayFixture, path: str, retried: bool
) -> None:
    calls = 0

    async def fail_once(data: bytes, context: Context) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 1:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return data

    for upstream in (gateway.users, gateway.chat, gateway.tracks):
        upstream.handlers[path] = fail_once
    call = gateway.unary(path)(b"x", timeout=SECONDS)
    if retried:
        assert await call == b"x"
    else:
        assert (await failure(call)).code() is grpc.StatusCode.UNAVAILABLE
    assert calls == (2 if retried else 1)


async def test_cancelled_caller_cancels_the_upstream_call(gateway: GatewayFixture) -> None:
    ended = asyncio.Event()

    async def forever(_data: bytes, _context: Context) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return b""

    gateway.users.handlers[GET_USER] = forever
    call = gateway.unary(GET_USER)(b"", timeout=SECONDS)
    await gateway.users.received(GET_USER)
    call.cancel()
    await asyncio.wait_for(ended.wait(), 5)


async def test_dead_upstream_ends_the_call_at_once(gateway: GatewayFixture) -> None:
    async def forever(_data: bytes, _context: Context) -> bytes:
        await asyncio.Event().wait()
        return b""

    gateway.chat.handlers[SEND] = forever
    call = gateway.unary(SEND)(b"", timeout=SECONDS)
    await gateway.chat.received(SEND)
    await gateway.chat.stop()
    error = await asyncio.wait_for(failure(call), 5)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert details(error)["ErrorInfo"].metadata == {"service": "chat"}


async def test_forwarded_calls_are_counted_and_logged(gateway: GatewayFixture) -> None:
    gateway.users.handlers[GET_USER] = echo
    gateway.chat.handlers[SEND] = ending(grpc.StatusCode.NOT_FOUND, "", (("x-a", "1"),))
    with capture_logs() as logs:
        await gateway.unary(GET_USER)(b"", timeout=SECONDS, metadata=(("x-request-id", "mine-3"),))
        await failure(gateway.unary(SEND)(b"", timeout=SECONDS))
    assert gateway.counted("seda.users.v1.UserService.GetUser", "OK") == 1
    assert gateway.counted("seda.chat.v1.MessageService.SendMessage", "NOT_FOUND") == 1
    lines = [line for line in logs if line["event"] == "call"]
    assert [(line["method"], line["code"]) for line in lines] == [
        ("seda.users.v1.UserService.GetUser", "OK"),
        ("seda.chat.v1.MessageService.SendMessage", "NOT_FOUND"),
    ]
    assert lines[0]["request_id"] == "mine-3"
    assert lines[0]["ms"] >= 0


async def test_forwarded_calls_count_towards_the_concurrency_limit() -> None:
    going = asyncio.Event()

    async def wait(data: bytes, _context: Context) -> bytes:
        await going.wait()
        return data

    async with running_gateway(max_calls=1, max_queued_calls=0) as gateway:
        gateway.users.handlers[GET_USER] = wait
        first = gateway.unary(GET_USER)(b"1", timeout=SECONDS)
        await gateway.users.received(GET_USER)
        error = await failure(gateway.unary(GET_USER)(b"2", timeout=SECONDS))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert details(error)["ErrorInfo"].reason == "OVERLOADED"
        going.set()
        assert await first == b"1"


async def test_internal_cancellation_is_unavailable(
    gateway: GatewayFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(data: bytes, _context: Context) -> bytes:
        return data

    def broken(*_: object) -> None:
        raise asyncio.CancelledError

    gateway.users.handlers[GET_USER] = answer
    monkeypatch.setattr("gateway.rpc.proxy._copy_trailers", broken)
    error = await failure(gateway.unary(GET_USER)(b"", timeout=SECONDS, metadata=AS_USER))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert details(error)["ErrorInfo"].metadata == {"service": "gateway"}
