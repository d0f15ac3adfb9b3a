"""A NATS server on a port of its own, which a test can stop and start again."""

from __future__ import annotations

import asyncio
import subprocess
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.certificates import Pair
from tests.postgres import free_port


class NatsServer:
    """`options` are further arguments of nats-server."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, and wait until it takes connections."""
        program = Path(sysconfig.get_path("scripts"), "nats-server")
        self._process = subprocess.Popen(
            [program, "--addr", "127.0.0.1", "--port", str(self.port), *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        async with asyncio.timeout(20):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    # It tells nobody when it is ready.
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return

    async def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait, 10)


def tls_options(pair: Pair) -> tuple[str, ...]:
    """The options with which it demands TLS."""
    return "--tls", f"--tlscert={pair.certificate}", f"--tlskey={pair.key}"


@asynccontextmanager
async def nats_server(*options: str) -> AsyncIterator[NatsServer]:
    """A running server."""
    server = NatsServer(*options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
