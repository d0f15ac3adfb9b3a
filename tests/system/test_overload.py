"""More calls than a process can serve: those it serves are as many as ever, and the rest is told at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from ops.topology import CHAT
from tests.postgres import Database
from tests.probe import ProbeRequest, ProbeResponse
from tests.services.running import user
from tests.system.support.processes import RealProcess, real_suite

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(180)]

ASK = "/probe.v1.ProbeService/Ask"
CHECK = "/grpc.health.v1.Health/Check"
DEADLINE = 0.4
SECONDS = 3.0
LIMITS = {"SEDA_MAX_CALLS": "64", "SEDA_MAX_QUEUED_CALLS": "64"}
NO_LIMITS = {"SEDA_MAX_CALLS": "100000", "SLOW_PROBE_UNLIMITED": "1"}


class Client:
    """Calls the slow probe as many users do: none waits for another."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._ask = channel.unary_unary(
            ASK,
            request_serializer=ProbeRequest.SerializeToString,
            response_deserializer=ProbeResponse.FromString,
        )
        self._check = channel.unary_unary(
            CHECK,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        self._metadata = user("listener@example.org")

    async def ask(self, deadline: float = DEADLINE) -> grpc.StatusCode:
        """One call; returns what it ended in."""
        try:
            await self._ask(ProbeRequest(text="x"), metadata=self._metadata, timeout=deadline)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    async def capacity(self) -> float:
        """Calls a second that are served when a few callers wait for each other."""
        until = time.monotonic() + 2
        served = 0

        async def caller() -> None:
            nonlocal served
            while time.monotonic() < until:
                assert await self.ask(10) is grpc.StatusCode.OK
                served += 1

        await asyncio.gather(*(caller() for _ in range(8)))
        return served / 2

    async def goodput(self, rate: float, seconds: float = SECONDS) -> float:
        """Calls a second that end well of `rate` a second that are begun."""
        begun: list[asyncio.Task[grpc.StatusCode]] = []
        start = time.monotonic()
        while (now := time.monotonic() - start) < seconds:
            while len(begun) < now * rate:
                begun.append(asyncio.create_task(self.ask()))
            # An open loop: calls begin by the clock, whatever became of the others.
            await asyncio.sleep(0.005)
        codes = Counter(await asyncio.gather(*begun))
        return codes[grpc.StatusCode.OK] / seconds

    @asynccontextmanager
    async def health(self) -> AsyncIterator[list[float]]:
        """Ask after health all the time; gives the seconds that each answer took."""
        took: list[float] = []

        async def ask() -> None:
            while True:
                started = time.monotonic()
                answer = await self._check(health_pb2.HealthCheckRequest(), timeout=5)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
                took.append(time.monotonic() - started)
                await asyncio.sleep(0.05)  # a prober's pace

        asking = asyncio.create_task(ask())
        try:
            yield took
            assert not asking.done() or asking.exception() is None
        finally:
            asking.cancel()
            await asyncio.wait([asking])


async def test_overload_costs_the_late_calls_and_not_the_others(database: Database, tmp_path: Path) -> None:
    async with probe(database, tmp_path, LIMITS) as client:
        capacity = await client.capacity()
        async with client.health() as health:
            goodputs = {times: await client.goodput(capacity * times) for times in (1, 2, 5)}
        assert goodputs[5] >= 0.9 * max(goodputs.values()), (capacity, goodputs)
        assert len(health) >= 60
        await _normal_again(client, capacity)


async def test_overload_without_limits_is_caught(database: Database, tmp_path: Path) -> None:
    """The control: everybody waits, and nobody gets an answer in time."""
    async with probe(database, tmp_path, NO_LIMITS) as client:
        capacity = await client.capacity()
        goodputs = {times: await client.goodput(capacity * times) for times in (1, 5)}
        assert goodputs[5] < 0.6 * max(goodputs.values()), (capacity, goodputs)


async def _normal_again(client: Client, capacity: float) -> None:
    """Within two seconds after an overload nearly every call of a usual load ends well."""
    end = time.monotonic() + 2
    usual = capacity / 2
    while (served := await client.goodput(usual, 0.5)) < usual * 0.9:
        assert time.monotonic() < end, (usual, served)


@asynccontextmanager
async def probe(database: Database, folder: Path, environ: dict[str, str]) -> AsyncIterator[Client]:
    """The slow probe in a process of its own."""
    with real_suite(folder, database.environ) as suite:
        process: RealProcess = suite.add(CHAT, "tests.system.support.slow_probe", **environ)
        await process.serving()
        async with grpc.aio.insecure_channel(process.address) as channel:
            yield Client(channel)
