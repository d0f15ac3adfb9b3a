"""A client of bare HTTP/2 frames that opens gRPC streams and never lets the server send a byte of a message."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS, _PING = 0, 1, 4, 6
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW_SIZE = 4
_EMPTY_MESSAGE = b"\0\0\0\0\0"


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _literal(name: str, value: str) -> bytes:
    """A header in HPACK, without index and Huffman code."""
    return b"\0" + b"".join(bytes([len(each)]) + each.encode() for each in (name, value))


@asynccontextmanager
async def unread_streams(port: int, path: str, count: int, address: str) -> AsyncIterator[None]:
    """Open so many streams from a local address, with empty requests and flow-control windows of zero bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    named = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
    headers = b"".join(_literal(*each) for each in {**named, "content-type": "application/grpc"}.items())
    writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0)))
    for stream in range(1, 2 * count, 2):
        writer.write(_frame(_HEADERS, _END_HEADERS, stream, headers))
        writer.write(_frame(_DATA, _END_STREAM, stream, _EMPTY_MESSAGE))

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
