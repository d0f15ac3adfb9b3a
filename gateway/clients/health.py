"""Client of grpc.health.v1 for one replica of a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
from grpc_health.v1 import health_pb2

from sedaclient.channels import open_channel

_FIRST_RESPONSE_SECONDS = 1.0


class HealthWatch:
    """Watches the readiness of one replica. Its channel ignores health checks, so that it reaches one that is not ready."""

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
        """Yield whether the replica is serving: now, and on each change. Ends when the watch breaks."""
        call = self._watch(health_pb2.HealthCheckRequest(service=""))
        try:
            async with asyncio.timeout(_FIRST_RESPONSE_SECONDS):
                response = await call.read()
            while isinstance(response, health_pb2.HealthCheckResponse):
                yield response.status == health_pb2.HealthCheckResponse.SERVING
                response = await call.read()
        except (grpc.aio.AioRpcError, TimeoutError):
            return
        finally:
            call.cancel()

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()
