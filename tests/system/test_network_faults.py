"""Half-open connections, delay, resets and a narrow link, on each hop: nothing outlives its deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from seda.chat.v1.message_service_pb2 import ListMessagesRequest, SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest, GetRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from servicekit.process import Process
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.gateway.gateway_fixture import settings, start_gateway
from tests.postgres import Database, free_port
from tests.services.running import running, user
from tests.support.fault_proxy import Fault, FaultProxy, fault_proxy

pytestmark = pytest.mark.slow
DEADLINE_SECONDS = 1.0
# What a busy machine takes to notice.
GRACE_SECONDS = 0.7
# Connections are opened again with a back-off of two seconds at most, and readiness returns within two looks.
RECOVERY_SECONDS = 15.0
_CALLS = 24
_METADATA = user("ada@example.org")
_TEXT = "x" * 2_000


@dataclass
class World:
    """The suite with a proxy on each hop."""

    proxies: dict[str, FaultProxy]
    channel: grpc.aio.Channel
    chat: Process
    room_id: str = ""

    def begin(self, deadline: float | None, count: int = _CALLS) -> list[asyncio.Task[tuple[str, float]]]:
        """Begin calls of several kinds; each gives its code and its seconds."""
        messages, rooms = MessageServiceStub(self.channel), RoomServiceStub(self.channel)
        kinds: list[Callable[[], Any]] = [
            lambda: messages.SendMessage(
                SendMessageRequest(room_id=self.room_id, text=_TEXT), metadata=_METADATA, timeout=deadline
            ),
            lambda: rooms.GetRoom(GetRoomRequest(room_id=self.room_id), metadata=_METADATA, timeout=deadline),
            lambda: messages.ListMessages(
                ListMessagesRequest(room_id=self.room_id), metadata=_METADATA, timeout=deadline
            ),
            lambda: GatewayServiceStub(self.channel).GetRoomPage(
                GetRoomPageRequest(room_id=self.room_id), metadata=_METADATA, timeout=deadline
            ),
        ]
        return [asyncio.create_task(_timed(kinds[n % len(kinds)])) for n in range(count)]

    async def works(self) -> None:
        """Wait until every kind of call ends well again, several times over."""
        async with asyncio.timeout(RECOVERY_SECONDS):
            while {code for code, _ in await asyncio.gather(*self.begin(DEADLINE_SECONDS * 3))} != {"OK"}:
                # Connections come back by themselves, and wake nobody here.
                await asyncio.sleep(0.1)


async def _timed(kind: Callable[[], Any]) -> tuple[str, float]:
    began = time.monotonic()
    try:
        await kind()
    except grpc.aio.AioRpcError as error:
        return error.code().name, time.monotonic() - began
    return "OK", time.monotonic() - began


@pytest.fixture(scope="module")
async def world(database: Database) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(fault_proxy(f"127.0.0.1:{database.server.port}"))
        dsn = database.app_dsn("chat").replace(f":{database.server.port}/", f":{server.port}/")
        users = await stack.enter_async_context(running(UsersSettings, build_users, database))
        chat_service = await stack.enter_async_context(
            running(
                ChatSettings,
                build_chat,
                database,
                users_target=users.address,
                SEDA_CHAT_DATABASE_URL=dsn,
                db_pooler="none",
            )
        )
        chat = await stack.enter_async_context(fault_proxy(chat_service.address))
        told = settings(users.address, chat.address, f"127.0.0.1:{free_port()}", caller_ttl_seconds=60)
        process, _ = await stack.enter_async_context(start_gateway(told))
        edge = await stack.enter_async_context(fault_proxy(f"127.0.0.1:{process.servers.port}"))
        channel = await stack.enter_async_context(
            grpc.aio.insecure_channel(edge.address, options=[("grpc.max_reconnect_backoff_ms", 2_000)])
        )
        made = World({"client": edge, "gateway": chat, "database": server}, channel, chat_service.process)
        created = await RoomServiceStub(channel).CreateRoom(
            CreateRoomRequest(room=Room(name="Late night records")),
            metadata=_METADATA,
            timeout=20,
            wait_for_ready=True,
        )
        made.room_id = created.room.id
        yield made


HOPS = ("client", "gateway", "database")


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.SLOW, Fault.NARROW], ids=lambda fault: fault.name)
async def test_nothing_outlives_its_deadline(world: World, hop: str, fault: Fault) -> None:
    await world.works()
    world.proxies[hop].fault = fault
    try:
        # Begun under the fault; the second lot finds pools and queues as the first has left them.
        for _ in range(2):
            ends = await asyncio.gather(*world.begin(DEADLINE_SECONDS))
            assert max(seconds for _, seconds in ends) < DEADLINE_SECONDS + GRACE_SECONDS, ends
            codes = {code for code, _ in ends}
            assert codes <= {"OK", "DEADLINE_EXCEEDED", "UNAVAILABLE", "RESOURCE_EXHAUSTED"}
            assert "OK" not in codes or fault is not Fault.SILENT
    finally:
        world.proxies[hop].fault = Fault.NONE
    await world.works()


@pytest.mark.parametrize("hop", HOPS)
async def test_a_reset_in_the_middle_ends_calls_at_once(world: World, hop: str) -> None:
    await world.works()
    proxy = world.proxies[hop]
    for _ in range(5):
        proxy.fault = Fault.SLOW
        calls = world.begin(DEADLINE_SECONDS * 5)
        # Long enough for bytes to be under way, too short for an answer.
        await asyncio.sleep(0.25)
        assert proxy.reset() > 0
        proxy.fault = Fault.NONE
        ends = await asyncio.gather(*calls)
        assert {code for code, _ in ends} <= {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED"}, ends
        assert max(seconds for _, seconds in ends) < DEADLINE_SECONDS * 5 + GRACE_SECONDS
        await world.works()


async def test_a_database_machine_that_is_gone_without_a_word_is_replaced(world: World) -> None:
    """The old connections stay open and silent for ever; new ones lead to a server that works."""
    await world.works()
    assert world.proxies["database"].abandon() >= 2
    ends = await asyncio.gather(*world.begin(DEADLINE_SECONDS))
    assert max(seconds for _, seconds in ends) < DEADLINE_SECONDS + GRACE_SECONDS, ends
    await world.works()
    async with asyncio.timeout(RECOVERY_SECONDS):
        while world.chat.context.database.busy:
            # A connection that is given up wakes nobody.
            await asyncio.sleep(0.05)


async def test_the_control_a_call_without_a_deadline_outlives_all(world: World) -> None:
    await world.works()
    world.proxies["client"].fault = Fault.SILENT
    calls = world.begin(None, 4)
    try:
        done, waiting = await asyncio.wait(calls, timeout=DEADLINE_SECONDS * 3)
        assert not done
        assert len(waiting) == len(calls)
    finally:
        world.proxies["client"].fault = Fault.NONE
        await asyncio.gather(*calls, return_exceptions=True)
