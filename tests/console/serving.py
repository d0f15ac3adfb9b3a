"""A console in the test's own event loop, and raw requests to it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import uvicorn

from console.server import configure
from console.settings import ConsoleSettings

KEY = "test-key"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[Any]:
        return [json.loads(each) for each in self.body.splitlines()]


@dataclass(frozen=True)
class ConsoleServer:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/#k={KEY}"

    async def raw(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Reply:
        """Send exactly these headers; the connection is closed after the reply."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = [f"{method} {path} HTTP/1.1", "Connection: close"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        if body:
            head.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join([*head, "", ""]).encode() + body)
        try:
            received = await reader.read()
        finally:
            writer.close()
        start, _, rest = received.partition(b"\r\n\r\n")
        status, *fields = start.decode().split("\r\n")
        found = {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}
        return Reply(int(status.split()[1]), found, _joined(rest) if "chunked" in str(found) else rest)

    def headers(self, **changed: str | None) -> dict[str, str]:
        """The headers of the console's own page; None leaves one out."""
        own: dict[str, str | None] = {
            "Host": f"127.0.0.1:{self.port}",
            "Origin": f"http://127.0.0.1:{self.port}",
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/json",
            "x-seda-key": KEY,
        }
        own |= {name.replace("_", "-"): value for name, value in changed.items()}
        return {name: value for name, value in own.items() if value is not None}

    async def post(self, path: str, body: object) -> Reply:
        return await self.raw("POST", path, self.headers(), json.dumps(body).encode())

    async def get(self, path: str) -> Reply:
        return await self.raw("GET", path, self.headers())


def _joined(chunked: bytes) -> bytes:
    """The body of a response in chunks."""
    whole = b""
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size, 16)
        whole, chunked = whole + rest[:length], rest[length + 2 :] if length else b""
    return whole


@contextlib.asynccontextmanager
async def console_server(settings: ConsoleSettings) -> AsyncIterator[ConsoleServer]:
    """Serve on a free port until the end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = uvicorn.Server(configure(replace(settings, port=port)))
        # Signals are the test run's own.
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # see above
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)  # uvicorn has no event for it
        try:
            yield ConsoleServer(port)
        finally:
            server.should_exit = True
            await serving
