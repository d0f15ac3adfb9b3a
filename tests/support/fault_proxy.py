"""A TCP proxy that breaks connections as networks do: silence, delay, resets, a narrow link.

What it does to a connection can change at any time, also for connections that are open already.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_CHUNK = 4_096


class Fault(enum.Enum):
    """What becomes of the bytes."""

    NONE = "none"
    SILENT = "takes connections and bytes, and passes nothing on"
    SLOW = "passes everything on after 200 ms"
    NARROW = "passes on 64 kB a second"


DELAY_SECONDS = 0.2
BYTES_A_SECOND = 64_000


class FaultProxy:
    """Passes connections on to one address. `fault` may be changed at any time."""

    def __init__(self, target: str) -> None:
        self.fault = Fault.NONE
        self.port = 0
        self.passed = 0
        """Bytes that were passed on, in both directions."""
        self._host, _, port = target.rpartition(":")
        self._target_port = int(port)
        self._links: dict[asyncio.Task[None], asyncio.Event] = {}
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end all connections."""
        if self._server is not None:
            self._server.close()
        links = list(self._links)
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    def lead_to(self, port: int) -> None:
        """Pass new connections on to another port; those of now stay, as after a failover behind a proxy."""
        self._target_port = port

    def reset(self) -> int:
        """Reset all connections, both ends, and return how many there were."""
        for link in self._links:
            link.cancel()
        return len(self._links)

    def abandon(self) -> int:
        """Let nothing through on the connections of now, ever, as when the other machine is gone; new ones work."""
        for abandoned in self._links.values():
            abandoned.set()
        return len(self._links)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        abandoned = self._links[link] = asyncio.Event()
        ends = [writer]
        try:
            while self.fault is Fault.SILENT:
                # Like a machine that is gone: it neither answers nor refuses.
                await asyncio.sleep(0.02)
            other_reader, other_writer = await asyncio.open_connection(self._host, self._target_port)
            ends.append(other_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, other_writer, abandoned))
                group.create_task(self._pass_on(other_reader, writer, abandoned))
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            # However it ended, for both ends it is a reset.
            for end in ends:
                _reset(end)
        finally:
            self._links.pop(link, None)
            for end in ends:
                end.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, abandoned: asyncio.Event
    ) -> None:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=1_000)

        async def read() -> None:
            while data := await reader.read(_CHUNK):
                await arrived.put((loop.time(), data))
            await arrived.put((loop.time(), b""))

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            while True:
                since, data = await arrived.get()
                await self._hold_up(since, len(data), abandoned)
                if not data:
                    break
                writer.write(data)
                self.passed += len(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _hold_up(self, since: float, size: int, abandoned: asyncio.Event) -> None:
        now = asyncio.get_running_loop().time()
        if self.fault is Fault.SLOW:
            # The wait is the fault itself, here and below.
            await asyncio.sleep(max(0.0, since + DELAY_SECONDS - now))
        elif self.fault is Fault.NARROW:
            # As above.
            await asyncio.sleep(size / BYTES_A_SECOND)
        while self.fault is Fault.SILENT or abandoned.is_set():
            # As above.
            await asyncio.sleep(0.02)


def _reset(writer: asyncio.StreamWriter) -> None:
    # To close without lingering is what makes TCP send a reset.
    ended: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        ended.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def fault_proxy(target: str) -> AsyncIterator[FaultProxy]:
    """A proxy in front of `target`, host:port."""
    made = FaultProxy(target)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
