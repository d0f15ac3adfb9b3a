"""The health of the targets, watched, for as long as the process runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from console.targets import Target
from ops.probe import UNREACHABLE

_RETRY_SECONDS = 0.5
# A server without the health service can only be reached or not.
REACHABLE = "REACHABLE"


class HealthWatch:
    """The state of each target by its name; `on_change` is called after each change."""

    def __init__(self, targets: Mapping[str, Target], on_change: Callable[[], None]) -> None:
        self.states = dict.fromkeys(targets, UNREACHABLE)
        self._targets = targets
        self._on_change = on_change

    async def run(self) -> None:
        """Watch all until cancelled."""
        await asyncio.gather(*(self._watch(name, target) for name, target in self._targets.items()))

    async def _watch(self, name: str, target: Target) -> None:
        channel: Any = target.channel
        watch = channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        while True:
            try:
                async for response in watch(HealthCheckRequest()):
                    self._set(name, HealthCheckResponse.ServingStatus.Name(response.status))
                # It ends when the server does.
                self._set(name, UNREACHABLE)
            except grpc.aio.AioRpcError as error:
                missing = error.code() is grpc.StatusCode.UNIMPLEMENTED
                self._set(name, REACHABLE if missing else UNREACHABLE)
            await asyncio.sleep(_RETRY_SECONDS)

    def _set(self, name: str, state: str) -> None:
        if self.states[name] != state:
            self.states[name] = state
            self._on_change()
