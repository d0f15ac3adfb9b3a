"""The process: sockets on loopback, until a signal or the end of the process that started it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator

import uvicorn

from console.app import create_app
from console.settings import ConsoleSettings, load
from ops.topology import loopbacks
from servicekit import logs

# Streams of pages that are still open when it stops.
_STOP_SECONDS = 1
_CONNECTIONS = 200


def main() -> None:
    """Serve until SIGTERM or SIGINT. Exits with 1 when the port is taken."""
    logs.configure("console", "info", os.environ.get("SEDA_LOG_FORMAT", "auto"))
    settings = load()
    try:
        with _sockets(settings.port) as sockets:
            asyncio.run(_serve(settings, sockets))
    except OSError as error:
        sys.exit(f"Can't listen on port {settings.port}: {error.strerror}")


@contextlib.contextmanager
def _sockets(port: int) -> Iterator[list[socket.socket]]:
    """Loopback alone, in both families where there are two."""
    with contextlib.ExitStack() as stack:
        made = []
        for address in loopbacks():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            made.append(stack.enter_context(socket.create_server((address, port), family=family)))
        yield made


def configure(settings: ConsoleSettings) -> uvicorn.Config:
    """Return the configuration of the HTTP server."""
    return uvicorn.Config(
        create_app(settings),
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )


async def _serve(settings: ConsoleSettings, sockets: list[socket.socket]) -> None:
    server = uvicorn.Server(configure(settings))
    if settings.parent_fd is not None:
        # The parent, the only writer, never writes: readable means that it is gone.
        asyncio.get_running_loop().add_reader(
            settings.parent_fd, lambda: setattr(server, "should_exit", True)
        )
    await server.serve(sockets)
