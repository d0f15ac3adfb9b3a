"""Streams of Watch over bare HTTP/2: counts the changes that arrive, and how long each was under way.

The time when a message was sent is in its text, so a delivery's latency needs no other clock than that of the machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

from bench.http2 import LoadGenerator, LoadStats, PreparedCall, failure
from seda.chat.v1 import live_service_pb2 as pb

WATCH = "/seda.chat.v1.LiveService/Watch"
# Length-delimited field 1: the frames of a response.
_FRAMES_TAG = 0x0A
_LARGEST_BYTE = 0x7F
_PACE_SECONDS = 0.002
_CONNECTIONS, _OPEN_SECONDS = 4, 60.0


def stamped_text(size: int) -> str:
    """A text of so many characters that tells when it was made."""
    return f"{time.perf_counter_ns():020}".ljust(size, ".")


class WatchLoad(LoadGenerator):
    """One connection with a stream for each call; every delivered change is one reply of the stats.

    `caught_up` counts the streams that are up to date.
    """

    deadline_seconds = 600
    path, opened_at_once = WATCH, 10_000

    def __init__(self, address: str, calls: Sequence[PreparedCall], tally: LoadStats) -> None:
        super().__init__(address, self.path, iter(calls), min(len(calls), self.opened_at_once), tally)
        self.caught_up = 0
        self._partial: dict[int, bytearray] = {}
        # All streams get the same bytes: each change is parsed once.
        self._sent_at: dict[bytes, float] = {}

    async def stop(self) -> None:
        """Leave the streams."""
        self._running.clear()
        await super().stop()

    def _data(self, flags: int, stream: int, start: int, after: int) -> None:
        super()._data(flags, stream, start, after)
        self._tally.received += after - start
        partial = self._partial.pop(stream, None)
        data = bytes(self._view[start:after]) if partial is None else bytes(partial + self._view[start:after])
        at, now = 0, time.perf_counter()
        while len(data) - at >= 5:  # noqa: PLR2004 - the head of a gRPC message
            end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
            if end > len(data):
                break
            self._response(data, at + 5, end, now)
            at = end
        if at < len(data):
            self._partial[stream] = bytearray(data[at:])

    def _trailers(self, stream: int, block: bytearray) -> None:
        # A stream ends when it is left: its status, were it counted as a reply, would stand for a lost delivery.
        if stream in self._running:
            self._failed(stream, failure(bytes(block)) or "the server ended the stream")

    def _response(self, data: bytes, at: int, end: int, now: float) -> None:
        seconds = self._tally.seconds
        while at < end:
            assert data[at] == _FRAMES_TAG
            size, at = _varint(data, at + 1)
            frame = data[at : at + size]
            at += size
            sent_at = self._sent_at.get(frame)
            if sent_at is None:
                sent_at = self._sent_at[frame] = self._parse(frame)
            if sent_at:
                seconds.append(now - sent_at)
            elif frame == _CAUGHT_UP:
                self.caught_up += 1

    def _parse(self, frame: bytes) -> float:
        """When a change was sent, in seconds; 0 for any other frame."""
        parsed = pb.Frame.FromString(frame)
        if parsed.HasField("closing"):
            self._tally.failures.append(f"closing: {pb.ClosingReason.Name(parsed.closing.reason)}")
        if not parsed.HasField("change"):
            return 0.0
        return int(parsed.change.message.message.text[:20]) / 1e9


class PacedLoad(LoadGenerator):
    """Makes so many calls a second by the clock, however long their replies take."""

    def __init__(
        self, address: str, path: str, calls: Iterator[PreparedCall], per_second: float, tally: LoadStats
    ) -> None:
        super().__init__(address, path, calls, 0, tally)
        self._per_second = per_second
        self._pacing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and begin."""
        await super().start()
        self._pacing = asyncio.create_task(by_the_clock(self._per_second, self._call, self._flush))

    async def stop(self) -> None:
        """Make no more calls, wait for the replies that are due, and leave."""
        if self._pacing is not None:
            self._pacing.cancel()
            await asyncio.wait([self._pacing])
        await super().stop()

    def _call(self) -> None:
        self._begin(next(self._calls))

    def _done(self, stream: int) -> None:
        del self._running[stream]
        if self._stopping and not self._running:
            self._end()


async def by_the_clock(per_second: float, call: Callable[[], None], flush: Callable[[], None]) -> None:
    """Call so many times a second, however late it gets, and flush what was called."""
    began, made = time.perf_counter(), 0
    while True:
        while made < (time.perf_counter() - began) * per_second:
            call()
            made += 1
        flush()
        await asyncio.sleep(_PACE_SECONDS)  # this is the pace


@asynccontextmanager
async def open_streams(
    address: str, calls: Sequence[PreparedCall], tally: LoadStats, kind: type[WatchLoad] = WatchLoad
) -> AsyncIterator[None]:
    """A stream for each call, over a few connections: all are up to date when the block begins, and left after it."""
    loads = [kind(address, calls[number::_CONNECTIONS], tally) for number in range(_CONNECTIONS) if calls]
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            for load in loads:
                await load.start()
            await tally.until(
                lambda: bool(tally.failures) or sum(load.caught_up for load in loads) == len(calls)
            )
        yield
    finally:
        # With a connection left open, uvloop's loop may never close.
        await asyncio.gather(*(load.stop() for load in loads))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & _LARGEST_BYTE) << shift
        if byte <= _LARGEST_BYTE:
            return value, at
        shift += 7


_CAUGHT_UP = pb.Frame(caught_up=pb.CaughtUp()).SerializeToString()
