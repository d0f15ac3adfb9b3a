"""An HTTP/1.1 client for one request per connection, with bounded lengths and waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import h11

from services.tracks.clients.web.connector import Stream

FIRST_BYTE_SECONDS = 5.0
_READ = 32 * 1024
_MAX_HEAD = 32 * 1024
# Limited separately from the body: empty chunks cost time without adding bytes.
_MAX_CHUNKS = 16_384
_TURN = 64
_MAX_STATUS = 599


class HttpProtocolError(Exception):
    """The response violates HTTP or its limits."""


class FirstByteTimeoutError(Exception):
    """No byte arrived within FIRST_BYTE_SECONDS."""


class ConnectionLostError(Exception):
    """The connection closed before the end of the response."""


@dataclass(frozen=True, slots=True)
class Head:
    """A response without its body. `headers` have lower-case names; the first of each name wins."""

    status: int
    headers: Mapping[str, str]


class Http1Client:
    """Sends one GET. Call `head` once, then `chunk` until it returns None."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        self._ended = False
        self._before_head = 0
        self._chunks = 0

    async def head(self, host: str, path: str, headers: Mapping[str, str]) -> Head:
        """Send a GET and return the head. Raises HttpProtocolError, FirstByteTimeoutError, ConnectionLostError."""
        request = h11.Request(
            method="GET",
            target=path,
            headers=[("Host", host), *headers.items(), ("Connection", "close")],
        )
        data = (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        try:
            async with asyncio.timeout(FIRST_BYTE_SECONDS):
                self._stream.writer.write(data)
                await self._stream.writer.drain()
                await self._receive()
        except TimeoutError:
            raise FirstByteTimeoutError from None
        except OSError as error:
            raise ConnectionLostError from error
        event = await self._event()
        while isinstance(event, h11.InformationalResponse):
            event = await self._event()
        if not isinstance(event, h11.Response):
            raise ConnectionLostError
        # Some hosts return 999, which h11 accepts.
        if event.status_code > _MAX_STATUS:
            raise HttpProtocolError("invalid status code")
        return Head(event.status_code, _named(event))

    async def chunk(self) -> bytes | None:
        """Return more of the body, or None at its end. Raises HttpProtocolError and ConnectionLostError."""
        event = await self._event()
        if isinstance(event, h11.Data):
            self._chunks += 1
            if self._chunks > _MAX_CHUNKS:
                raise HttpProtocolError("too many chunks")
            if self._chunks % _TURN == 0:
                # Buffered data is read without suspending; yield to other tasks.
                await asyncio.sleep(0)
            return bytes(event.data)
        return None

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                # h11 raises the same error for a truncated and for an invalid response.
                raise (ConnectionLostError if self._ended else HttpProtocolError)(str(error)) from None
            if not isinstance(event, type) or event is h11.PAUSED:
                return event
            try:
                await self._receive()
            except OSError as error:
                raise ConnectionLostError from error

    async def _receive(self) -> None:
        data = await self._stream.reader.read(_READ)
        self._ended = not data
        if self._http.their_state is h11.SEND_RESPONSE:
            self._before_head += len(data)
            # h11 limits one head, but not the number of informational responses before it.
            if self._before_head > 2 * _MAX_HEAD:
                raise HttpProtocolError("too many informational responses")
        self._http.receive_data(data)


def _named(response: h11.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers:
        found.setdefault(name.decode("ascii"), _text(value))
    return found


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
