"""A client of bare HTTP/2 frames, for what gRPC clients don't do: unread streams, odd metadata, many pings."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
GOAWAY = 7
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW_SIZE = 4
_LARGE_WINDOW, _CANCEL = 1 << 30, 8
EMPTY_MESSAGE = b"\0\0\0\0\0"
_DIGITS = ("00000", "00001", "00010", "011001", "011010", "011011", "011100", "011101", "011110", "011111")
"""HPACK's Huffman codes of the digits."""


def huffman(digits: str) -> bytes:
    """Return digits as an HPACK string in Huffman code, which is filled up with ones."""
    bits = "".join(_DIGITS[int(each)] for each in digits)
    size = -(-len(bits) // 8)
    return bytes([0x80 | size]) + int(bits.ljust(size * 8, "1"), 2).to_bytes(size, "big")


# "grpc-status" plain (grpc's C core) or in Huffman code (Rust's h2), and its value likewise.
_STATUSES = {
    name + value: str(code)
    for code in range(17)
    for name in (b"\x0bgrpc-status", b"\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f")
    for value in (bytes([len(str(code))]) + str(code).encode(), huffman(str(code)))
}


def preface(*settings: tuple[int, int]) -> bytes:
    """Return what a client says first."""
    return _PREFACE + frame(_SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in settings))


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def message(payload: bytes) -> bytes:
    """Return a protobuf message as gRPC frames it."""
    return b"\0" + struct.pack(">I", len(payload)) + payload


def _literal(name: str, value: str | bytes) -> bytes:
    """A header in HPACK, without index and Huffman code."""
    return b"\0" + b"".join(_length(len(each)) + each for each in map(_encoded, (name, value)))


def _length(size: int) -> bytes:
    """The length of a string in HPACK, of up to 16,510 bytes."""
    if size < 127:
        return bytes([size])
    return bytes([127, (size - 127) & 127 | 128, (size - 127) >> 7])


def _encoded(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def request_headers(path: str, **others: str | bytes) -> bytes:
    """Return the header block of a call, without the table of the connection."""
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
        writer.write(_PREFACE + frame(_SETTINGS, 0, 0, struct.pack(">HI", 1, 0)))
        ends = _END_STREAM if half_close else 0
        alone = ends if body is None else 0
        writer.write(frame(_HEADERS, _END_HEADERS | alone, 1, request_headers(path, **headers)))
        if body is not None:
            writer.write(frame(_DATA, ends, 1, body))
        while True:
            head = await reader.readexactly(9)
            payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
            if head[3] == _HEADERS and head[4] & _END_STREAM:
                return next((code for field, code in _STATUSES.items() if field in payload), "")
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

    writer.write(_PREFACE + frame(_SETTINGS, 0, 0) + frame(_SETTINGS, _ACK, 0))
    writer.write(frame(_HEADERS, _END_HEADERS, 1, request_headers(path)))
    writer.write(frame(_DATA, _END_STREAM, 1, EMPTY_MESSAGE))
    reading = asyncio.create_task(read())
    for _ in range(times):
        # The interval is what is tried.
        await asyncio.sleep(seconds)
        writer.write(frame(_PING, 0, 0, b"interval"))
    await asyncio.sleep(0.5)  # for the last reply
    writer.close()
    reading.cancel()
    await asyncio.wait([reading])
    return kinds


class UnreadStreams:
    """Streams of one connection whose flow-control windows are empty, so that the server can't write to them.

    `data` is what came of each stream once its window was open; `ended` are those with trailers.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.data: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.moved = asyncio.Event()

    async def acknowledge(self) -> None:
        """Answer what the server asks, and take what it writes, until the connection ends."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await self._reader.readexactly(9)
                payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big")
                if kind in {_SETTINGS, _PING} and not flags & _ACK:
                    self._writer.write(frame(kind, _ACK, 0, payload if kind == _PING else b""))
                elif kind == _DATA:
                    self.data[stream] = self.data.get(stream, b"") + payload
                elif kind == _HEADERS and flags & _END_STREAM:
                    self.ended.add(stream)
                self.moved.set()

    def read(self, *streams: int) -> None:
        """Open the windows of these streams."""
        for stream in (0, *streams):
            self._writer.write(frame(_WINDOW_UPDATE, 0, stream, struct.pack(">I", _LARGE_WINDOW)))

    def reset(self, stream: int) -> None:
        """Cancel a stream."""
        self._writer.write(frame(_RESET, 0, stream, struct.pack(">I", _CANCEL)))


@asynccontextmanager
async def unread_streams(
    port: int, path: str, count: int, address: str, body: bytes = EMPTY_MESSAGE, **headers: str | bytes
) -> AsyncIterator[UnreadStreams]:
    """Open so many streams from a local address, with flow-control windows of zero bytes. Their ids are 1, 3, 5 ..."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    block = request_headers(path, **headers)
    # HEADER_TABLE_SIZE 0: each block of headers stands for itself.
    writer.write(_PREFACE + frame(_SETTINGS, 0, 0, struct.pack(">HIHI", 1, 0, _INITIAL_WINDOW_SIZE, 0)))
    for stream in range(1, 2 * count, 2):
        writer.write(frame(_HEADERS, _END_HEADERS, stream, block))
        writer.write(frame(_DATA, _END_STREAM, stream, body))
    streams = UnreadStreams(reader, writer)
    acknowledging = asyncio.create_task(streams.acknowledge())
    try:
        yield streams
    finally:
        writer.close()
        acknowledging.cancel()
        await asyncio.wait([acknowledging])
