"""gRPC calls as bytes over HTTP/2, at the least cost in Python, so that the load driver is not the bottleneck.

Requests are encoded before the load starts; of replies only frame headers are read, and the trailers for their
grpc-status. A load asks the server to use no header table, so that each block of headers stands for itself. The usual
spellings of "grpc-status: 0" are found without decoding; other trailers, above all those of errors, are decoded by hpack.
Whoever wants a reply's content sets `keep_every`, and decodes the kept ones afterwards.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

import hpack

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME = struct.Struct(">BHBBI")
_HEADER_BYTES = _FRAME.size
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM, _ACK, _END_HEADERS, _PADDED = 1, 1, 4, 8
_HUGE = (1 << 31) - 1
_FIRST_WINDOW = 65_535
# Opens its window again when the server has used so much of it.
_REOPEN = 1 << 29
_BUFFER_BYTES = 1 << 20
_LOOK_SECONDS = 0.01
# HEADER_TABLE_SIZE 0, ENABLE_PUSH 0, INITIAL_WINDOW_SIZE as large as it gets.
_OUR_SETTINGS = struct.pack(">HIHIHI", 1, 0, 2, 0, 4, _HUGE)
# HPACK: ":method: POST" and ":scheme: http" of the static table, and its names ":path", ":authority", "authorization".
_POST, _HTTP = b"\x83", b"\x86"
_PATH, _AUTHORITY, _AUTHORIZATION = 4, 1, 23
_FIRST_DYNAMIC = 62
# "grpc-status: 0" as a literal: plain (grpc's C core), with its name in Huffman code (Node's nghttp2), or all of it
# (Rust's h2).
_CODED_STATUS = b"\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f"
_GOOD = (b"\x0bgrpc-status\x010", _CODED_STATUS + b"\x010", _CODED_STATUS + b"\x81\x07")


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """One request, encoded. `reply_bytes` is the length that the reply's data must have; None: any.

    `expected` is the content of the reply, compared after decoding.
    """

    body: bytes
    headers: bytes = b""
    reply_bytes: int | None = None
    expected: object = None


@dataclass(slots=True)
class LoadStats:
    """Received replies. `seconds` has the latency of each good reply; `kept` some of them, with their calls."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    kept: list[tuple[PreparedCall, bytes]] = field(default_factory=list)
    received: int = 0

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of the replies."""
        while not holds():  # noqa: ASYNC110 - an event would cost each reply a check
            await asyncio.sleep(_LOOK_SECONDS)


def message(payload: bytes) -> bytes:
    """A protobuf message as gRPC frames it."""
    return b"\0" + len(payload).to_bytes(4, "big") + payload


def bearer(token: str) -> bytes:
    """The header block of a caller's token; it is never put into a header table."""
    return b"\x0f" + bytes([_AUTHORIZATION - 15]) + _string(f"Bearer {token}".encode())


class LoadGenerator(asyncio.BufferedProtocol):
    """One connection that keeps `in_flight` calls of one method running until it is stopped.

    Calls come from `calls` as they are needed; when these run out, the load ends.
    """

    deadline_seconds = 20
    # Whether the client says no more on a call's stream after its body.
    half_closes = True

    def __init__(
        self,
        address: str,
        path: str,
        calls: Iterator[PreparedCall],
        in_flight: int,
        tally: LoadStats,
        keep_every: int = 0,
    ) -> None:
        self._address = address
        self._calls = calls
        self._in_flight = in_flight
        self._tally = tally
        self._keep_every = keep_every
        self._headers = _Headers(path, address, self.deadline_seconds)
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._filled = 0
        self._out = bytearray()
        self._next_stream = 1
        self._running: dict[int, _Running] = {}
        self._held_back: list[PreparedCall] = []
        self._may_send = _FIRST_WINDOW
        self._consumed = 0
        self._stopping = False
        self._ended = asyncio.get_running_loop().create_future()
        self._closed = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Connect and make the first calls."""
        host, _, port = self._address.rpartition(":")
        await asyncio.get_running_loop().create_connection(lambda: self, host, int(port))

    @property
    def has_ended(self) -> bool:
        """Whether no call is made any more."""
        return self._ended.done()

    async def ended(self) -> None:
        """Wait until the calls have run out and all of them are answered."""
        await asyncio.shield(self._ended)

    async def stop(self) -> None:
        """Make no more calls, wait for the replies that are due, and leave."""
        self._stopping = True
        if not self._running:
            self._end()
        await self._ended
        if self._transport is not None:
            self._transport.close()
            await self._closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the connection's settings and the first calls."""
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._out += _PREFACE + _frame(_SETTINGS, 0, 0, _OUR_SETTINGS)
        self._out += _frame(_WINDOW_UPDATE, 0, 0, (_HUGE - _FIRST_WINDOW).to_bytes(4, "big"))
        for call in islice(self._calls, self._in_flight):
            self._begin(call)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the calls that will have no reply."""
        for _ in self._running:
            self._tally.failures.append(f"connection lost: {exc}")
        self._running.clear()
        self._end()
        self._closed.set_result(None)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio's own signature
        """Where the next bytes go."""
        return self._view[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Read all whole frames; answer with the calls that take the finished ones' places."""
        self._filled += nbytes
        at, end, buffer = 0, self._filled, self._buffer
        while end - at >= _HEADER_BYTES:
            high, low, kind, flags, stream = _FRAME.unpack_from(buffer, at)
            size = (high << 16) | low
            after = at + _HEADER_BYTES + size
            if after > end:
                break
            self._frame(kind, flags, stream, at + _HEADER_BYTES, after)
            at = after
        if at:
            buffer[: end - at] = buffer[at:end]
            self._filled = end - at
        self._flush()

    def _frame(self, kind: int, flags: int, stream: int, start: int, after: int) -> None:
        if kind == _DATA:
            self._data(flags, stream, start, after)
        elif kind == _HEADERS:
            if flags & _END_STREAM:
                self._trailers(stream, self._buffer[start:after])
        elif kind == _WINDOW_UPDATE:
            if stream == 0:
                self._may_send += int.from_bytes(self._view[start:after], "big")
                self._resume()
        elif kind == _PING and not flags & _ACK:
            self._out += _frame(_PING, _ACK, 0, bytes(self._view[start:after]))
        elif kind == _SETTINGS and not flags & _ACK:
            self._out += _frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _RESET and stream in self._running:
            self._failed(stream, f"reset, code {int.from_bytes(self._view[start:after], 'big')}")
        elif kind in {_GOAWAY, _CONTINUATION}:
            self._stopping = True
            self._tally.failures.append(f"frame of kind {kind}: {bytes(self._view[start:after])!r}")

    def _data(self, flags: int, stream: int, start: int, after: int) -> None:
        running = self._running.get(stream)
        self._consumed += after - start
        if self._consumed > _REOPEN:
            self._out += _frame(_WINDOW_UPDATE, 0, 0, self._consumed.to_bytes(4, "big"))
            self._consumed = 0
        if running is None:
            return
        running.received += after - start
        if running.kept is not None:
            running.kept += self._view[start:after]
        if flags & (_PADDED | _END_STREAM):
            self._failed(stream, f"data with flags {flags}")

    def _trailers(self, stream: int, block: bytearray) -> None:
        running = self._running.get(stream)
        if running is None:
            return
        if not any(good in block for good in _GOOD):
            why = failure(bytes(block))
            if why is not None:
                self._failed(stream, why)
                return
        wanted = running.call.reply_bytes
        if wanted is not None and running.received != wanted:
            self._failed(stream, f"{running.received} bytes instead of {wanted}")
            return
        tally = self._tally
        tally.seconds.append(time.perf_counter() - running.began)
        tally.received += running.received
        if running.kept is not None:
            tally.kept.append((running.call, bytes(running.kept)))
        self._done(stream)

    def _failed(self, stream: int, why: str) -> None:
        self._tally.failures.append(why)
        self._done(stream)

    def _done(self, stream: int) -> None:
        del self._running[stream]
        if not self._stopping:
            call = next(self._calls, None)
            if call is not None:
                self._begin(call)
        if not self._running and not self._held_back:
            self._end()

    def _begin(self, call: PreparedCall) -> None:
        if self._may_send < len(call.body):
            self._held_back.append(call)
            return
        self._may_send -= len(call.body)
        stream = self._next_stream
        self._next_stream += 2
        keep = self._keep_every and (stream // 2) % self._keep_every == 0
        self._running[stream] = _Running(call, time.perf_counter(), bytearray() if keep else None)
        block = self._headers.block() + call.headers
        self._out += _head(len(block), _HEADERS, _END_HEADERS, stream) + block
        self._out += _head(len(call.body), _DATA, _END_STREAM if self.half_closes else 0, stream) + call.body

    def _more(self, stream: int, call: PreparedCall) -> None:
        """Send another message. The stream's window is not watched: only small ones wait for their answers."""
        self._out += _frame(_DATA, 0, stream, call.body)

    def _resume(self) -> None:
        held_back, self._held_back = self._held_back, []
        for call in held_back:
            self._begin(call)

    def _flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(self._out)
            self._out = bytearray()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


@dataclass(slots=True)
class _Running:
    call: PreparedCall
    began: float
    kept: bytearray | None
    received: int = 0


class _Headers:
    """The headers that all calls of a connection share: spelled out once, then one byte each."""

    def __init__(self, path: str, authority: str, deadline_seconds: int) -> None:
        named = [(_PATH, path), (_AUTHORITY, authority)]
        fields = [
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", f"{deadline_seconds}S"),
        ]
        self._first = _POST + _HTTP
        for index, value in named:
            self._first += bytes([0x40 | index]) + _string(value.encode())
        for name, value in fields:
            self._first += b"\x40" + _string(name.encode()) + _string(value.encode())
        count = len(named) + len(fields)
        # The newest entry of the table has the lowest number.
        self._later = _POST + _HTTP + bytes(0x80 | _FIRST_DYNAMIC + each for each in reversed(range(count)))
        self._spelled = False

    def block(self) -> bytes:
        """The header block of the next call."""
        if self._spelled:
            return self._later
        self._spelled = True
        return self._first


def failure(block: bytes) -> str | None:
    """What a block of trailers says went wrong; None: nothing did."""
    try:
        fields = {str(field[0]): str(field[1]) for field in hpack.Decoder().decode(block)}
    except hpack.HPACKError as error:
        return f"trailers that can't be decoded: {error}"
    status = fields.get("grpc-status")
    if status == "0":
        return None
    return f"grpc-status {status}: {fields.get('grpc-message', '')}"


def _head(size: int, kind: int, flags: int, stream: int) -> bytes:
    return _FRAME.pack(size >> 16, size & 0xFFFF, kind, flags, stream)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _head(len(payload), kind, flags, stream) + payload


def _string(value: bytes) -> bytes:
    """An HPACK string, not Huffman-coded: its length in a prefix of seven bits, then itself."""
    size = len(value)
    if size < 127:  # noqa: PLR2004 - the largest value of the prefix means that more bytes follow
        return bytes([size]) + value
    head, rest = bytearray([127]), size - 127
    while rest > 127:  # noqa: PLR2004 - seven bits a byte
        head.append(rest & 127 | 128)
        rest >>= 7
    head.append(rest)
    return bytes(head) + value
