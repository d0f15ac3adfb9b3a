"""A service's health, as the service itself tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
from grpc_health.v1 import health_pb2

from servicekit.channels import open_channel

_FIRST_RESPONSE_SECONDS = 1.0


class HealthWatch:
    """One replica's readiness. Its channel also carries calls to one that is not ready, to hear that it isn't."""

    def __init__(self, address: str, tls: grpc.ChannelCredentials | None = None) -> None:
        self._channel = open_channel(address, healthy_only=False, tls=tls)
        self._watch: grpc.aio.UnaryStreamMultiCallable[
            health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
        ] = self._channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )

    async def serving(self) -> AsyncIterator[bool]:
        """Whether it takes calls: now, and on each change. Ends when there is no hearing it any more."""
        call = self._watch(health_pb2.HealthCheckRequest(service=""))
        try:
            async with asyncio.timeout(_FIRST_RESPONSE_SECONDS):
                answer = await call.read()
            while isinstance(answer, health_pb2.HealthCheckResponse):
                yield answer.status == health_pb2.HealthCheckResponse.SERVING
                answer = await call.read()
        except (grpc.aio.AioRpcError, TimeoutError):
            return
        finally:
            call.cancel()

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
