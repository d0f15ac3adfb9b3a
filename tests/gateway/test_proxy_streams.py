"""Server streams are proxied over a separate connection and end with either side."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from gateway.app import UpstreamService
from tests.gateway.fake_server import Context, FakeServer, fake_server
from tests.gateway.gateway_fixture import SECONDS, GatewayFixture, details, running_gateway
from tests.gateway.unknown_service import ECHO, FOLLOW, SERVICES

Stream = grpc.aio.UnaryStreamCall[bytes, bytes]


@pytest.fixture
async def unknown() -> AsyncIterator[FakeServer]:
    async with fake_server() as made:
        yield made


@pytest.fixture
async def gateway(unknown: FakeServer) -> AsyncIterator[GatewayFixture]:
    async with running_gateway(also=[UpstreamService("unknown", SERVICES, unknown.target)]) as made:
        yield made


async def counting(data: bytes, context: Context) -> AsyncIterator[bytes]:
    for number in range(20):
        yield data + b"\xff" + bytes([number])
    context.set_trailing_metadata((("x-end", "1"),))


async def forever(_data: bytes, _context: Context) -> AsyncIterator[bytes]:
    yield b"first"
    await asyncio.Event().wait()


async def rest(stream: Stream) -> None:
    """Read the stream to its end."""
    while await stream.read() is not grpc.aio.EOF:
        pass


async def failure(stream: Stream) -> grpc.aio.AioRpcError:
    """The error that ends a stream."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await rest(stream)
    return raised.value


async def test_stream_forwards_responses_in_order_with_trailers(
    gateway: GatewayFixture, unknown: FakeServer
) -> None:
    unknown.handlers[FOLLOW] = counting
    stream = gateway.stream(FOLLOW)(b"\xfe\x00")
    assert [reply async for reply in stream] == [b"\xfe\x00\xff" + bytes([number]) for number in range(20)]
    assert tuple(await stream.trailing_metadata()) == (("x-end", "1"),)
    assert gateway.counted("unknown.v1.UnknownService.Follow", "OK") == 1


async def test_stream_has_only_the_callers_deadline(gateway: GatewayFixture, unknown: FakeServer) -> None:
    unknown.handlers[FOLLOW] = counting
    async for _ in gateway.stream(FOLLOW)(b""):
        pass
    async for _ in gateway.stream(FOLLOW)(b"", timeout=8):
        pass
    assert (await unknown.received(FOLLOW)).time_left is None
    left = (await unknown.received(FOLLOW, 2)).time_left
    assert left is not None
    assert 7 < left < 8


async def test_streams_and_unary_calls_use_different_connections(
    gateway: GatewayFixture, unknown: FakeServer
) -> None:
    async def echo(data: bytes, _context: Context) -> bytes:
        return data

    unknown.handlers |= {FOLLOW: counting, ECHO: echo}
    async for _ in gateway.stream(FOLLOW)(b""):
        pass
    await gateway.unary(ECHO)(b"", timeout=SECONDS)
    assert (await unknown.received(FOLLOW)).peer != (await unknown.received(ECHO)).peer


async def test_stream_error_after_responses_is_unchanged(
    gateway: GatewayFixture, unknown: FakeServer
) -> None:
    async def breaking(_data: bytes, context: Context) -> AsyncIterator[bytes]:
        yield b"one"
        await context.abort(
            grpc.StatusCode.ABORTED, "no more", trailing_metadata=(("grpc-status-details-bin", b"\x01\xff"),)
        )

    unknown.handlers[FOLLOW] = breaking
    stream = gateway.stream(FOLLOW)(b"", timeout=SECONDS)
    assert await stream.read() == b"one"
    error = await failure(stream)
    assert (error.code(), error.details()) == (grpc.StatusCode.ABORTED, "no more")
    assert tuple(error.trailing_metadata()) == (("grpc-status-details-bin", b"\x01\xff"),)


async def test_cancelled_caller_cancels_the_upstream_stream(
    gateway: GatewayFixture, unknown: FakeServer
) -> None:
    ended = asyncio.Event()

    async def endless(_data: bytes, _context: Context) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    unknown.handlers[FOLLOW] = endless
    stream = gateway.stream(FOLLOW)(b"")
    assert await stream.read() == b"first"
    stream.cancel()
    await asyncio.wait_for(ended.wait(), 5)


async def test_dead_upstream_ends_its_streams(gateway: GatewayFixture, unknown: FakeServer) -> None:
    unknown.handlers[FOLLOW] = forever
    stream = gateway.stream(FOLLOW)(b"")
    assert await stream.read() == b"first"
    await unknown.stop()
    error = await asyncio.wait_for(failure(stream), 5)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert details(error)["ErrorInfo"].metadata == {"service": "unknown"}


async def test_streams_continue_while_draining_and_end_with_the_gateway(
    gateway: GatewayFixture, unknown: FakeServer
) -> None:
    unknown.handlers[FOLLOW] = forever
    streams = [gateway.stream(FOLLOW)(b"") for _ in range(3)]
    for stream in streams:
        assert await stream.read() == b"first"
    await gateway.process.drain(0.2)
    assert not any(stream.done() for stream in streams)

    # The grace period is long and must not be used up.
    async with asyncio.timeout(5):
        await gateway.process.stop(grace=15)
        errors = [await failure(stream) for stream in streams]
    for error in errors:
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        found = details(error)
        assert found["ErrorInfo"].metadata == {"service": "gateway"}
        assert found["RetryInfo"].retry_delay.ToMilliseconds() > 0


async def test_caller_that_does_not_read_does_not_block_shutdown(
    gateway: GatewayFixture, unknown: FakeServer
) -> None:
    async def flood(_data: bytes, _context: Context) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000

    unknown.handlers[FOLLOW] = flood
    stream = gateway.stream(FOLLOW)(b"")
    assert await stream.read()
    async with asyncio.timeout(5):
        await gateway.process.stop(grace=1)
