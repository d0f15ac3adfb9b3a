"""Per-host limits: concurrent requests, and a token bucket for requests per second."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from servicekit.clock import Clock
from services.tracks.domain.errors import HostBusyError

MAX_CONCURRENT = 2
"""Concurrent requests to one host."""
_MAX_QUEUED = 32
_MAX_WAIT_SECONDS = 8.0
_MAX_IDLE = 4_096


@dataclass(slots=True)
class _HostState:
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CONCURRENT))
    requests: int = 0
    """Requests that hold or wait for a slot."""
    full_at: float = 0.0
    """When the token bucket is full again, on the monotonic clock."""


class HostLimiter:
    """One limiter per host, so that a slow host delays only its own requests."""

    def __init__(self, per_second: float, burst: float, clock: Clock) -> None:
        self._interval = 1 / per_second
        self._allowance = (burst - 1) / per_second
        self._clock = clock
        self._hosts: OrderedDict[str, _HostState] = OrderedDict()

    @contextlib.asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Hold a slot of the host. Raises HostBusyError if its queue is full or the wait times out."""
        host_state = self._hosts.setdefault(host, _HostState())
        if host_state.requests >= MAX_CONCURRENT + _MAX_QUEUED:
            raise HostBusyError(host, 1 + host_state.requests * self._interval)
        host_state.requests += 1
        try:
            await self._acquire(host_state, host)
            try:
                yield
            finally:
                host_state.slots.release()
        finally:
            host_state.requests -= 1
            self._hosts.move_to_end(host)
            self._evict_idle()

    async def _acquire(self, host_state: _HostState, host: str) -> None:
        try:
            async with asyncio.timeout(_MAX_WAIT_SECONDS):
                await host_state.slots.acquire()
                try:
                    await asyncio.sleep(self._reserve(host_state))
                except BaseException:
                    host_state.slots.release()
                    raise
        except TimeoutError:
            raise HostBusyError(host, _MAX_WAIT_SECONDS) from None

    def _reserve(self, host_state: _HostState) -> float:
        """Take a token; return the seconds until it is available."""
        now = self._clock.monotonic()
        wait = max(0.0, host_state.full_at - now - self._allowance)
        host_state.full_at = max(host_state.full_at, now) + self._interval
        return wait

    def _evict_idle(self) -> None:
        # Least recently used first: their buckets are full, or nearly.
        while len(self._hosts) > _MAX_IDLE:
            host = next((each for each, host_state in self._hosts.items() if not host_state.requests), None)
            if host is None:
                return
            del self._hosts[host]
