"""grpc.health.v1 and the health registry.

The stock servicer has no List, and one watcher that doesn't read blocks the state changes of all; this one
replaces it on the same messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Any

import structlog
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from servicekit.call import Call
from servicekit.errors import UnknownServiceError

_log = structlog.get_logger("health")
SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = HealthCheckResponse.SERVICE_UNKNOWN
LIVE = "live"
"""The name of process liveness: SERVING also while the database is unavailable and while draining."""


class HealthRegistry:
    """The health state of each name. Services start NOT_SERVING; `live` is always SERVING."""

    def __init__(self) -> None:
        self.states: dict[str, int] = {LIVE: SERVING}
        self.closed = asyncio.Event()
        self._watchers: set[asyncio.Event] = set()
        self._registered: tuple[str, ...] = ()
        self._ready = False
        self._draining = False

    def register(self, names: Iterable[str]) -> None:
        """Register the services of this process; `""` is always one of them."""
        self._registered = ("", *names)
        self.set(dict.fromkeys(self._registered, NOT_SERVING))

    def set_ready(self, ready: bool, reason: str = "") -> None:  # noqa: FBT001 - reads as `set_ready(True)`
        """Set the readiness of all registered names. A draining process does not become ready again."""
        if ready == self._ready or (ready and self._draining):
            return
        self._ready = ready
        (_log.info if ready else _log.warning)("ready" if ready else "not_ready", reason=reason or None)
        self.set(dict.fromkeys(self._registered, SERVING if ready else NOT_SERVING))

    @property
    def ready(self) -> bool:
        """Whether the process is ready for calls."""
        return self._ready

    async def wait_until_ready(self) -> None:
        """Return when the process is ready."""
        changed = self.watch()
        while not self._ready:
            changed.clear()
            await changed.wait()
        self.unwatch(changed)

    def drain(self) -> None:
        """Turn readiness off permanently; `live` stays."""
        self._draining = True
        self.set_ready(ready=False, reason="draining")
        self.set({name: NOT_SERVING for name in self.states if name != LIVE})

    def set(self, states: dict[str, int]) -> None:
        """Set states and wake the watchers. While draining every state is NOT_SERVING."""
        self.states.update(dict.fromkeys(states, NOT_SERVING) if self._draining else states)
        self._wake()

    def close(self) -> None:
        """End the streams of health and reflection, which would otherwise delay the shutdown."""
        self.closed.set()
        self._wake()

    def watch(self) -> asyncio.Event:
        """Add a watcher: an event that is set on each change."""
        event = asyncio.Event()
        self._watchers.add(event)
        return event

    def unwatch(self, event: asyncio.Event) -> None:
        """Remove a watcher."""
        self._watchers.discard(event)

    def _wake(self) -> None:
        for event in self._watchers:
            event.set()


class HealthService:
    """Check, List and Watch."""

    descriptor: Any = health_pb2.DESCRIPTOR.services_by_name["Health"]

    def __init__(self, health: HealthRegistry) -> None:
        self._health = health

    async def Check(self, request: HealthCheckRequest, _call: Call) -> HealthCheckResponse:
        """The state of a name; NOT_FOUND for an unknown one."""
        state = self._health.states.get(request.service)
        if state is None:
            raise UnknownServiceError(request.service)
        return HealthCheckResponse(status=state)

    async def List(self, _request: Message, _call: Call) -> Any:  # noqa: ANN401 - newer than the stubs
        """The state of every name."""
        response = health_pb2.HealthListResponse()  # type: ignore[attr-defined]  # newer than the stubs
        for name, state in self._health.states.items():
            response.statuses[name].status = state
        return response

    async def Watch(
        self, request: HealthCheckRequest, _call: Call
    ) -> AsyncGenerator[HealthCheckResponse, None]:
        """The state now and on each change; SERVICE_UNKNOWN for an unknown name."""
        event, last = self._health.watch(), None
        try:
            while True:
                # Clear before reading, so that no change is missed.
                event.clear()
                state = self._health.states.get(request.service, SERVICE_UNKNOWN)
                if state != last:
                    last = state
                    yield HealthCheckResponse(status=state)
                if self._health.closed.is_set():
                    return
                await event.wait()
        finally:
            self._health.unwatch(event)
