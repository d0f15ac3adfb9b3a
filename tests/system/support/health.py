"""grpc.health.v1 and reflection as a caller sees them, on one address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

CALL_SECONDS = 10.0
_RETRY_SECONDS = 0.05
_STATES = health_pb2.HealthCheckResponse.ServingStatus
# A server that has just been started is found at once, not after a back-off.
_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 100),
)


@dataclass(frozen=True, slots=True)
class Health:
    """The calls, by their paths: the published types of the package know neither List nor its messages."""

    channel: grpc.aio.Channel

    async def check(self, name: str = "") -> str:
        """The state of a name, or the code with which the call failed."""
        call: Any = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            answer = await call(health_pb2.HealthCheckRequest(service=name), timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return _STATES.Name(answer.status)

    async def states(self) -> dict[str, str]:
        """The state of every name, by List."""
        messages: Any = health_pb2
        call = self.channel.unary_unary(
            "/grpc.health.v1.Health/List",
            request_serializer=messages.HealthListRequest.SerializeToString,
            response_deserializer=messages.HealthListResponse.FromString,
        )
        answer = await call(messages.HealthListRequest(), timeout=CALL_SECONDS)
        return {name: _STATES.Name(each.status) for name, each in answer.statuses.items()}

    async def watch(self, name: str = "") -> AsyncIterator[str]:
        """The states of a name as they come, without an end."""
        call: Any = self.channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        stream = call(health_pb2.HealthCheckRequest(service=name))
        try:
            async for answer in stream:
                yield _STATES.Name(answer.status)
        finally:
            stream.cancel()

    async def first_watched(self, name: str) -> str:
        """What Watch says first."""
        async with asyncio.timeout(CALL_SECONDS):
            async for state in self.watch(name):
                return state
        raise AssertionError("the watch ended without a word")

    async def reflected(self, version: str = "v1") -> set[str]:
        """The services that reflection lists; both versions have the same wire format."""
        call: Any = self.channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        async for answer in call(iter([request]), timeout=CALL_SECONDS):
            return {each.name for each in answer.list_services_response.service}
        raise AssertionError("reflection ended without a word")


@asynccontextmanager
async def open_health(address: str) -> AsyncIterator[Health]:
    """Connect to a process."""
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        yield Health(channel)


async def becomes(
    health: Health,
    state: str,
    name: str = "",
    *,
    within: float,
    while_true: Callable[[], bool] = lambda: True,
) -> bool:
    """Whether Watch tells of a state within so many seconds.

    A process that is not there yet may still come, as long as `while_true` holds.
    """
    try:
        async with asyncio.timeout(within):
            while while_true():
                try:
                    async for seen in health.watch(name):
                        if seen == state:
                            return True
                except grpc.aio.AioRpcError:
                    # Nobody tells when a process begins to listen.
                    await asyncio.sleep(_RETRY_SECONDS)
    except TimeoutError:
        pass
    return False
