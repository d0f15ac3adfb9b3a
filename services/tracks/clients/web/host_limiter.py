"""Politeness: how many questions a host gets at once and how many a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from servicekit.clock import Clock
from services.tracks.domain.errors import HostBusyError

AT_ONCE = 2
"""Questions that one host is asked at the same time."""
_MAX_WAITING = 32
_MAX_SECONDS = 8.0
_MAX_IDLE = 4_096


@dataclass(slots=True)
class _Gate:
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    users: int = 0
    """Who is inside or waits."""
    full_at: float = 0.0
    """When the bucket will be full again, on the monotonic clock."""


class HostGates:
    """One gate per host, so that a slow host is waited for by those alone who ask it."""

    def __init__(self, per_second: float, burst: float, clock: Clock) -> None:
        self._interval = 1 / per_second
        self._allowance = (burst - 1) / per_second
        self._clock = clock
        self._gates: OrderedDict[str, _Gate] = OrderedDict()

    @contextlib.asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """A place at the host. Raises HostBusyError when too many wait there, or this one waited too long."""
        gate = self._gates.setdefault(host, _Gate())
        if gate.users >= AT_ONCE + _MAX_WAITING:
            raise HostBusyError(host, 1 + gate.users * self._interval)
        gate.users += 1
        try:
            await self._enter(gate, host)
            try:
                yield
            finally:
                gate.places.release()
        finally:
            gate.users -= 1
            self._gates.move_to_end(host)
            self._forget_idle()

    async def _enter(self, gate: _Gate, host: str) -> None:
        try:
            async with asyncio.timeout(_MAX_SECONDS):
                await gate.places.acquire()
                try:
                    await asyncio.sleep(self._reserve(gate))
                except BaseException:
                    gate.places.release()
                    raise
        except TimeoutError:
            raise HostBusyError(host, _MAX_SECONDS) from None

    def _reserve(self, gate: _Gate) -> float:
        """Take one from the bucket; the seconds until it's there."""
        now = self._clock.monotonic()
        wait = max(0.0, gate.full_at - now - self._allowance)
        gate.full_at = max(gate.full_at, now) + self._interval
        return wait

    def _forget_idle(self) -> None:
        # Oldest first: their buckets are full again, or nearly.
        while len(self._gates) > _MAX_IDLE:
            host = next((each for each, gate in self._gates.items() if not gate.users), None)
            if host is None:
                return
            del self._gates[host]
