"""The load driver against a real gRPC server: its counts equal the server's."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import hpack
import pytest

from bench.http2 import LoadGenerator, LoadStats, PreparedCall, bearer, failure, message

_PATH = "/bench.v1.Echo/Echo"
_Handle = Callable[[bytes, Any], Awaitable[bytes]]


@dataclass
class Seen:
    """The calls received by the server."""

    bodies: list[bytes] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    together: int = 0
    most_together: int = 0


@asynccontextmanager
async def serving(
    seen: Seen, reply: Callable[[bytes], bytes] = lambda body: body, fail: bytes = b""
) -> AsyncIterator[str]:
    """A server of raw bytes; a request that contains `fail` ends with an error."""

    async def handle(request: bytes, context: Any) -> bytes:
        seen.bodies.append(request)
        seen.tokens |= {
            str(value) for key, value in context.invocation_metadata() or () if key == "authorization"
        }
        seen.together += 1
        seen.most_together = max(seen.most_together, seen.together)
        # Others get their turn, so that calls really overlap.
        await asyncio.sleep(0)
        seen.together -= 1
        if fail and fail in request:
            await context.abort(grpc.StatusCode.NOT_FOUND, "not here")
        return reply(request)

    server = grpc.aio.server()
    handler: Any = grpc.unary_unary_rpc_method_handler(handle)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("bench.v1.Echo", {"Echo": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def run_out(
    address: str, calls: Iterator[PreparedCall], in_flight: int = 8, keep_every: int = 1
) -> LoadStats:
    """Make all calls and return the results."""
    tally = LoadStats()
    load = LoadGenerator(address, _PATH, calls, in_flight, tally, keep_every)
    await load.start()
    async with asyncio.timeout(20):
        await load.ended()
        await load.stop()
    return tally


def calls(count: int, size: int = 10) -> list[PreparedCall]:
    """Different requests."""
    return [PreparedCall(message(b"%06d" % number + b"x" * size), expected=number) for number in range(count)]


async def test_each_call_is_made_once_and_its_reply_kept_whole() -> None:
    seen = Seen()
    wanted = calls(500)
    async with serving(seen) as address:
        tally = await run_out(address, iter(wanted))
    assert tally.failures == []
    assert len(tally.seconds) == 500
    assert sorted(seen.bodies) == [call.body[5:] for call in wanted]
    assert {call.expected: reply for call, reply in tally.kept} == {
        call.expected: call.body for call in wanted
    }
    assert tally.received == sum(len(call.body) for call in wanted)
    assert 1 < seen.most_together <= 8


async def test_a_reply_of_many_frames_is_put_together() -> None:
    async with serving(Seen(), reply=lambda body: body * 10_000) as address:
        tally = await run_out(address, iter(calls(40)))
    assert tally.failures == []
    assert all(reply == message(call.body[5:] * 10_000) for call, reply in tally.kept)
    assert len(tally.kept) == 40


async def test_more_than_the_servers_window_is_sent() -> None:
    seen = Seen()
    wanted = calls(300, size=10_000)
    async with serving(seen, reply=lambda _: b"") as address:
        tally = await run_out(address, iter(wanted), in_flight=32)
    assert tally.failures == []
    assert sorted(seen.bodies) == [call.body[5:] for call in wanted]


async def test_flow_control_limits_what_is_sent() -> None:
    got = 0
    acknowledged = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read everything, open no window, and ping: its acknowledgement follows all data sent before."""
        nonlocal got
        await reader.readexactly(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        writer.write(b"\0\0\x08\x06\0\0\0\0\0" + b"all here")
        while not acknowledged.is_set():
            head = await reader.readexactly(9)
            body = await reader.readexactly(int.from_bytes(head[:3], "big"))
            got += len(body) if head[3] == 0 else 0
            if head[3] == 6 and body == b"all here":
                acknowledged.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tally = LoadStats()
    load = LoadGenerator(f"127.0.0.1:{port}", _PATH, iter(calls(32, size=10_000)), 32, tally)
    async with server, asyncio.timeout(20):
        await load.start()
        await acknowledged.wait()
        await load.ended()
        await load.stop()
    # The window of a connection that nobody opened wider is 65,535 bytes: six of these requests, not seven.
    assert got == 6 * len(calls(1, size=10_000)[0].body)
    assert len(tally.failures) == 6


async def test_tokens_of_any_length_arrive() -> None:
    seen = Seen()
    tokens = ["short", "t" * 127, "u" * 300, "v" * 2000]
    wanted = [PreparedCall(message(b""), bearer(token)) for token in tokens] * 3
    async with serving(seen) as address:
        tally = await run_out(address, iter(wanted))
    assert tally.failures == []
    assert seen.tokens == {f"Bearer {token}" for token in tokens}


async def test_an_error_is_no_reply() -> None:
    async with serving(Seen(), fail=b"000003") as address:
        tally = await run_out(address, iter(calls(6)))
    assert len(tally.seconds) == 5
    assert len(tally.failures) == 1
    assert "not here" in tally.failures[0]


@pytest.mark.parametrize("huffman", [True, False])
@pytest.mark.parametrize(
    ("status", "found"), [("0", None), ("5", "grpc-status 5: not here"), ("16", "grpc-status 16: not here")]
)
def test_trailers_are_read_in_any_spelling(status: str, found: str | None, *, huffman: bool) -> None:
    fields = [("a-long-name", "first"), ("grpc-status", status), ("grpc-message", "not here")]
    assert failure(hpack.Encoder().encode(fields, huffman=huffman)) == found


@pytest.mark.parametrize("block", [b"\xff\xff\xff\xff\xff\xff\xff\xff", b"\x40\x8a"])
def test_trailers_that_cannot_be_decoded_are_an_error(block: bytes) -> None:
    assert "can't be decoded" in (failure(block) or "")


async def test_a_method_that_is_not_there_is_an_error() -> None:
    tally = LoadStats()
    async with serving(Seen()) as address:
        load = LoadGenerator(address, "/bench.v1.Echo/Gone", iter(calls(3)), 3, tally)
        await load.start()
        await load.ended()
        await load.stop()
    assert tally.seconds == []
    assert len(tally.failures) == 3


async def test_a_reply_of_another_length_is_an_error() -> None:
    right, wrong = (PreparedCall(message(b"abc"), reply_bytes=size) for size in (8, 9))
    async with serving(Seen()) as address:
        tally = await run_out(address, iter([right, wrong]))
    assert len(tally.seconds) == 1
    assert tally.failures == ["8 bytes instead of 9"]


async def test_stopping_waits_for_pending_replies() -> None:
    seen = Seen()
    tally = LoadStats()
    async with serving(seen) as address:
        load = LoadGenerator(address, _PATH, itertools.cycle(calls(7)), 16, tally)
        await load.start()
        async with asyncio.timeout(20):
            while len(tally.seconds) < 200:
                await asyncio.sleep(0)
            await load.stop()
        assert load.has_ended
    assert tally.failures == []
    assert len(tally.seconds) == len(seen.bodies)


async def test_a_lost_connection_fails_pending_calls() -> None:
    tally = LoadStats()
    stuck = asyncio.Event()

    async def hang(_request: bytes, _context: Any) -> bytes:
        stuck.set()
        await asyncio.Event().wait()
        return b""

    server = grpc.aio.server()
    handlers: dict[str, Any] = {"Echo": grpc.unary_unary_rpc_method_handler(hang)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.v1.Echo", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    load = LoadGenerator(f"127.0.0.1:{port}", _PATH, iter(calls(4)), 4, tally)
    await load.start()
    async with asyncio.timeout(20):
        await stuck.wait()
        await server.stop(0)
        await load.ended()
        await load.stop()
    assert tally.seconds == []
    assert len(tally.failures) >= 4
