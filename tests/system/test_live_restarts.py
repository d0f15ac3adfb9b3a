"""Watch while processes and PostgreSQL die and return: what watchers know at the end is what the service says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import asyncpg
import grpc
import pytest

from ops.topology import CHAT, GATEWAY, TRACKS, USERS
from seda.chat.v1 import live_service_pb2 as pb
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from tests.postgres import Database, Server, administrator
from tests.services.chat.chat_client import ChatClient
from tests.services.chat.live.audience import Audience
from tests.services.chat.live.traffic import Traffic
from tests.support.standby import NAME, own_primary
from tests.system.support.processes import SECOND_CHAT, RealProcess, RealSuite, real_suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
_ENVIRON = {
    "SEDA_WATCH_MAX_AGE_SECONDS": "20",
    "SEDA_WATCH_HEARTBEAT_SECONDS": "0.3",
    "SEDA_MAX_STREAMS_PER_USER": "1000",
    **{
        f"SEDA_{kind}_{limit}": "1000000"
        for kind in ("REACTION", "INVITATION", "ROOM_WRITE", "WATCH")
        for limit in ("RATE_PER_SECOND", "BURST")
    },
}
# A process that returns is found at once.
_CHANNEL = [
    (f"grpc.{name}_reconnect_backoff_ms", milliseconds)
    for name, milliseconds in (("initial", 50), ("min", 50), ("max", 200))
]
_CHANGES = 80
"""How many changes lie between two deaths, and after the last."""


class _Chat:
    """A channel to a process, in the place of a running service."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.aio.insecure_channel(
            address, options=[*_CHANNEL, ("grpc.use_local_subchannel_pool", 1)]
        )


class Stage:
    """Users, tracks, two processes of chat and a gateway; writers and an audience."""

    def __init__(self, processes: list[RealProcess], audience: Audience) -> None:
        self.users, self.tracks, *self.chats, self.gateway = processes
        self.audience = audience
        self.traffic = audience.traffic

    async def more(self) -> None:
        """Wait for some more changes."""
        await self.traffic.until(await self.traffic.changes() + _CHANGES)


@contextlib.asynccontextmanager
async def stage(suite: RealSuite, admin: asyncpg.Connection) -> AsyncIterator[Stage]:
    users, tracks, *chats = [suite.add(each, **_ENVIRON) for each in (USERS, TRACKS, CHAT, SECOND_CHAT)]
    target = ",".join(each.address for each in chats)
    gateway = suite.add(GATEWAY, **_ENVIRON, SEDA_CHAT_TARGET=target)
    await asyncio.gather(*(each.serving() for each in (users, tracks, *chats)))
    channels = [_Chat(each.address) for each in (*chats, gateway)]
    try:
        clients = [ChatClient(cast("Any", each), admin) for each in channels[:2]]
        traffic = Traffic(clients, rooms=4, writers=6)
        await traffic.prepare()
        audience = Audience(traffic, [each.channel for each in channels], LiveServiceStub)
        await audience.seat(16, 3)
        async with audience.watching():
            yield Stage([users, tracks, *chats, gateway], audience)
            assert await audience.agree(40, again=True) >= 16
        await audience.saw_only_what_they_may()
    finally:
        for each in channels:
            await each.channel.close()


def _resets(audience: Audience) -> int:
    return sum(room.reset for each in audience.spectators for room in each.rooms.values())


@contextlib.contextmanager
def _suite(folder: Path, environ: Mapping[str, str]) -> Iterator[RealSuite]:
    with real_suite(folder, environ) as suite:
        yield suite


async def test_watchers_miss_nothing_when_processes_are_killed(
    tmp_path: Path, fresh_database: Database
) -> None:
    with _suite(tmp_path, fresh_database.environ) as suite:
        async with (
            administrator(fresh_database.server, fresh_database.name) as admin,
            stage(suite, admin) as scene,
            scene.traffic.running(),
        ):
            for victim in (*scene.chats, scene.gateway, scene.users, scene.tracks):
                await scene.more()
                victim.kill()
                await scene.more()
                victim.launch()
                if victim is not scene.gateway:
                    await victim.serving()
            await scene.more()
        ends = [error for each in scene.audience.spectators for error in each.errors]
        assert ends.count(grpc.StatusCode.UNAVAILABLE) >= 3
        assert _resets(scene.audience) == 0


async def test_watchers_miss_nothing_during_a_rolling_restart(
    tmp_path: Path, fresh_database: Database
) -> None:
    with _suite(tmp_path, fresh_database.environ) as suite:
        async with (
            administrator(fresh_database.server, fresh_database.name) as admin,
            stage(suite, admin) as scene,
            scene.traffic.running(),
        ):
            for leaving in (*scene.chats, scene.gateway):
                await scene.more()
                leaving.terminate()
                assert await leaving.ended() == 0
                leaving.launch()
                if leaving is not scene.gateway:
                    await leaving.serving()
            await scene.more()
        closings = [reason for each in scene.audience.spectators for reason in each.closings]
        assert closings.count(pb.CLOSING_REASON_SHUTDOWN) >= 3
        assert _resets(scene.audience) == 0


async def test_watchers_miss_nothing_when_postgresql_restarts(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as admins, contextlib.AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(own_primary())
        database = Database(Server.of(cluster), NAME)
        suite = stack.enter_context(_suite(tmp_path, database.environ))
        admin = await stack.enter_async_context(administrator(database.server, NAME))
        scene = await stack.enter_async_context(stage(suite, admin))
        async with scene.traffic.running():
            for immediately in (False, True):
                await scene.more()
                await asyncio.to_thread(cluster.stop, immediately=immediately)
                await asyncio.to_thread(cluster.start)
                scene.traffic.use(await admins.enter_async_context(administrator(database.server, NAME)))
                await scene.more()
        audience = scene.audience
        assert await audience.agree(40, again=True) >= 16
        # It is the same copy of the database.
        assert _resets(audience) == 0
