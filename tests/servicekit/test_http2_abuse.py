"""Hostile HTTP/2 clients against a process on each transport: it lives, health answers, memory stays bounded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import psutil
import pytest

from servicekit.health import LIVE, SERVING
from tests.postgres import free_port
from tests.probe import METHODS
from tests.servicekit.probe_server import JWT_SECRET, SERVICE_SECRET, as_user
from tests.servicekit.test_health import check
from tests.support.http2_abuse import FLOODS, Abuse, End, connections, unfinished_messages
from tests.support.raw_http2 import preface

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TRANSPORTS = ("grpc", "native")
CLOSED = {
    "grpc": set[str](),
    # docs/transport.md says so.
    "native": {"rapid_reset", "continuation_flood"},
}
"""The abuses that a transport stops by closing the connection."""
_START_SECONDS = 40.0
_CHECK_SECONDS = 10.0
_MIB = 1 << 20
_GROWTH = 192 * _MIB
"""More than any abuse takes, with what the allocators keep; less than any of them could take without a bound."""
_CONNECTION = 32 << 10
"""The most that an idle connection may take."""


@dataclass
class Abused:
    """The process."""

    transport: str
    port: int
    handle: subprocess.Popen[bytes]

    @property
    def memory(self) -> int:
        """What the process holds, in bytes."""
        held: int = psutil.Process(self.handle.pid).memory_info().rss
        return held

    async def answers(self) -> bool:
        """Whether health answers somebody who comes now, and tries again as clients do.

        grpcio cancels some of the calls that come while thousands wait to be read.
        """
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with (
            asyncio.timeout(_CHECK_SECONDS),
            grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=options) as channel,
        ):
            while True:
                try:
                    return await check(channel, LIVE) == SERVING
                except grpc.aio.AioRpcError as error:
                    if error.code() is not grpc.StatusCode.CANCELLED:
                        raise


@pytest.fixture(scope="module", params=TRANSPORTS)
async def abused(request: pytest.FixtureRequest) -> AsyncIterator[Abused]:
    port = free_port()
    environ = {
        **os.environ,
        "SEDA_TRANSPORT": request.param,
        "SEDA_PORT": str(port),
        "SEDA_JWT_SECRET": JWT_SECRET.decode(),
        "SEDA_SERVICE_SECRET": SERVICE_SECRET.decode(),
        "SEDA_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "tests.servicekit.probe_process"]
    handle = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            await asyncio.wait_for(channel.channel_ready(), _START_SECONDS)
        yield Abused(request.param, port, handle)
    finally:
        handle.kill()
        handle.wait()


async def suffer(abused: Abused, abuse: Abuse) -> tuple[End, int]:
    """How an abuse ends, and by how many bytes the process has grown at most; health answers all the while."""
    before, token = abused.memory, dict(as_user())["authorization"]
    flood = asyncio.create_task(abuse(abused.port, METHODS["Ask"].path, token))
    most = before
    while not flood.done():
        assert await abused.answers()
        most = max(most, abused.memory)
    end = await flood
    assert await abused.answers()
    assert abused.handle.poll() is None
    return end, max(most, abused.memory) - before


@pytest.mark.parametrize("abuse", FLOODS, ids=lambda abuse: abuse.__name__)
async def test_a_flood_ends_without_harm(abused: Abused, abuse: Abuse) -> None:
    end, growth = await suffer(abused, abuse)
    assert growth < _GROWTH
    assert end is End.CLOSED or abuse.__name__ not in CLOSED[abused.transport]


async def test_unfinished_messages_are_what_the_native_server_keeps_in_memory(abused: Abused) -> None:
    """Therefore it is for loopback and meshes alone; a release that bounds them may change docs/transport.md."""
    _, growth = await suffer(abused, unfinished_messages)
    assert (growth > _GROWTH) == (abused.transport == "native")


@pytest.mark.parametrize(
    ("count", "said"), [(2_000, b"PRI * HT"), (10_000, preface())], ids=["half a preface", "idle"]
)
async def test_connections_that_say_nothing_more_take_little(abused: Abused, count: int, said: bytes) -> None:
    before = abused.memory
    async with connections(abused.port, count, said) as held:
        assert await abused.answers()
        assert abused.memory - before < held * _CONNECTION
    assert await abused.answers()
    assert abused.handle.poll() is None
