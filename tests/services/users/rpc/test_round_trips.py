"""The statements of every method of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from ops.dev_tokens import development_subject
from seda.rpc.v1.caller_pb2 import ROLE_MODERATOR, Role
from seda.users.internal.v1 import identity_service_pb2
from seda.users.internal.v1.identity_service_pb2 import ExportUserRequest, ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from seda.users.v1 import admin_service_pb2, erasure_service_pb2, user_service_pb2
from seda.users.v1.admin_service_pb2 import (
    ListAdminActionsRequest,
    MuteUserRequest,
    SetRoleRequest,
    SuspendUserRequest,
    UnmuteUserRequest,
    UnsuspendUserRequest,
)
from seda.users.v1.admin_service_pb2_grpc import AdminServiceStub
from seda.users.v1.erasure_service_pb2 import ERASURE_MODE_TOMBSTONE, EraseUserRequest, GetErasureRequest
from seda.users.v1.erasure_service_pb2_grpc import ErasureServiceStub
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import (
    FindUserRequest,
    GetUserRequest,
    ListUsersRequest,
    LookupUsersRequest,
    UpdateUserRequest,
)
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from tests.services.round_trips import RoundTrip, missing, statements_of
from tests.services.running import Running, add_user, call, service, user

_ADA, _BOB, _ROOT = "ada@example.com", "bob@example.com", "root@example.com"


@dataclass
class Context:
    """The services of users, the id of a user that exists, and the ids of a thousand others, of which 900 exist."""

    users: UserServiceStub
    identity: IdentityServiceStub
    administration: AdminServiceStub
    erasure: ErasureServiceStub
    ada: str
    eve: str
    thousand: list[str]
    erasure_id: str = ""

    async def get(self, user_id: str) -> object:
        return await call(self.users.GetUser, GetUserRequest(user_id=user_id), user(_ADA))

    async def lookup(self) -> object:
        found = await call(self.users.LookupUsers, LookupUsersRequest(user_ids=self.thousand), user(_ADA))
        assert {each.id for each in found.users} == set(self.thousand[:900])
        assert list(found.missing_ids) == self.thousand[900:]
        return found

    async def rename(self, name: str) -> object:
        request = UpdateUserRequest(
            user=User(id=self.ada, display_name=name), update_mask=FieldMask(paths=["display_name"])
        )
        return await call(self.users.UpdateUser, request, user(_ADA))

    async def find(self, **fields: str) -> object:
        return await call(self.users.FindUser, FindUserRequest(**fields), user(_ROOT))

    async def list_users(self, *, muted: bool = False) -> object:
        request = ListUsersRequest(page_size=100, muted=muted)
        return await call(self.users.ListUsers, request, user(_ROOT))

    async def act(self, method: Any, request: Any) -> object:
        return await call(method, request(user_id=self.ada, reason="A test"), user(_ROOT))

    async def list_actions(self) -> object:
        return await call(self.administration.ListAdminActions, ListAdminActionsRequest(), user(_ROOT))

    async def set_role(self, role: Role.ValueType) -> object:
        request = SetRoleRequest(user_id=self.ada, role=role, reason="A test")
        return await call(self.administration.SetRole, request, user(_ROOT))

    async def erase(self, email: str, user_id: str = "") -> object:
        request = EraseUserRequest(user_id=user_id, mode=ERASURE_MODE_TOMBSTONE, reason="A test")
        response = await call(self.erasure.EraseUser, request, user(email))
        self.erasure_id = response.erasure.id
        return response

    async def get_erasure(self) -> object:
        return await call(self.erasure.GetErasure, GetErasureRequest(erasure_id=self.erasure_id), ())

    async def export(self) -> object:
        request = ExportUserRequest(user_id=self.ada)
        return await call(self.identity.ExportUser, request, service("gateway", "users"))

    async def resolve(self, email: str) -> object:
        request = ResolveCallerRequest(subject="round-trips", email=email)
        return await call(self.identity.ResolveCaller, request, service("chat", "users"))


def _transaction(*statements: str) -> tuple[str, ...]:
    return ("BEGIN", *statements, "COMMIT")


_ACTION = _transaction("users.lock_with_admins", "users.set_state", "users.record_admin_action")

# In this order: later rows of a method use the state that earlier ones leave.
TABLE: tuple[RoundTrip[Context], ...] = (
    RoundTrip("GetUser", "", lambda context: context.get(context.ada), ("users.get",)),
    RoundTrip("LookupUsers", "of a thousand", lambda context: context.lookup(), ("users.lookup",)),
    RoundTrip("UpdateUser", "", lambda context: context.rename("Ada"), ("users.update",)),
    RoundTrip("FindUser", "by e-mail", lambda context: context.find(email=_ADA), ("users.find_by_email",)),
    RoundTrip(
        "FindUser",
        "by subject",
        lambda context: context.find(subject=development_subject(_ADA)),
        ("users.find_by_subject",),
    ),
    RoundTrip("ListUsers", "", lambda context: context.list_users(), ("users.list",)),
    RoundTrip("ListUsers", "muted", lambda context: context.list_users(muted=True), ("users.list_muted",)),
    RoundTrip("SetRole", "", lambda context: context.set_role(ROLE_MODERATOR), _ACTION),
    RoundTrip(
        "SetRole",
        "that is set already",
        lambda context: context.set_role(ROLE_MODERATOR),
        _transaction("users.lock_with_admins", "users.get"),
    ),
    RoundTrip(
        "MuteUser",
        "",
        lambda context: context.act(context.administration.MuteUser, MuteUserRequest),
        _ACTION,
    ),
    RoundTrip(
        "UnmuteUser",
        "",
        lambda context: context.act(context.administration.UnmuteUser, UnmuteUserRequest),
        _ACTION,
    ),
    RoundTrip(
        "SuspendUser",
        "",
        lambda context: context.act(context.administration.SuspendUser, SuspendUserRequest),
        _ACTION,
    ),
    RoundTrip(
        "UnsuspendUser",
        "",
        lambda context: context.act(context.administration.UnsuspendUser, UnsuspendUserRequest),
        _ACTION,
    ),
    RoundTrip("ListAdminActions", "", lambda context: context.list_actions(), ("users.list_admin_actions",)),
    RoundTrip(
        "EraseUser",
        "of oneself",
        lambda context: context.erase(_BOB),
        _transaction(
            "users.lock_with_admins", "users.anonymise_user", "users.refuse_identities", "users.add_erasure"
        ),
    ),
    RoundTrip(
        "EraseUser",
        "that exists",
        lambda context: context.erase(_BOB),
        _transaction("users.lock_with_admins", "users.erasure_of_user"),
    ),
    RoundTrip(
        "EraseUser",
        "of another user",
        lambda context: context.erase(_ROOT, context.eve),
        _transaction(
            "users.lock_with_admins",
            "users.anonymise_user",
            "users.refuse_identities",
            "users.record_admin_action",
            "users.add_erasure",
        ),
    ),
    RoundTrip("GetErasure", "", lambda context: context.get_erasure(), ("users.get_erasure",)),
    RoundTrip("ExportUser", "", lambda context: context.export(), ("users.export_user",)),
    RoundTrip(
        "ResolveCaller",
        "of a new user",
        lambda context: context.resolve("a@b"),
        ("users.by_subject", "users.add"),
    ),
    RoundTrip(
        "ResolveCaller", "of a known user", lambda context: context.resolve("A@B"), ("users.by_subject",)
    ),
    RoundTrip(
        "ResolveCaller",
        "with a new e-mail address",
        lambda context: context.resolve("b@b"),
        ("users.by_subject", "users.set_email"),
    ),
)


@pytest.fixture(scope="module")
async def context(users: Running, admin: asyncpg.Connection) -> Context:
    stub = UserServiceStub(users.channel)
    ada = (await call(stub.GetUser, GetUserRequest(), user(_ADA))).user.id
    await add_user(admin, _ROOT, role="ADMIN")
    for email in (_ROOT, _BOB):
        await call(stub.GetUser, GetUserRequest(), user(email))
    rows = await admin.fetch(
        "INSERT INTO users.users (id, email, supabase_id, display_name)"
        " SELECT gen_random_uuid(), n || '@many.example', 'many-' || n, 'Many ' || n FROM generate_series(1, 900) AS n"
        " RETURNING id::text"
    )
    ids = [row["id"] for row in rows] + [str(uuid4()) for _ in range(100)]
    return Context(
        stub,
        IdentityServiceStub(users.channel),
        AdminServiceStub(users.channel),
        ErasureServiceStub(users.channel),
        ada,
        await add_user(admin, "eve@example.com"),
        ids,
    )


@pytest.mark.parametrize("row", TABLE, ids=str)
async def test_call_runs_the_statements_of_its_row(
    users: Running, context: Context, row: RoundTrip[Context]
) -> None:
    assert await statements_of(users, row, context) == row.statements


async def test_resolve_caller_of_a_known_user_writes_nothing(
    context: Context, admin: asyncpg.Connection
) -> None:
    await context.resolve("version@b")
    version = "SELECT xmin::text FROM users.users WHERE supabase_id = 'round-trips'"
    before = await admin.fetchval(version)
    await context.resolve("VERSION@b")
    assert await admin.fetchval(version) == before


def test_every_method_has_a_row() -> None:
    services = (
        user_service_pb2.DESCRIPTOR.services_by_name["UserService"],
        identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
        admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"],
        erasure_service_pb2.DESCRIPTOR.services_by_name["ErasureService"],
    )
    assert missing(TABLE, *services) == set()
