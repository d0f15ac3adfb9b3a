"""What the gateway hears of the services' health, and its own readiness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from gateway.domain.status import State, Status, of_replicas
from servicekit.clock import Clock
from servicekit.health import NOT_SERVING, SERVING, HealthRegistry

_log = structlog.get_logger("downstreams")
GATEWAY = "gateway"
PATIENCE = 10.0
"""Seconds after which the gateway takes calls without having heard of everybody."""
_LOOK_SECONDS = 0.1
_RETRY_SECONDS = 0.25


class Watch(Protocol):
    """The readiness of one replica of a service."""

    def serving(self) -> AsyncIterator[bool]:
        """Whether it takes calls: now, and on each change. Ends when there is no hearing it any more."""

    async def close(self) -> None:
        """Free what it holds."""


@dataclass(frozen=True, slots=True)
class Downstream:
    """A service: its name, the proto services that callers may use, and a watch for each replica."""

    name: str
    services: Sequence[str]
    watches: Sequence[Watch]


class Downstreams:
    """Follows all services, puts their states on the health health, and makes the gateway ready.

    A service's own names on the health stand for that service alone. The gateway itself is ready once each
    service has answered, or after 10 s, and stays so until it drains.
    """

    def __init__(self, downstreams: Sequence[Downstream], health: HealthRegistry, clock: Clock) -> None:
        self._downstreams = downstreams
        self._health = health
        self._clock = clock
        self._replicas = {each.name: [State.UNSPECIFIED] * len(each.watches) for each in downstreams}
        self._statuses = {name: Status(name, State.UNSPECIFIED, None) for name in (GATEWAY, *self._replicas)}
        self._unheard = set(self._replicas)
        self._tasks: list[asyncio.Task[None]] = []
        for each in downstreams:
            health.set(dict.fromkeys(each.services, NOT_SERVING))

    def statuses(self) -> list[Status]:
        """The last that was heard, the gateway first."""
        return list(self._statuses.values())

    async def start(self) -> None:
        """Begin to follow everybody."""
        self._run(self._become_ready())
        self._run(self._follow_itself())
        for each in self._downstreams:
            for replica, watch in enumerate(each.watches):
                self._run(self._follow(each, replica, watch))

    async def stop(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._downstreams:
            for watch in each.watches:
                await watch.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _follow(self, downstream: Downstream, replica: int, watch: Watch) -> None:
        while True:
            answered = False
            async for serving in watch.serving():
                answered = True
                self._unheard.discard(downstream.name)
                self._note(downstream, replica, State.SERVING if serving else State.NOT_SERVING)
            # A watch that ends is no news, as servers end old connections: that there is no new one is.
            if not answered:
                self._note(downstream, replica, State.UNREACHABLE)
            await asyncio.sleep(_RETRY_SECONDS)

    def _note(self, downstream: Downstream, replica: int, state: State) -> None:
        replicas = self._replicas[downstream.name]
        replicas[replica] = state
        whole = of_replicas(replicas)
        if self._change(downstream.name, whole):
            log = _log.info if whole is State.SERVING else _log.warning
            log("service state", service=downstream.name, state=whole.name)
            shown = SERVING if whole is State.SERVING else NOT_SERVING
            self._health.set(dict.fromkeys(downstream.services, shown))

    def _change(self, name: str, state: State) -> bool:
        if self._statuses[name].state is state:
            return False
        self._statuses[name] = Status(name, state, self._clock.now())
        return True

    async def _follow_itself(self) -> None:
        changed = self._health.watch()
        while True:
            changed.clear()
            serving = self._health.states.get("") == SERVING
            self._change(GATEWAY, State.SERVING if serving else State.NOT_SERVING)
            await changed.wait()

    async def _become_ready(self) -> None:
        late = self._clock.monotonic() + PATIENCE
        while self._unheard and self._clock.monotonic() < late:  # noqa: ASYNC110 - the clock may be moved
            await asyncio.sleep(_LOOK_SECONDS)
        self._health.set_ready(
            ready=True, reason=f"without {', '.join(sorted(self._unheard))}" if self._unheard else ""
        )
