"""What hostile clients do to a server over bare HTTP/2. Each ends early where the server closes the connection."""

from __future__ import annotations

import asyncio
import enum
import resource
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from tests.support.raw_http2 import EMPTY_MESSAGE, frame, message, preface, request_headers

DATA, HEADERS, RESET, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
_BATCH = 200
_PATIENCE = 2.0
_STAY = 0.5
_SETTLE = 0.05
_SPARE_FILES = 500
_NO_WINDOW = struct.pack(">HI", 4, 0)
"""The setting INITIAL_WINDOW_SIZE of zero."""
Abuse = Callable[[int, str, str], Coroutine[Any, Any, "End"]]


class End(enum.StrEnum):
    """How an abuse ended."""

    CLOSED = "closed"
    """The server closed the connection."""
    STALLED = "stalled"
    """The server read no more of it."""
    TAKEN = "taken"
    """The server took all of it."""


async def _flood(port: int, batch: Callable[[int], bytes], batches: int) -> End:
    """Write batches of frames without reading; then stay a while, so that what they cost is seen."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
    writer.write(preface())
    # Its settings: only when they are acknowledged may a stream bring what they allow.
    await reader.readexactly(9)
    writer.write(frame(SETTINGS, ACK, 0))
    # Nothing tells that the server has read it.
    await asyncio.sleep(_SETTLE)
    end = End.TAKEN
    try:
        for number in range(batches):
            writer.write(batch(number))
            await asyncio.wait_for(writer.drain(), _PATIENCE)
    except TimeoutError:
        end = End.STALLED
    except ConnectionError:
        end = End.CLOSED
    # What is tried is that nothing happens.
    await asyncio.sleep(_STAY)
    writer.transport.abort()
    return end


async def rapid_reset(port: int, path: str, token: str) -> End:
    """40,000 calls, each of which is taken back at once."""
    headers = request_headers(path, authorization=token)

    def batch(number: int) -> bytes:
        streams = range(number * 2 * _BATCH + 1, (number + 1) * 2 * _BATCH, 2)
        return b"".join(
            frame(HEADERS, END_HEADERS, each, headers) + frame(RESET, 0, each, b"\0\0\0\x08")
            for each in streams
        )

    return await _flood(port, batch, 200)


async def continuation_flood(port: int, path: str, _token: str) -> End:
    """A block of headers that has no end: 160 MiB."""
    piece = frame(CONTINUATION, 0, 1, b"\0\x01a\x7f\x80\x7e" + b"v" * 16_000)
    start = frame(HEADERS, 0, 1, request_headers(path))
    return await _flood(port, lambda number: (b"" if number else start) + piece * 10, 1_000)


async def settings_flood(port: int, _path: str, _token: str) -> End:
    """400,000 changes of settings, whose acknowledgements nobody reads."""
    return await _flood(port, lambda _: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65_535)) * _BATCH, 2_000)


async def ping_flood(port: int, _path: str, _token: str) -> End:
    """400,000 pings, whose answers nobody reads."""
    return await _flood(port, lambda _: frame(PING, 0, 0, b"a flood.") * _BATCH, 2_000)


async def hpack_bomb(port: int, path: str, _token: str) -> End:
    """One header of 4,000 bytes in the table, and 16,000 references to it in each of 50 calls: 3 GB, unpacked."""
    large = b"\x40\x01b\x7f\xa1\x1e" + b"x" * 4_000
    first = frame(HEADERS, END_HEADERS | END_STREAM, 1, request_headers(path) + large)
    bomb = request_headers(path) + b"\xbe" * 16_000

    def batch(number: int) -> bytes:
        block = frame(HEADERS, END_HEADERS | END_STREAM, 2 * number + 3, bomb)
        return block if number else first + block

    return await _flood(port, batch, 50)


async def slow_read(port: int, path: str, token: str) -> End:
    """100 calls with replies of 200 KB, of which the client never reads a byte."""
    text = b"large 200000"
    body = message(b"\x0a" + bytes([len(text)]) + text)
    headers = request_headers(path, authorization=token)

    def batch(number: int) -> bytes:
        stream = 2 * number + 1
        return frame(HEADERS, END_HEADERS, stream, headers) + frame(DATA, END_STREAM, stream, body)

    return await _flood(port, batch, 100)


async def zero_window(port: int, path: str, token: str) -> End:
    """2,000 calls with empty messages, for whose replies there is no room."""
    headers = request_headers(path, authorization=token)

    def batch(number: int) -> bytes:
        streams = range(number * 2 * _BATCH + 1, (number + 1) * 2 * _BATCH, 2)
        calls = b"".join(
            frame(HEADERS, END_HEADERS, each, headers) + frame(DATA, END_STREAM, each, EMPTY_MESSAGE)
            for each in streams
        )
        return calls if number else frame(SETTINGS, 0, 0, _NO_WINDOW) + calls

    return await _flood(port, batch, 10)


async def unfinished_messages(port: int, path: str, token: str) -> End:
    """400 calls that each bring 1 MiB of a message that is said to have 2 MiB."""
    headers = request_headers(path, authorization=token)
    piece = b"x" * 16_000

    def batch(number: int) -> bytes:
        stream = 2 * number + 1
        first = frame(DATA, 0, stream, b"\0" + struct.pack(">I", 2 << 20))
        return frame(HEADERS, END_HEADERS, stream, headers) + first + frame(DATA, 0, stream, piece) * 65

    return await _flood(port, batch, 400)


FLOODS: tuple[Abuse, ...] = (
    rapid_reset,
    continuation_flood,
    settings_flood,
    ping_flood,
    hpack_bomb,
    slow_read,
    zero_window,
)


@asynccontextmanager
async def connections(port: int, count: int, said: bytes) -> AsyncIterator[int]:
    """Hold so many connections, fewer if the limit of open files is lower, on which this was said and no more.

    Yields their number.
    """
    count = min(count, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE_FILES)
    writers: list[asyncio.StreamWriter] = []
    try:
        while len(writers) < count:
            opening = (
                asyncio.open_connection("127.0.0.1", port) for _ in range(min(100, count - len(writers)))
            )
            for _, writer in await asyncio.gather(*opening):
                writer.write(said)
                writers.append(writer)
        yield count
    finally:
        for writer in writers:
            writer.transport.abort()
