"""A standby that is promoted while it lags: rooms go back, and every watcher loads them again."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import asyncpg
import pytest

from ops.postgres import Cluster
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from tests.postgres import Database, Server, administrator
from tests.services.chat.chat_client import ChatClient
from tests.services.chat.conftest import neighbours_on
from tests.services.chat.live.audience import Audience
from tests.services.chat.live.traffic import Traffic
from tests.services.running import running
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.standby import NAME, own_primary, standby_of

_OPTIONS = {"watch_max_age_seconds": 5, "watch_heartbeat_seconds": 0.3, "max_streams_per_user": 100}


@contextlib.asynccontextmanager
async def theatre(primary: Cluster, proxy: FaultProxy, admin: asyncpg.Connection) -> AsyncIterator[Audience]:
    """Two processes of chat that come to the database through the proxy, writers and an audience."""
    database = Database(dataclasses.replace(Server.of(primary), port=proxy.port), NAME)
    async with (
        neighbours_on(database) as neighbours,
        running(ChatSettings, build_chat, database, **neighbours, **_OPTIONS) as one,
        running(ChatSettings, build_chat, database, **neighbours, **_OPTIONS) as other,
    ):
        traffic = Traffic([ChatClient(each, admin) for each in (one, other)], rooms=4, writers=6)
        await traffic.prepare()
        audience = Audience(traffic, [one.channel, other.channel], LiveServiceStub)
        await audience.seat(12, 3)
        yield audience


async def _lag(primary: asyncpg.Connection, standby: asyncpg.Connection) -> None:
    """Let the standby have everything of now, and nothing later."""
    wanted = await primary.fetchval("SELECT pg_current_wal_lsn()")
    async with asyncio.timeout(30):
        while await standby.fetchval("SELECT pg_last_wal_replay_lsn() < $1", wanted):
            # It tells nobody.
            await asyncio.sleep(0.05)
        await standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
        await standby.execute("SELECT pg_reload_conf()")
        while await standby.fetchval("SELECT count(*) FROM pg_stat_wal_receiver"):
            # As above.
            await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_watchers_load_rooms_again_after_a_failover() -> None:
    async with contextlib.AsyncExitStack() as stack:
        primary = await stack.enter_async_context(own_primary())
        standby = await asyncio.to_thread(stack.enter_context, standby_of(primary))
        admin = await stack.enter_async_context(administrator(Server.of(primary), NAME))
        copy = await stack.enter_async_context(administrator(Server.of(standby), NAME))
        proxy = await stack.enter_async_context(fault_proxy(f"127.0.0.1:{primary.port}"))
        audience = await stack.enter_async_context(theatre(primary, proxy, admin))
        traffic = audience.traffic
        async with audience.watching():
            async with traffic.running():
                await traffic.until(250)
            await _lag(admin, copy)
            kept = await traffic.changes()
            async with traffic.running():
                await traffic.until(kept + 100)
            await audience.agree(20, again=True)
            former = {each.epoch for each in audience.spectators}
            assert await copy.fetchval("SELECT pg_promote()")
            # The former primary goes on, as one that is cut off does.
            proxy.lead_to(standby.port)
            proxy.reset()
            traffic.use(copy)
            assert await traffic.changes() < kept + 100
            async with traffic.running():
                await traffic.until(kept + 200)
            assert await audience.agree(30, again=True) >= 12
        assert len(former) == 1
        assert former.isdisjoint(each.epoch for each in audience.spectators)
        assert sum(room.reset for each in audience.spectators for room in each.rooms.values()) > 0
