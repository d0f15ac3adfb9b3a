"""Health of the four real processes: what each tells, and what becomes of it when PostgreSQL goes and comes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from gateway.rpc.service_descriptors import public_services, services_of
from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.postgres import Cluster
from ops.topology import CHAT, GATEWAY, SUITE, TRACKS, USERS, ProcessSpec
from tests.postgres import new_cluster, new_folder
from tests.support.transports import NATIVE, with_reflection
from tests.system.support.calls import OK, UNAVAILABLE, WITHOUT_DATABASE, Callers, is_documented
from tests.system.support.health import becomes, open_health
from tests.system.support.processes import RealProcess, real_suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SECONDS = 10.0
"""Within so many seconds health tells that PostgreSQL has gone or come."""
_DATABASE = "seda"
_SLICES = ("users", "chat", "tracks")
NAMES = {each: {service.full_name for service in services_of(each)} for each in _SLICES}
NAMES["gateway"] = {
    service.full_name for each in (*_SLICES, "gateway") for service in public_services(services_of(each))
}
BEHIND = (USERS, CHAT, TRACKS)


@dataclass
class World:
    """The four processes and a PostgreSQL of their own."""

    cluster: Cluster
    processes: dict[str, RealProcess]

    def addresses(self, *chosen: ProcessSpec) -> list[str]:
        """Both ports of each process."""
        found = [self.processes[each.name] for each in chosen]
        return [address for each in found for address in (each.address, each.admin_address)]


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = new_folder()
    # The data must outlive a stop and a crash, so the removal is ours.
    cluster = new_cluster(folder, keep=True)
    try:
        cluster.ensure()
        cluster.start()
        connection = await asyncpg.connect(cluster.dsn())
        await connection.execute(f"CREATE DATABASE {_DATABASE}")
        await connection.close()
        dsn = cluster.dsn(_DATABASE)
        await init_database(dsn)
        await deploy(dsn)
        with real_suite(tmp_path_factory.mktemp("health"), {"DATABASE_URL": dsn}) as suite:
            processes = {each.name: suite.add(each) for each in SUITE}
            await asyncio.gather(*(each.serving() for each in processes.values()))
            yield World(cluster, processes)
    finally:
        cluster.stop(immediately=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("process", [each.name for each in SUITE])
async def test_every_name_on_both_ports_by_check_list_and_watch(world: World, process: str) -> None:
    running = world.processes[process]
    for address in (running.address, running.admin_address):
        async with open_health(address) as health:
            names = {"", "live", *NAMES[process]}
            assert await health.states() == dict.fromkeys(names, "SERVING")
            reflects = address == with_reflection(running.address, running.admin_address) or not NATIVE
            for version in ("v1", "v1alpha") if reflects else ():
                listed = await health.reflected(version)
                assert {name for name in listed if name.startswith("seda.")} == NAMES[process]
            assert {await health.check(name) for name in names} == {"SERVING"}
            assert {await health.first_watched(name) for name in names} == {"SERVING"}


@pytest.mark.parametrize("process", [each.name for each in SUITE])
async def test_unknown_names(world: World, process: str) -> None:
    running = world.processes[process]
    others = {"users": "seda.gateway.v1.GatewayService", "gateway": "seda.users.internal.v1.IdentityService"}
    for address in (running.address, running.admin_address):
        async with open_health(address) as health:
            for name in ("nobody", "LIVE", others.get(process, "seda.users.v1.UserService")):
                assert await health.check(name) == "NOT_FOUND"
                assert await health.first_watched(name) == "SERVICE_UNKNOWN"


@asynccontextmanager
async def all_become(addresses: list[str], state: str, *names: str) -> AsyncIterator[None]:
    """After the block every name at every address has this state, told by a watch that began before it."""
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        watched = []
        for address in addresses:
            health = await stack.enter_async_context(open_health(address))
            watched += [
                (address, name, group.create_task(becomes(health, state, name, within=SECONDS * 3)))
                for name in names
            ]
        yield
        began = time.monotonic()
        late = [(address, name) for address, name, task in watched if not await task]
        seconds = time.monotonic() - began
        assert not late, f"not {state}: {late}"
        assert seconds < SECONDS, f"{state} only after {seconds:.1f} s"


async def stop_in_order(cluster: Cluster) -> None:
    await asyncio.to_thread(cluster.stop)


async def crash(cluster: Cluster) -> None:
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGKILL)
    await asyncio.to_thread(cluster.wait)
    cluster.stop()


@pytest.mark.parametrize("go", [stop_in_order, crash])
async def test_postgresql_goes_and_comes(world: World, go: Callable[[Cluster], Awaitable[None]]) -> None:
    pids = {name: each.pid for name, each in world.processes.items()}
    behind, all_four = world.addresses(*BEHIND), world.addresses(*SUITE)
    at_gateway = world.addresses(GATEWAY)
    # Whatever the test before this one ended in.
    await asyncio.to_thread(world.cluster.start)
    names_behind = NAMES["gateway"] - {"seda.gateway.v1.GatewayService"}
    async with Callers({name: each.address for name, each in world.processes.items()}) as callers:
        before = await callers.round()
        assert before == dict.fromkeys(before, OK)
        async with callers.calling_all_the_time() as seen:
            async with (
                all_become(behind, "NOT_SERVING", ""),
                all_become(at_gateway, "NOT_SERVING", *names_behind),
            ):
                await go(world.cluster)
            for address in all_four:
                async with open_health(address) as health:
                    states = await health.states()
                its_own = {"live"}
                if address in at_gateway:
                    its_own |= {"", "seda.gateway.v1.GatewayService"}
                assert {states.pop(name) for name in its_own} == {"SERVING"}
                assert set(states.values()) == {"NOT_SERVING"}
            while_away = await callers.round()
            async with (
                all_become(behind, "SERVING", ""),
                all_become(at_gateway, "SERVING", *names_behind),
            ):
                await asyncio.to_thread(world.cluster.start)
        assert await callers.round() == dict.fromkeys(before, OK)
    assert {name: each.pid for name, each in world.processes.items() if each.running} == pids
    away = {name: answer for name, answer in while_away.items() if name not in WITHOUT_DATABASE}
    assert set(away.values()) <= UNAVAILABLE, away
    assert {while_away[name] for name in WITHOUT_DATABASE} == {OK}
    assert not [each for each in seen if not is_documented(*each)]
