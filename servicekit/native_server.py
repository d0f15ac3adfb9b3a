"""The server of pygrpc-native, but for how it stops and how a stream waits for a client that does not read."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import grpc
from pygrpc_native import STREAM_CLOSED, STREAM_FULL
from pygrpc_native.aio import Server

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 1.0
_FLUSH = 0.2
LONGEST_WAIT = 270.0
"""Seconds for which a message waits until the client reads: grpcio's connections get no older than this."""


class NativeServer(Server):
    """Streams wait on the event loop, and the last replies of a process that leaves are written.

    The original blocks a thread of the loop's default executor, which has few: as many clients that do not read would
    stop all other streams, and whatever else of the process runs in threads.
    """

    async def stop(self, grace: float | None) -> None:
        """Refuse new calls, give running ones `grace` seconds, write what they replied, and close all connections.

        When this is cancelled a second call stops at once, as grpcio's; the original would wait for ever.
        """
        try:
            if grace:
                self._stopping = True
                running = [call.task for call in self._calls.values() if call.task is not None]
                if running:
                    await asyncio.wait(running, timeout=grace)
                # What was not written when the front closes is lost, and nothing tells that it was.
                await asyncio.sleep(_FLUSH)
                self._stopping = False
            await super().stop(None)
        except asyncio.CancelledError:
            self._stopping = False
            raise

    async def _send(self, call: Any, context: Any, response: Any) -> bool:  # noqa: ANN401 - as the original
        """Send one message once there is room for it; return whether the client is still there."""
        data = self._encode(call, context, response)
        if data is None or self._front is None:
            return False
        # The front tells that a stream is full, but not when there is room again.
        pause, end = _FIRST_PAUSE, time.monotonic() + LONGEST_WAIT
        while (sent := self._front.stream_try_send(call.call_id, data)) == STREAM_FULL:
            if time.monotonic() > end:
                self._front.fail(
                    call.call_id, grpc.StatusCode.UNAVAILABLE.value[0], "the client does not read"
                )
                call.cancel()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return sent != STREAM_CLOSED
