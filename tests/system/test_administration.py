"""What administrators do reaches every replica within the time for which callers are cached, and so does its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import uuid4

import grpc
import pytest

from ops.database.admin import grant
from ops.topology import USERS
from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.moderation_service_pb2 import InspectSanctionsRequest
from seda.chat.v1.moderation_service_pb2_grpc import ModerationServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from seda.rpc.v1.caller_pb2 import ROLE_ADMIN, ROLE_USER
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from seda.users.v1.admin_service_pb2 import (
    MuteUserRequest,
    SetRoleRequest,
    SuspendUserRequest,
    UnmuteUserRequest,
    UnsuspendUserRequest,
)
from seda.users.v1.admin_service_pb2_grpc import AdminServiceStub
from servicekit.rpc_status import UpstreamError
from tests.postgres import Database, administrator
from tests.services.chat.chat_client import new_user
from tests.services.running import call, service, until_blocked, user
from tests.system.support.processes import SECOND_USERS, real_suite

pytestmark = [pytest.mark.serial, pytest.mark.timeout(200)]
# SEDA_CALLER_TTL_SECONDS is 5, and calls take their time.
REACHED_SECONDS = 6.0
_PAUSE_SECONDS = 0.1
_SIGN_INS = 100
# SEDA_DB_POOL_MAX.
_CONNECTIONS = 8
_ROOT = "root@example.org"
Attempt: TypeAlias = Callable[[grpc.aio.Channel], Awaitable[str]]


@dataclass(frozen=True)
class Replicas:
    """Channels to two processes of users and two of chat."""

    users: list[grpc.aio.Channel]
    chats: list[grpc.aio.Channel]

    async def administer(self, method: str, request: Any) -> None:
        """Act as an administrator."""
        await call(getattr(AdminServiceStub(self.users[0]), method), request, user(_ROOT))

    async def new_room(self, email: str) -> Room:
        """A room of a new user."""
        create = CreateRoomRequest(room=Room(name="Late night records"))
        return (await call(RoomServiceStub(self.chats[0]).CreateRoom, create, user(email))).room

    async def sender(self) -> tuple[str, Attempt]:
        """A new user's id, and their attempt to send a message to a room of their own."""
        email = new_user()
        room = await self.new_room(email)
        request = SendMessageRequest(room_id=room.id, text="Hello")
        return room.creator_id, lambda chat: _reason(MessageServiceStub(chat).SendMessage, request, email)

    async def inspector(self) -> tuple[str, Attempt]:
        """A new user's id, and their attempt at what only administrators may do."""
        email = new_user()
        room = await self.new_room(email)
        request = InspectSanctionsRequest(room_id=room.id)
        return room.creator_id, lambda chat: _reason(
            ModerationServiceStub(chat).InspectSanctions, request, email
        )

    async def check_reached(
        self, attempt: Attempt, before: str, after: str, method: str, request: Any
    ) -> None:
        """Both replicas respond with `before`; soon after an administrator's action they respond with `after`."""
        assert [await attempt(chat) for chat in self.chats] == [before] * 2
        await self.administer(method, request)
        began = time.monotonic()

        async def reached(chat: grpc.aio.Channel) -> float:
            while await attempt(chat) != after and time.monotonic() < began + 2 * REACHED_SECONDS:
                # Nothing tells that a cached caller has expired.
                await asyncio.sleep(_PAUSE_SECONDS)
            return time.monotonic() - began

        seconds = await asyncio.gather(*map(reached, self.chats))
        assert max(seconds) < REACHED_SECONDS, f"{method} reached the replicas after {seconds}"


async def _reason(method: Any, request: Any, email: str) -> str:
    try:
        await call(method, request, user(email))
    except UpstreamError as error:
        return error.reason
    return "OK"


@pytest.fixture(scope="module")
async def replicas(tmp_path_factory: pytest.TempPathFactory, database: Database) -> AsyncIterator[Replicas]:
    await grant(database.admin_dsn, _ROOT, "ADMIN", environment="development")
    with real_suite(tmp_path_factory.mktemp("administration"), database.environ) as suite:
        chats = await suite.add_chat()
        first = next(each for each in suite.processes if each.process is USERS)
        second = await suite.add(SECOND_USERS).serving()
        opened = [grpc.aio.insecure_channel(each.address) for each in (first, second, *chats)]
        yield Replicas(opened[:2], opened[2:])
        for channel in opened:
            await channel.close()


@pytest.mark.slow
async def test_what_administrators_do_reaches_every_replica_and_so_does_its_end(replicas: Replicas) -> None:
    async with asyncio.TaskGroup() as group:
        # Each waits for callers to expire, twice.
        for each in (_mute_and_unmute, _suspend_and_unsuspend, _appoint_and_demote):
            group.create_task(each(replicas))


async def _mute_and_unmute(replicas: Replicas) -> None:
    user_id, send = await replicas.sender()
    mute, unmute = (each(user_id=user_id, reason="Spam") for each in (MuteUserRequest, UnmuteUserRequest))
    await replicas.check_reached(send, "OK", "CALLER_MUTED", "MuteUser", mute)
    await replicas.check_reached(send, "CALLER_MUTED", "OK", "UnmuteUser", unmute)


async def _suspend_and_unsuspend(replicas: Replicas) -> None:
    user_id, send = await replicas.sender()
    suspend = SuspendUserRequest(user_id=user_id, reason="Threats")
    await replicas.check_reached(send, "OK", "CALLER_SUSPENDED", "SuspendUser", suspend)
    unsuspend = UnsuspendUserRequest(user_id=user_id, reason="Sorry")
    await replicas.check_reached(send, "CALLER_SUSPENDED", "OK", "UnsuspendUser", unsuspend)


async def _appoint_and_demote(replicas: Replicas) -> None:
    user_id, inspect = await replicas.inspector()
    appoint, demote = (
        SetRoleRequest(user_id=user_id, role=role, reason="Staff") for role in (ROLE_ADMIN, ROLE_USER)
    )
    await replicas.check_reached(inspect, "ACCESS_DENIED", "OK", "SetRole", appoint)
    await replicas.check_reached(inspect, "OK", "ACCESS_DENIED", "SetRole", demote)


async def test_a_hundred_first_sign_ins_over_two_processes_make_one_user(
    replicas: Replicas, database: Database
) -> None:
    subject = str(uuid4())
    request = ResolveCallerRequest(subject=subject, email=f"{subject}@example.org")
    stubs = [IdentityServiceStub(channel) for channel in replicas.users]
    async with administrator(database.server, database.name) as admin:
        async with admin.transaction():
            # Reads pass, so that calls to both processes find no user; then all insert at once.
            await admin.execute("LOCK TABLE users.users IN SHARE MODE")
            answers = asyncio.gather(
                *(
                    call(stubs[number % 2].ResolveCaller, request, service("chat", "users"))
                    for number in range(_SIGN_INS)
                )
            )
            # More than one process has connections.
            await until_blocked(admin, _CONNECTIONS + 1)
        callers = [each.caller for each in await answers]
        rows = await admin.fetch("SELECT id::text FROM users.users WHERE supabase_id = $1", subject)
    assert len(callers) == _SIGN_INS
    assert [{each.user_id for each in callers}] == [{row["id"] for row in rows}]
    assert len(rows) == 1
