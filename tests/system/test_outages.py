"""Each service is killed in turn under load: what does not need it goes on, and all is whole soon after its return."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from ops.database.admin import grant
from ops.topology import CHAT, GATEWAY, SUITE, TRACKS, USERS, ProcessSpec
from seda.chat.v1.room_service_pb2 import GetRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from seda.gateway.v1.gateway_service_pb2 import GetSystemStatusRequest, ServiceState
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from sedaclient.channels import open_channel
from servicekit.errors import Code
from servicekit.ids import new_id
from servicekit.rpc_status import UpstreamError, from_rpc_error
from tests.postgres import Database
from tests.probe import METHODS, ProbeRequest
from tests.services.running import user
from tests.system.support.calls import OK, Callers, End
from tests.system.support.processes import RealProcess, real_suite

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(240)]
PROBE = ProcessSpec("probe", "tests.system.support.roles_probe", 6)
WHOLE_SECONDS = 3.0
"""Within so many seconds of a service's return nothing is left of its absence."""
FIRST_WAIT_SECONDS = 2.0
LATER_WAIT_SECONDS = 0.5
"""What a known caller waits at most, once and then, while users hangs; a question to users lasts 3 s."""
_TTL = 1.0
_SECONDS = 8.0
_PAUSE_SECONDS = 0.05
_STRANGER = "stranger@example.org"
_ADMIN = "admin@example.org"
_OF = {
    "GetUser": "users",
    "UpdateUser": "users",
    "GetRoom": "chat",
    "ListMessages": "chat",
    "SendMessage": "chat",
    "ParseTrackUrl": "tracks",
    "ResolveTrack": "tracks",
}
_COMPOSED = {"PostMessage": {"chat", "tracks"}, "GetRoomPage": {"chat"}, "GetSystemStatus": set[str]()}


def needs(name: str) -> set[str]:
    """The services without which a call can't be answered; of a call's caller they know from before."""
    where, _, method = name.partition(" ")
    return {where} | (_COMPOSED[method] if method in _COMPOSED else {_OF[method]})


@dataclass
class World:
    """The suite, its callers, and the probe with an administrator whom it knows."""

    processes: dict[str, RealProcess]
    callers: Callers
    channels: dict[str, grpc.aio.Channel]

    async def probed(self, method: str, email: str) -> UpstreamError | None:
        """Call a method of the probe; return the error in which it ended."""
        invoke: Any = self.channels["probe"].unary_unary(METHODS[method].path)
        return await self._ended(invoke, ProbeRequest().SerializeToString(), email)

    async def as_stranger(self) -> UpstreamError | None:
        """Call chat as somebody whom it has never seen."""
        get_room: Any = RoomServiceStub(self.channels["chat"]).GetRoom
        return await self._ended(get_room, GetRoomRequest(room_id=str(new_id())), _STRANGER)

    async def slowest_of_chat(self) -> float:
        """Make each of chat's own calls as somebody whom it knows; return the seconds of the slowest."""
        began = time.monotonic()
        ends = await self.callers.round(lambda name: name.startswith("chat "))
        assert set(ends.values()) == {OK}
        return time.monotonic() - began

    async def is_whole(self) -> bool:
        """Whether every call goes well, and the gateway says the same of every service."""
        ends = await self.callers.round()
        try:
            status = await GatewayServiceStub(self.channels["gateway"]).GetSystemStatus(
                GetSystemStatusRequest(), metadata=user(_ADMIN), timeout=_SECONDS
            )
        except grpc.aio.AioRpcError:
            return False
        serving = all(each.state == ServiceState.SERVICE_STATE_SERVING for each in status.services)
        roles = [await self.probed(method, _ADMIN) for method in ("Ask", "Moderate", "Administer")]
        return serving and set(ends.values()) == {OK} and not any(roles)

    async def until_whole(self) -> float:
        """Wait until all is whole and return the seconds that it took."""
        began = time.monotonic()
        async with asyncio.timeout(10 * WHOLE_SECONDS):
            while not await self.is_whole():
                # Channels find a server again by trying.
                await asyncio.sleep(_PAUSE_SECONDS)
        return time.monotonic() - began

    @staticmethod
    async def _ended(method: Any, request: Any, email: str) -> UpstreamError | None:
        try:
            await method(request, metadata=user(email), timeout=_SECONDS)
        except grpc.aio.AioRpcError as error:
            told = from_rpc_error(error)
            if told is None:
                raise
            return told
        return None


@asynccontextmanager
async def whole_suite(folder: Path, database: Database, **variants: str) -> AsyncIterator[World]:
    """The suite once all is well; `variants` are modules to run in place of a process's own."""
    await grant(database.admin_dsn, _ADMIN, "ADMIN", environment="development")
    with real_suite(folder, database.environ) as suite:
        ttl = {"SEDA_CALLER_TTL_SECONDS": str(_TTL)}
        processes = {each.name: suite.add(each, variants.get(each.name), **ttl) for each in (*SUITE, PROBE)}
        await asyncio.gather(*(each.serving() for each in processes.values()))
        channels = {name: open_channel(each.address) for name, each in processes.items()}
        addresses = {each.name: processes[each.name].address for each in SUITE}
        async with Callers(addresses, open_channel) as callers:
            made = World(processes, callers, channels)
            await made.until_whole()
            yield made
        for channel in channels.values():
            await channel.close()


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, database: Database) -> AsyncIterator[World]:
    async with whole_suite(tmp_path_factory.mktemp("outages"), database) as made:
        yield made


@pytest.mark.parametrize("victim", [each.name for each in (USERS, CHAT, TRACKS, GATEWAY)])
async def test_a_service_is_killed_and_comes_back(world: World, victim: str) -> None:
    assert await faults_of_an_outage(world, victim) == []


@pytest.mark.slow
async def test_the_control_that_forgets_callers_and_trusts_old_roles_is_caught(
    tmp_path: Path, database: Database
) -> None:
    support = "tests.system.support"
    variants = {"chat": f"{support}.forgetful_chat", "probe": f"{support}.trusting_probe"}
    async with whole_suite(tmp_path, database, **variants) as broken:
        faults = await faults_of_an_outage(broken, "users")
    told = "\n".join(faults)
    assert "a known caller is refused: chat GetRoom" in told
    assert "Moderate as administrator: OK" in told
    assert "Administer as administrator: OK" in told


async def test_users_hangs_and_goes_on(world: World) -> None:
    """Nothing tells that it hangs but that it doesn't answer: that costs a caller one short wait, not each call."""
    hung = world.processes["users"]
    # Time has to pass: until now everybody is fresh.
    await asyncio.sleep(_TTL * 1.5)
    os.kill(hung.pid, signal.SIGSTOP)
    try:
        seconds = [await world.slowest_of_chat() for _ in range(5)]
    finally:
        os.kill(hung.pid, signal.SIGCONT)
    assert await world.until_whole() < WHOLE_SECONDS
    assert seconds[0] < FIRST_WAIT_SECONDS
    assert sorted(seconds)[2] < LATER_WAIT_SECONDS, seconds


async def faults_of_an_outage(world: World, victim: str) -> list[str]:
    """Kill a service under load and start it again; return what was not as it has to be."""
    killed, faults = world.processes[victim], []
    async with world.callers.calling_all_the_time() as seen:
        killed.kill()
        while_away = await world.callers.round()
        if victim == "users":
            faults += await faults_while_users_is_away(world)
        killed.launch()
        await killed.serving()
        seconds = await world.until_whole()
    if seconds >= WHOLE_SECONDS:
        faults.append(f"whole again only after {seconds:.1f} s")
    for name, end in while_away.items():
        if victim not in needs(name):
            expected = end == OK
        elif name.startswith("gateway") and victim != "gateway":
            expected = end == End("UNAVAILABLE", "SERVICE_UNAVAILABLE")
        else:
            expected = end.code == "UNAVAILABLE"
        if not expected:
            faults.append(f"while it was away {name} ended in {end}")
    hit = {name: end for name, end in seen if end != OK and victim not in needs(name)}
    return [*faults, *(f"{name}, which does not need it, ended in {end}" for name, end in hit.items())]


async def faults_while_users_is_away(world: World) -> list[str]:
    """Who is known goes on reading and writing; what needs to know more of a caller says that it can't be known."""
    # Time has to pass: until now everybody was fresh.
    await asyncio.sleep(_TTL * 1.5)
    known = await world.callers.round()
    faults = [
        f"a known caller is refused: {name} ended in {end}"
        for name, end in known.items()
        if "users" not in needs(name) and end != OK
    ]
    if (error := await world.probed("Ask", _ADMIN)) is not None:
        faults.append(f"a known caller is refused: {error}")
    refused = {
        "Moderate as administrator": await world.probed("Moderate", _ADMIN),
        "Administer as administrator": await world.probed("Administer", _ADMIN),
        "Ask as a stranger": await world.probed("Ask", _STRANGER),
        "chat as a stranger": await world.as_stranger(),
    }
    return faults + [f"{name}: {error or 'OK'}" for name, error in refused.items() if not says_later(error)]


def says_later(error: UpstreamError | None) -> bool:
    """Whether a call ended as it has to when users would have to be asked."""
    return (
        error is not None
        and (error.code, error.reason) == (Code.UNAVAILABLE, "SERVICE_UNAVAILABLE")
        and error.metadata == {"service": "users"}
        and (error.retry_after or 0) > 0
    )
