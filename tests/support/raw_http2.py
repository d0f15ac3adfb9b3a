"""A client of bare HTTP/2 frames, for what gRPC clients don't do: unread streams, odd metadata, many pings."""

from __future__ import annotations

import asyncio
import contextlib
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
GOAWAY = 7
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW_SIZE = 4
EMPTY_MESSAGE = b"\0\0\0\0\0"


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _literal(name: str, value: str | bytes) -> bytes:
    """A header in HPACK, without index and Huffman code."""
    return b"\0" + b"".join(bytes([len(each)]) + each for each in map(_encoded, (name, value)))


def _encoded(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _request_headers(path: str, **others: str | bytes) -> bytes:
    named = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
    return b"".join(
        _literal(*each) for each in {**named, "content-type": "application/grpc", **others}.items()
    )


async def call(
    port: int,
    path: str,
    *,
    body: bytes | None = EMPTY_MESSAGE,
    half_close: bool = True,
    **headers: str | bytes,
) -> str:
    """Call a method with the bytes of a request, or with headers alone; return the grpc-status of the trailers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        # HEADER_TABLE_SIZE 0: each block of headers stands for itself.
        writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, struct.pack(">HI", 1, 0)))
        ends = _END_STREAM if half_close else 0
        alone = ends if body is None else 0
        writer.write(_frame(_HEADERS, _END_HEADERS | alone, 1, _request_headers(path, **headers)))
        if body is not None:
            writer.write(_frame(_DATA, ends, 1, body))
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] == _HEADERS and head[4] & _END_STREAM:
                found = re.search(rb"grpc-status[\x01\x02]([0-9]{1,2})", payload)
                return found[1].decode() if found else ""
    finally:
        writer.close()


async def ping(port: int, path: str, times: int, seconds: float) -> list[int]:
    """Ping at an interval beside an open stream without data; return the kinds of the frames received."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    kinds: list[int] = []

    async def read() -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(9)
                await reader.readexactly(int.from_bytes(head[:3], "big"))
                kinds.append(head[3])

    writer.write(_PREFACE + _frame(_SETTINGS, 0, 0) + _frame(_SETTINGS, _ACK, 0))
    writer.write(_frame(_HEADERS, _END_HEADERS, 1, _request_headers(path)))
    writer.write(_frame(_DATA, _END_STREAM, 1, EMPTY_MESSAGE))
    reading = asyncio.create_task(read())
    for _ in range(times):
        # The interval is what is tried.
        await asyncio.sleep(seconds)
        writer.write(_frame(_PING, 0, 0, b"interval"))
    await asyncio.sleep(0.5)  # for the last reply
    writer.close()
    reading.cancel()
    await asyncio.wait([reading])
    return kinds


@asynccontextmanager
async def unread_streams(port: int, path: str, count: int, address: str) -> AsyncIterator[None]:
    """Open so many streams from a local address, with empty requests and flow-control windows of zero bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    headers = _request_headers(path)
    writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0)))
    for stream in range(1, 2 * count, 2):
        writer.write(_frame(_HEADERS, _END_HEADERS, stream, headers))
        writer.write(_frame(_DATA, _END_STREAM, stream, EMPTY_MESSAGE))

    async def acknowledge() -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(9)
                payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
                if head[3] in {_SETTINGS, _PING} and not head[4] & _ACK:
                    writer.write(_frame(head[3], _ACK, 0, payload if head[3] == _PING else b""))

    acknowledging = asyncio.create_task(acknowledge())
    try:
        yield
    finally:
        writer.close()
        acknowledging.cancel()
        await asyncio.wait([acknowledging])
