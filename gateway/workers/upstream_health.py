"""Watches the health of the upstream services and sets the gateway's readiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from gateway.domain.status import ServiceState, ServiceStatus, aggregate
from servicekit.clock import Clock
from servicekit.health import NOT_SERVING, SERVING, HealthRegistry

_log = structlog.get_logger("upstream_health")
GATEWAY = "gateway"
MAX_STARTUP_WAIT_SECONDS = 10.0
"""Seconds after which the gateway is ready although an upstream has not been reached."""
_POLL_SECONDS = 0.1
_RETRY_SECONDS = 0.25


class Watch(Protocol):
    """A health watch of one replica."""

    def serving(self) -> AsyncIterator[bool]:
        """Yield whether the replica is serving: now, and on each change. Ends when the watch breaks."""

    async def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service: its name, its public proto services, and a watch per replica."""

    name: str
    services: Sequence[str]
    watches: Sequence[Watch]


class UpstreamHealth:
    """Watches all upstreams, publishes their states in the health registry, and makes the gateway ready.

    An upstream's proto services have its state in the registry. The gateway itself is ready once every upstream
    has responded, or after 10 s, and stays ready until it drains.
    """

    def __init__(self, upstreams: Sequence[Upstream], health: HealthRegistry, clock: Clock) -> None:
        self._upstreams = upstreams
        self._health = health
        self._clock = clock
        self._replicas = {each.name: [ServiceState.UNSPECIFIED] * len(each.watches) for each in upstreams}
        self._statuses = {
            name: ServiceStatus(name, ServiceState.UNSPECIFIED, None) for name in (GATEWAY, *self._replicas)
        }
        self._pending = set(self._replicas)
        self._tasks: list[asyncio.Task[None]] = []
        for each in upstreams:
            health.set(dict.fromkeys(each.services, NOT_SERVING))

    def snapshot(self) -> list[ServiceStatus]:
        """Return the last known states, the gateway first."""
        return list(self._statuses.values())

    async def start(self) -> None:
        """Start watching."""
        self._run(self._become_ready())
        self._run(self._watch_self())
        for each in self._upstreams:
            for replica, watch in enumerate(each.watches):
                self._run(self._watch_replica(each, replica, watch))

    async def stop(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._upstreams:
            for watch in each.watches:
                await watch.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _watch_replica(self, upstream: Upstream, replica: int, watch: Watch) -> None:
        while True:
            responded = False
            async for serving in watch.serving():
                responded = True
                self._pending.discard(upstream.name)
                self._record(upstream, replica, ServiceState.SERVING if serving else ServiceState.NOT_SERVING)
            # A closed watch is not a failure (servers recycle connections); failing to reopen it is.
            if not responded:
                self._record(upstream, replica, ServiceState.UNREACHABLE)
            await asyncio.sleep(_RETRY_SECONDS)

    def _record(self, upstream: Upstream, replica: int, state: ServiceState) -> None:
        replicas = self._replicas[upstream.name]
        replicas[replica] = state
        whole = aggregate(replicas)
        if self._set_state(upstream.name, whole):
            log = _log.info if whole is ServiceState.SERVING else _log.warning
            log("upstream_state_changed", service=upstream.name, state=whole.name)
            shown = SERVING if whole is ServiceState.SERVING else NOT_SERVING
            self._health.set(dict.fromkeys(upstream.services, shown))

    def _set_state(self, name: str, state: ServiceState) -> bool:
        if self._statuses[name].state is state:
            return False
        self._statuses[name] = ServiceStatus(name, state, self._clock.now())
        return True

    async def _watch_self(self) -> None:
        changed = self._health.watch()
        while True:
            changed.clear()
            serving = self._health.states.get("") == SERVING
            self._set_state(GATEWAY, ServiceState.SERVING if serving else ServiceState.NOT_SERVING)
            await changed.wait()

    async def _become_ready(self) -> None:
        end = self._clock.monotonic() + MAX_STARTUP_WAIT_SECONDS
        while self._pending and self._clock.monotonic() < end:  # noqa: ASYNC110 - tests move the clock
            await asyncio.sleep(_POLL_SECONDS)
        self._health.set_ready(
            ready=True, reason=f"without {', '.join(sorted(self._pending))}" if self._pending else ""
        )
