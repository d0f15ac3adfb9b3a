"""What the gateway hears of the services' health, and its own readiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from gateway.domain.status import ServiceState, ServiceStatus, aggregate
from servicekit.clock import Clock
from servicekit.health import NOT_SERVING, SERVING, HealthRegistry

_log = structlog.get_logger("upstreams")
GATEWAY = "gateway"
MAX_STARTUP_WAIT_SECONDS = 10.0
"""Seconds after which the gateway takes calls without having heard of everybody."""
_POLL_SECONDS = 0.1
_RETRY_SECONDS = 0.25


class Watch(Protocol):
    """The readiness of one replica of a service."""

    def serving(self) -> AsyncIterator[bool]:
        """Whether it takes calls: now, and on each change. Ends when there is no hearing it any more."""

    async def close(self) -> None:
        """Free what it holds."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service: its name, the proto services that callers may use, and a watch for each replica."""

    name: str
    services: Sequence[str]
    watches: Sequence[Watch]


class UpstreamHealth:
    """Follows all services, puts their states on the health health, and makes the gateway ready.

    A service's own names on the health stand for that service alone. The gateway itself is ready once each
    service has answered, or after 10 s, and stays so until it drains.
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
        """The last that was heard, the gateway first."""
        return list(self._statuses.values())

    async def start(self) -> None:
        """Begin to follow everybody."""
        self._run(self._become_ready())
        self._run(self._watch_self())
        for each in self._upstreams:
            for replica, watch in enumerate(each.watches):
                self._run(self._watch_replica(each, replica, watch))

    async def stop(self) -> None:
        """Stop following."""
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
            answered = False
            async for serving in watch.serving():
                answered = True
                self._pending.discard(upstream.name)
                self._record(upstream, replica, ServiceState.SERVING if serving else ServiceState.NOT_SERVING)
            # A watch that ends is no news, as servers end old connections: that there is no new one is.
            if not answered:
                self._record(upstream, replica, ServiceState.UNREACHABLE)
            await asyncio.sleep(_RETRY_SECONDS)

    def _record(self, upstream: Upstream, replica: int, state: ServiceState) -> None:
        replicas = self._replicas[upstream.name]
        replicas[replica] = state
        whole = aggregate(replicas)
        if self._set_state(upstream.name, whole):
            log = _log.info if whole is ServiceState.SERVING else _log.warning
            log("service state", service=upstream.name, state=whole.name)
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
        late = self._clock.monotonic() + MAX_STARTUP_WAIT_SECONDS
        while self._pending and self._clock.monotonic() < late:  # noqa: ASYNC110 - the clock may be moved
            await asyncio.sleep(_POLL_SECONDS)
        self._health.set_ready(
            ready=True, reason=f"without {', '.join(sorted(self._pending))}" if self._pending else ""
        )
