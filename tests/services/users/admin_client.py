"""Calls AdminService as one administrator, and reads what it has written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from seda.rpc.v1.caller_pb2 import ROLE_MODERATOR, Role
from seda.users.v1.admin_service_pb2 import (
    ListAdminActionsRequest,
    ListAdminActionsResponse,
    MuteUserRequest,
    SetRoleRequest,
    SuspendUserRequest,
    UnmuteUserRequest,
    UnsuspendUserRequest,
)
from seda.users.v1.admin_service_pb2_grpc import AdminServiceStub
from seda.users.v1.user_pb2 import User
from tests.services.chat.chat_client import new_user
from tests.services.running import Running, add_user, call, user

REASON = "A test"
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class AdminClient:
    """An administrator. `id` is theirs, `database` a superuser's connection."""

    stub: AdminServiceStub
    database: asyncpg.Connection
    email: str
    id: str

    @classmethod
    async def create(cls, users: Running, database: asyncpg.Connection) -> AdminClient:
        """Add an administrator."""
        email = new_user()
        return cls(
            AdminServiceStub(users.channel), database, email, await add_user(database, email, role="ADMIN")
        )

    async def set_role(self, user_id: str, role: Role.ValueType, reason: str = REASON) -> User:
        request = SetRoleRequest(user_id=user_id, role=role, reason=reason)
        return (await call(self.stub.SetRole, request, user(self.email))).user

    async def mute(self, user_id: str, until: dt.datetime | None = None, reason: str = REASON) -> User:
        request = MuteUserRequest(user_id=user_id, expire_time=_time(until), reason=reason)
        return (await call(self.stub.MuteUser, request, user(self.email))).user

    async def unmute(self, user_id: str) -> User:
        request = UnmuteUserRequest(user_id=user_id, reason=REASON)
        return (await call(self.stub.UnmuteUser, request, user(self.email))).user

    async def suspend(self, user_id: str, until: dt.datetime | None = None, reason: str = REASON) -> User:
        request = SuspendUserRequest(user_id=user_id, expire_time=_time(until), reason=reason)
        return (await call(self.stub.SuspendUser, request, user(self.email))).user

    async def unsuspend(self, user_id: str) -> User:
        request = UnsuspendUserRequest(user_id=user_id, reason=REASON)
        return (await call(self.stub.UnsuspendUser, request, user(self.email))).user

    async def list_admin_actions(self, **fields: Any) -> ListAdminActionsResponse:
        request = ListAdminActionsRequest(**fields)
        return await call(self.stub.ListAdminActions, request, user(self.email))

    async def entries(self, target_id: str) -> list[dict[str, Any]]:
        """What the audit log has about a user, the oldest first."""
        rows = await self.database.fetch(
            "SELECT * FROM users.admin_actions WHERE target_id::text = $1 ORDER BY created_at, id", target_id
        )
        return [
            {**row, "before": json.loads(row["before"]), "after": json.loads(row["after"])} for row in rows
        ]

    async def become(self, role: str) -> None:
        """Change the administrator's own row, behind the back of the service, which has cached the caller."""
        await self.database.execute("UPDATE users.users SET role = $2 WHERE id::text = $1", self.id, role)


def _time(at: dt.datetime | None) -> Timestamp | None:
    if at is None:
        return None
    made = Timestamp()
    made.FromDatetime(at)
    return made


Action: TypeAlias = "Callable[[AdminClient, str], Awaitable[User]]"
ACTIONS: dict[str, Action] = {
    "SET_ROLE": lambda client, user_id: client.set_role(user_id, ROLE_MODERATOR),
    "MUTE_USER": lambda client, user_id: client.mute(user_id),
    "UNMUTE_USER": lambda client, user_id: client.unmute(user_id),
    "SUSPEND_USER": lambda client, user_id: client.suspend(user_id),
    "UNSUSPEND_USER": lambda client, user_id: client.unsuspend(user_id),
}
every_action = pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)


async def sanctioned(database: asyncpg.Connection) -> str:
    """A user on whom every action has an effect."""
    return await add_user(database, new_user(), muted_until=_FAR, suspended_until=_FAR)
