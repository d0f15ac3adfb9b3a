"""Health checks over grpc.health.v1."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc.aio
from grpc_health.v1 import health_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SERVING = "SERVING"
NOT_SERVING = "NOT_SERVING"
UNREACHABLE = "UNREACHABLE"
READINESS = ""
LIVENESS = "live"

# A new connection each time is wanted: a cached one would wait out its back-off after a failure.
_OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """The status of one service of the process at `address`. `milliseconds` is the duration of the check."""

    process: str
    address: str
    service: str
    status: str
    milliseconds: float

    @property
    def serving(self) -> bool:
        """Whether it takes calls."""
        return self.status == SERVING


async def check(address: str, service: str = READINESS, timeout: float = 1.0) -> str:
    """Return SERVING, NOT_SERVING, or UNREACHABLE when no usable answer comes within `timeout` seconds."""
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        return await _check(channel, service, timeout)


async def is_listening(address: str) -> bool:
    """Return whether a server takes connections at `address`; far cheaper than `check`."""
    host, _, port = address.rpartition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


async def list_statuses(process: str, address: str, timeout: float = 2.0) -> list[HealthStatus]:
    """Return one status per service of the process at `address`, or a single one if it is unreachable."""
    async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
        try:
            names: Sequence[str] = sorted({READINESS, LIVENESS, *await _listed(channel, timeout)})
        except grpc.aio.AioRpcError as error:
            # The stock health service has no List.
            names = [READINESS] if error.code() is grpc.StatusCode.UNIMPLEMENTED else []
        if not names:
            return [HealthStatus(process, address, READINESS, UNREACHABLE, 0.0)]
        return list(
            await asyncio.gather(*(_report(channel, process, address, name, timeout) for name in names))
        )


async def _report(
    channel: grpc.aio.Channel, process: str, address: str, service: str, timeout: float
) -> HealthStatus:
    loop = asyncio.get_running_loop()
    began = loop.time()
    status = await _check(channel, service, timeout)
    return HealthStatus(process, address, service, status, round((loop.time() - began) * 1000, 1))


# By path: the type stubs of the health package lack List and the stub's methods.


async def _listed(channel: grpc.aio.Channel, timeout: float) -> Iterable[str]:
    call = channel.unary_unary(
        "/grpc.health.v1.Health/List",
        request_serializer=health_pb2.HealthListRequest.SerializeToString,  # type: ignore[attr-defined] # see above
        response_deserializer=health_pb2.HealthListResponse.FromString,  # type: ignore[attr-defined] # see above
    )
    response = await call(health_pb2.HealthListRequest(), timeout=timeout)  # type: ignore[attr-defined] # see above
    return list(response.statuses)


async def _check(channel: grpc.aio.Channel, service: str, timeout: float) -> str:
    call = channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    try:
        response = await call(health_pb2.HealthCheckRequest(service=service), timeout=timeout)
    except grpc.aio.AioRpcError:
        return UNREACHABLE
    return SERVING if response.status == health_pb2.HealthCheckResponse.SERVING else NOT_SERVING
