"""AdminService over a real channel and a real database."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from seda.rpc.v1.caller_pb2 import ROLE_ADMIN, ROLE_MODERATOR, ROLE_UNSPECIFIED, ROLE_USER, Role
from seda.users.v1.admin_service_pb2 import SetRoleRequest
from seda.users.v1.admin_service_pb2_grpc import AdminServiceStub
from seda.users.v1.user_pb2 import User
from servicekit.errors import AccessDeniedError, CallerSuspendedError, InvalidFieldsError
from services.users.domain.errors import LastAdminError, SelfActionError, UserNotFoundError
from tests.services.chat.chat_client import new_user
from tests.services.running import Running, add_user, call, refused, user

_DOMAIN = "users.seda.fm"
_PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def stub(users: Running) -> AdminServiceStub:
    return AdminServiceStub(users.channel)


@pytest.fixture
async def root(admin: asyncpg.Connection) -> str:
    """The e-mail address of an administrator of the test's own."""
    email = new_user()
    await add_user(admin, email, role="ADMIN")
    return email


async def set_role(
    stub: AdminServiceStub, caller: str, user_id: str, role: Role.ValueType, reason: str = "A test"
) -> User:
    request = SetRoleRequest(user_id=user_id, role=role, reason=reason)
    return (await call(stub.SetRole, request, user(caller))).user


async def entries(admin: asyncpg.Connection, target_id: str) -> list[dict[str, Any]]:
    """What the audit log has about a user, the oldest first."""
    rows = await admin.fetch(
        "SELECT * FROM users.admin_actions WHERE target_id::text = $1 ORDER BY created_at", target_id
    )
    return [{**row, "before": json.loads(row["before"]), "after": json.loads(row["after"])} for row in rows]


async def test_set_role_sets_the_role_and_records_it(
    stub: AdminServiceStub, admin: asyncpg.Connection, root: str
) -> None:
    email = new_user()
    target = await add_user(admin, email)
    request = SetRoleRequest(user_id=target, role=ROLE_MODERATOR, reason="  Joined\nthe team ")
    made = (await call(stub.SetRole, request, (*user(root), ("x-request-id", "the-call")))).user
    assert (made.id, made.role, made.email) == (target, ROLE_MODERATOR, email)
    assert made.update_time.ToNanoseconds() > made.create_time.ToNanoseconds()
    assert await admin.fetchval("SELECT role FROM users.users WHERE id::text = $1", target) == "MODERATOR"
    root_id = await admin.fetchval("SELECT id FROM users.users WHERE email = $1", root)
    [entry] = await entries(admin, target)
    assert entry.pop("id").version == 7
    assert entry.pop("created_at")
    assert entry == {
        "actor_kind": "USER",
        "actor_id": root_id,
        "action": "SET_ROLE",
        "target_id": UUID(target),
        "before": {"role": "USER"},
        "after": {"role": "MODERATOR"},
        "reason": "Joined the team",
        "request_id": "the-call",
    }


async def test_set_role_repeated_changes_nothing(
    stub: AdminServiceStub, admin: asyncpg.Connection, root: str
) -> None:
    target = await add_user(admin, new_user())
    first = await set_role(stub, root, target, ROLE_MODERATOR)
    assert await set_role(stub, root, target, ROLE_MODERATOR, "Another reason") == first
    assert len(await entries(admin, target)) == 1


async def test_set_role_of_oneself_is_refused(
    stub: AdminServiceStub, admin: asyncpg.Connection, root: str
) -> None:
    root_id = str(await admin.fetchval("SELECT id FROM users.users WHERE email = $1", root))
    for role in (ROLE_USER, ROLE_ADMIN):
        await refused(set_role(stub, root, root_id, role), SelfActionError, _DOMAIN)
    assert await entries(admin, root_id) == []


async def test_set_role_of_an_unknown_or_erased_user_is_not_found(
    stub: AdminServiceStub, admin: asyncpg.Connection, root: str
) -> None:
    erased = await add_user(admin, None, supabase_id=None, erased_at=_PAST)
    for target in (erased, str(uuid4())):
        error = await refused(set_role(stub, root, target, ROLE_MODERATOR), UserNotFoundError, _DOMAIN)
        assert error.metadata == {"user_id": target}


async def test_set_role_by_a_suspended_administrator_is_refused(
    stub: AdminServiceStub, admin: asyncpg.Connection, root: str
) -> None:
    target = await add_user(admin, new_user())
    await set_role(stub, root, target, ROLE_MODERATOR)
    # The caller is cached: the current row decides.
    await admin.execute("UPDATE users.users SET suspended_until = $2 WHERE email = $1", root, _FAR)
    await refused(set_role(stub, root, target, ROLE_USER), CallerSuspendedError, _DOMAIN)
    assert len(await entries(admin, target)) == 1


async def test_set_role_by_an_administrator_who_has_lost_the_role_is_refused(
    stub: AdminServiceStub, admin: asyncpg.Connection, root: str
) -> None:
    target = await add_user(admin, new_user())
    await set_role(stub, root, target, ROLE_MODERATOR)
    await admin.execute("UPDATE users.users SET role = 'USER' WHERE email = $1", root)
    error = await refused(set_role(stub, root, target, ROLE_ADMIN), AccessDeniedError, _DOMAIN)
    assert error.metadata == {"access": "ADMIN"}
    assert len(await entries(admin, target)) == 1


@pytest.mark.parametrize("role", ["USER", "MODERATOR"])
async def test_set_role_is_for_administrators(
    stub: AdminServiceStub, admin: asyncpg.Connection, role: str
) -> None:
    email = new_user()
    await add_user(admin, email, role=role)
    target = await add_user(admin, new_user())
    await refused(set_role(stub, email, target, ROLE_ADMIN), AccessDeniedError, _DOMAIN)


async def test_set_role_needs_a_role_and_a_reason(
    stub: AdminServiceStub, admin: asyncpg.Connection, root: str
) -> None:
    target = await add_user(admin, new_user())
    for role, reason, field in ((ROLE_UNSPECIFIED, "A test", "role"), (ROLE_ADMIN, " ", "reason")):
        error = await refused(set_role(stub, root, target, role, reason), InvalidFieldsError, _DOMAIN)
        assert [violation.field for violation in error.violations] == [field]


@pytest.mark.parametrize("with_suspended", [False, True])
async def test_set_role_keeps_the_last_administrator_who_may_act(
    stub: AdminServiceStub, admin: asyncpg.Connection, root: str, *, with_suspended: bool
) -> None:
    """Only a stale caller can get there: whoever acts is an administrator too."""
    last = await add_user(admin, new_user(), role="ADMIN")
    await set_role(stub, root, await add_user(admin, new_user()), ROLE_MODERATOR)
    await admin.execute("UPDATE users.users SET role = 'USER' WHERE id::text <> $1", last)
    if with_suspended:
        # They can't act.
        await add_user(admin, new_user(), role="ADMIN", suspended_until=_FAR)
    await refused(set_role(stub, root, last, ROLE_USER), LastAdminError, _DOMAIN)
    assert await entries(admin, last) == []
