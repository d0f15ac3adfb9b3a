"""Fake web servers and a fake resolver with scripted responses."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from services.tracks.clients.web.connector import Connector
from services.tracks.clients.web.resolver import ResolveError
from services.tracks.domain.web.addresses import Address
from tests.certificates import Pair

BLACK_HOLE = "8.8.8.8"
"""A public address that drops all packets."""
Handler = Callable[["ReceivedRequest", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class ReceivedRequest:
    """A received request."""

    host: str
    path: str
    headers: dict[str, str]


@dataclass
class WebServer:
    """A web server on loopback that records requests. Pages are found by host and path, then by path."""

    ports: dict[int, int] = field(default_factory=dict)
    """Ports by IP version."""
    greeting: bytes = b""
    """Sent on connect, unlike a web server."""
    connections: int = 0
    open: int = 0
    most_open: int = 0
    asked: list[ReceivedRequest] = field(default_factory=list)
    pages: dict[str, bytes | Handler] = field(default_factory=dict)
    asking: asyncio.Event = field(default_factory=asyncio.Event)
    """Set on each request."""

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self.ports[4]

    def count(self, path: str) -> int:
        """The number of requests for a path."""
        return sum(asked.path == path for asked in self.asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            writer.write(self.greeting)
            asked = _parsed(await reader.readuntil(b"\r\n\r\n"))
            self.asked.append(asked)
            self.asking.set()
            page = self.pages.get(f"{asked.host}{asked.path}", self.pages.get(asked.path))
            if callable(page):
                await page(asked, writer)
            else:
                writer.write(page if page is not None else answer(404))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _parsed(head: bytes) -> ReceivedRequest:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    return ReceivedRequest(headers.get("host", ""), first.split(" ")[1], headers)


def answer(
    status: int = 200, body: bytes | str = b"", content_type: str = "text/html; charset=utf-8", **headers: str
) -> bytes:
    """A whole response; header names have underscores for dashes."""
    data = body.encode() if isinstance(body, str) else body
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(data)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + data


def redirect(location: str, status: int = 302) -> bytes:
    """A redirect response."""
    return answer(status, location=location)


@contextlib.asynccontextmanager
async def serving(
    pair: Pair | None, host: str | list[str] = "127.0.0.1", greeting: bytes = b""
) -> AsyncIterator[WebServer]:
    """A running server, with TLS if there is a certificate."""
    context = None
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
    web = WebServer(greeting=greeting)
    running: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(web.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(accept, host, 0, ssl=context)
    for each in server.sockets:
        address, port = each.getsockname()[:2]
        web.ports[ip_address(address).version] = port
    try:
        yield web
    finally:
        server.close()
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)


@dataclass
class FakeResolver:
    """A resolver with a table; several results of one name are returned in turn."""

    table: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def addresses(self, host: str) -> list[Address]:
        """The addresses of a host."""
        self.asked.append(host)
        answers = self.table.get(host)
        if not answers:
            raise ResolveError("no such name")
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [ip_address(each) for each in found]


class CountingConnector(Connector):
    """Connects to loopback only, and to the internal server in place of ports 80 and 443.

    What is not of this machine is refused, and remembered like everything else.
    """

    def __init__(self, tls: ssl.SSLContext, internal: WebServer) -> None:
        super().__init__(tls)
        self.internal = internal
        self.dialed: list[tuple[Address, int]] = []

    async def socket(self, address: Address, port: int) -> socket.socket:
        """A socket to the address."""
        self.dialed.append((address, port))
        if address == ip_address(BLACK_HOLE):
            await asyncio.Event().wait()
        if not address.is_loopback:
            raise ConnectionRefusedError
        return await super().socket(
            address, self.internal.ports[address.version] if port in {80, 443} else port
        )
