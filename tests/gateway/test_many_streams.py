"""Hundreds of open streams through one gateway do not slow down unary calls."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import grpc
import pytest

from gateway.app import UpstreamService
from servicekit.call import Call
from servicekit.process import App, AppContext, Process
from servicekit.settings import ServiceSettings
from tests.gateway.gateway_fixture import AS_USER, running_gateway
from tests.probe import METHODS, SERVICE, EmptyRequest, ProbeRequest
from tests.servicekit.probe_server import Probe, Users, servicers
from tests.services.running import JWT_SECRET, SERVICE_SECRET, user

pytestmark = [pytest.mark.serial, pytest.mark.timeout(120)]
STREAMS = 600
CONNECTIONS = 3
ROUNDS = 3
CALLS = 120
HIGHEST_RATIO = 1.5
# The stream limit of a connection, and the streams that get through at least: the health watch takes one.
FEW_STREAMS = 100
ANSWERED = 95
_SECONDS = 30.0
_OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


class Settings(ServiceSettings):
    process: ClassVar[str] = "probe"
    has_database: ClassVar[bool] = False


async def _for_ever(_request: Any, _call: Call) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def probe() -> AsyncIterator[str]:
    """Run the probe service in a process and yield its address."""
    secrets: dict[str, Any] = {"jwt_secret": JWT_SECRET, "service_secret": SERVICE_SECRET}
    # All streams are of one user.
    config = Settings(**secrets, max_streams_per_user=STREAMS)
    process = Process(config, lambda _: App(servicers=servicers(Probe(_for_ever)), resolver=Users()))
    await process.start()
    process.health.set_ready(ready=True)
    try:
        yield f"127.0.0.1:{process.servers.port}"
    finally:
        await process.stop(grace=0)


@dataclass
class Edge:
    """The client's connections to the gateway."""

    channels: Sequence[grpc.aio.Channel]

    async def call(self, number: int, timeout: float = _SECONDS) -> float:
        """Call an empty method on one of the connections; return its latency in seconds."""
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self.channels[
            number % CONNECTIONS
        ].unary_unary(METHODS["Empty"].path)
        began = time.perf_counter()
        await method(EmptyRequest().SerializeToString(), metadata=AS_USER, timeout=timeout)
        return time.perf_counter() - began

    async def median(self) -> float:
        """The median latency of sequential calls, in seconds."""
        return statistics.median([await self.call(number) for number in range(CALLS)])

    @asynccontextmanager
    async def streams(self, answered: int = STREAMS) -> AsyncIterator[None]:
        """Open streams of different users; `answered` of them get their first response."""
        request = ProbeRequest(number=1).SerializeToString()
        opened = []
        for number in range(STREAMS):
            method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self.channels[
                number % CONNECTIONS
            ].unary_stream(METHODS["Watch"].path)
            opened.append(method(request, metadata=user(f"listener{number}@example.org")))
        reads = [asyncio.ensure_future(stream.read()) for stream in opened]
        try:
            async with asyncio.timeout(_SECONDS):
                for first in itertools.islice(asyncio.as_completed(reads), answered):
                    assert isinstance(await first, bytes)
            yield
        finally:
            for stream in opened:
                stream.cancel()
            await asyncio.gather(*reads, return_exceptions=True)


@asynccontextmanager
async def edge() -> AsyncIterator[Edge]:
    """A gateway in front of the probe, and the client's connections to it."""
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(probe())
        gateway = await stack.enter_async_context(
            running_gateway(also=[UpstreamService("probe", [SERVICE], address)])
        )
        target = f"127.0.0.1:{gateway.process.servers.port}"
        channels = [
            await stack.enter_async_context(grpc.aio.insecure_channel(target, options=_OWN_CONNECTION))
            for _ in range(CONNECTIONS)
        ]
        made = Edge(channels)
        for number in range(CONNECTIONS):
            await made.call(number)
        yield made


@pytest.mark.slow
async def test_unary_calls_stay_fast_with_six_hundred_streams() -> None:
    async with edge() as client:
        without, beside = [], []
        for _ in range(ROUNDS):
            without.append(await client.median())
            async with client.streams():
                beside.append(await client.median())
        ratio = statistics.median(beside) / statistics.median(without)
        assert ratio < HIGHEST_RATIO, f"{ratio:.2f}: {without} without, {beside} beside the streams"


async def test_unary_calls_do_not_wait_for_stream_slots(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Settings, "max_connection_streams", FEW_STREAMS)
    async with edge() as client, client.streams(answered=ANSWERED):
        # One that waits for a slot waits to its deadline.
        assert await client.call(0, timeout=20) < 5


@pytest.mark.slow
async def test_control_unary_calls_wait_on_a_shared_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Settings, "max_connection_streams", FEW_STREAMS)
    make = AppContext.client_of

    def on_one_connection(context: AppContext[Any], *named: Any) -> Any:
        client = make(context, *named)
        client.stream_channel = client.channel
        return client

    monkeypatch.setattr(AppContext, "client_of", on_one_connection)
    async with edge() as client, client.streams(answered=ANSWERED):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await client.call(0, timeout=1)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
