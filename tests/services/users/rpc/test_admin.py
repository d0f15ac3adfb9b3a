"""AdminService's actions on users over a real channel and a real database."""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid4

import asyncpg
import pytest

from seda.rpc.v1.caller_pb2 import ROLE_ADMIN, ROLE_MODERATOR, ROLE_UNSPECIFIED, ROLE_USER
from seda.users.v1.admin_service_pb2 import SetRoleRequest
from servicekit.errors import AccessDeniedError, CallerSuspendedError, InvalidFieldsError
from services.users.domain.errors import ExpireTimePassedError, SelfActionError, UserNotFoundError
from tests.services.chat.chat_client import new_user
from tests.services.running import Running, add_user, call, refused, user
from tests.services.users.admin_client import Action, AdminClient, every_action, sanctioned

_DOMAIN = "users.seda.fm"
_PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
_FARTHER = dt.datetime(2100, 1, 2, tzinfo=dt.UTC)
_UNTIL_LIFTED = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)


@pytest.fixture
async def root(users: Running, admin: asyncpg.Connection) -> AdminClient:
    """An administrator of the test's own."""
    return await AdminClient.create(users, admin)


async def test_set_role_sets_the_role_and_records_it(admin: asyncpg.Connection, root: AdminClient) -> None:
    email = new_user()
    target = await add_user(admin, email)
    request = SetRoleRequest(user_id=target, role=ROLE_MODERATOR, reason="  Joined\nthe team ")
    headers = (*user(root.email), ("x-request-id", "the-call"))
    made = (await call(root.stub.SetRole, request, headers)).user
    assert (made.id, made.role, made.email) == (target, ROLE_MODERATOR, email)
    assert made.update_time.ToNanoseconds() > made.create_time.ToNanoseconds()
    assert await admin.fetchval("SELECT role FROM users.users WHERE id::text = $1", target) == "MODERATOR"
    [entry] = await root.entries(target)
    assert entry.pop("id").version == 7
    assert entry.pop("created_at")
    assert entry == {
        "actor_kind": "USER",
        "actor_id": UUID(root.id),
        "action": "SET_ROLE",
        "target_id": UUID(target),
        "before": {"role": "USER"},
        "after": {"role": "MODERATOR"},
        "reason": "Joined the team",
        "request_id": "the-call",
        "delegate": None,
    }


async def test_mute_user_mutes_until_a_time_or_until_it_is_lifted(
    admin: asyncpg.Connection, root: AdminClient
) -> None:
    target = await add_user(admin, new_user())
    assert (await root.mute(target, _FAR)).mute_expire_time.ToDatetime(dt.UTC) == _FAR
    assert (await root.mute(target, _FARTHER)).mute_expire_time.ToDatetime(dt.UTC) == _FARTHER
    assert (await root.mute(target)).mute_expire_time.ToDatetime(dt.UTC) == _UNTIL_LIFTED
    assert not (await root.unmute(target)).HasField("mute_expire_time")
    assert [(each["action"], each["before"], each["after"]) for each in await root.entries(target)] == [
        ("MUTE_USER", *_times("mute", None, "2100-01-01T00:00:00.000000Z")),
        ("MUTE_USER", *_times("mute", "2100-01-01T00:00:00.000000Z", "2100-01-02T00:00:00.000000Z")),
        ("MUTE_USER", *_times("mute", "2100-01-02T00:00:00.000000Z", "9999-12-31T23:59:59.000000Z")),
        ("UNMUTE_USER", *_times("mute", "9999-12-31T23:59:59.000000Z", None)),
    ]


async def test_suspend_user_suspends_until_a_time_or_until_it_is_lifted(
    admin: asyncpg.Connection, root: AdminClient
) -> None:
    target = await add_user(admin, new_user(), suspended_until=_PAST)
    assert (await root.suspend(target, _FAR)).suspend_expire_time.ToDatetime(dt.UTC) == _FAR
    assert (await root.suspend(target)).suspend_expire_time.ToDatetime(dt.UTC) == _UNTIL_LIFTED
    lifted = await root.unsuspend(target)
    assert not lifted.HasField("suspend_expire_time")
    assert [(each["action"], each["before"], each["after"]) for each in await root.entries(target)] == [
        ("SUSPEND_USER", *_times("suspend", "2020-01-01T00:00:00.000000Z", "2100-01-01T00:00:00.000000Z")),
        ("SUSPEND_USER", *_times("suspend", "2100-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.000000Z")),
        ("UNSUSPEND_USER", *_times("suspend", "9999-12-31T23:59:59.000000Z", None)),
    ]


def _times(name: str, before: str | None, after: str | None) -> tuple[dict[str, object], dict[str, object]]:
    return {f"{name}_expire_time": before}, {f"{name}_expire_time": after}


async def test_a_mute_or_suspension_in_the_past_is_refused_unless_it_is_set_already(
    admin: asyncpg.Connection, root: AdminClient
) -> None:
    target = await add_user(admin, new_user())
    await refused(root.mute(target, _PAST), ExpireTimePassedError, _DOMAIN)
    await refused(root.suspend(target, _PAST), ExpireTimePassedError, _DOMAIN)
    assert await root.entries(target) == []
    # The repeat of a request whose time has passed meanwhile.
    expired = await add_user(admin, new_user(), muted_until=_PAST, suspended_until=_PAST)
    assert (await root.mute(expired, _PAST)).mute_expire_time.ToDatetime(dt.UTC) == _PAST
    assert (await root.suspend(expired, _PAST)).suspend_expire_time.ToDatetime(dt.UTC) == _PAST
    assert await root.entries(expired) == []


async def test_lifting_what_has_expired_changes_nothing(admin: asyncpg.Connection, root: AdminClient) -> None:
    target = await add_user(admin, new_user(), muted_until=_PAST, suspended_until=_PAST)
    before = await root.unmute(target)
    assert await root.unsuspend(target) == before
    assert before.mute_expire_time.ToDatetime(dt.UTC) == _PAST
    assert await root.entries(target) == []


@every_action
async def test_a_repeated_action_changes_nothing(
    admin: asyncpg.Connection, root: AdminClient, action: Action
) -> None:
    target = await sanctioned(admin)
    first = await action(root, target)
    assert await action(root, target) == first
    assert len(await root.entries(target)) == 1


@every_action
async def test_an_action_on_oneself_is_refused(root: AdminClient, action: Action) -> None:
    await refused(action(root, root.id), SelfActionError, _DOMAIN)
    assert await root.entries(root.id) == []


async def test_set_role_of_oneself_to_the_present_role_is_refused(root: AdminClient) -> None:
    await refused(root.set_role(root.id, ROLE_ADMIN), SelfActionError, _DOMAIN)


@every_action
async def test_an_action_on_an_unknown_or_erased_user_is_not_found(
    admin: asyncpg.Connection, root: AdminClient, action: Action
) -> None:
    erased = await add_user(admin, None, supabase_id=None, erased_at=_PAST)
    for target in (erased, str(uuid4())):
        error = await refused(action(root, target), UserNotFoundError, _DOMAIN)
        assert error.metadata == {"user_id": target}


@every_action
async def test_an_action_by_a_suspended_administrator_is_refused(
    admin: asyncpg.Connection, root: AdminClient, action: Action
) -> None:
    await action(root, await sanctioned(admin))
    # The caller is cached: the current row decides.
    suspend = "UPDATE users.users SET suspended_until = $2 WHERE id::text = $1"
    await admin.execute(suspend, root.id, _FAR)
    target = await sanctioned(admin)
    await refused(action(root, target), CallerSuspendedError, _DOMAIN)
    await admin.execute(suspend, root.id, _PAST)
    assert await root.entries(target) == []
    await action(root, target)


@every_action
async def test_an_action_by_an_administrator_who_has_lost_the_role_is_refused(
    admin: asyncpg.Connection, root: AdminClient, action: Action
) -> None:
    await action(root, await sanctioned(admin))
    await root.become("MODERATOR")
    target = await sanctioned(admin)
    error = await refused(action(root, target), AccessDeniedError, _DOMAIN)
    assert error.metadata == {"access": "ADMIN"}
    assert await root.entries(target) == []


async def test_actions_keep_one_another_s_outcome(admin: asyncpg.Connection, root: AdminClient) -> None:
    target = await add_user(admin, new_user(), display_name="Ada")
    await root.mute(target, _FAR)
    await root.suspend(target, _FARTHER)
    made = await root.set_role(target, ROLE_MODERATOR)
    assert (made.display_name, made.role) == ("Ada", ROLE_MODERATOR)
    assert made.mute_expire_time.ToDatetime(dt.UTC) == _FAR
    assert made.suspend_expire_time.ToDatetime(dt.UTC) == _FARTHER


async def test_set_role_needs_a_role_and_a_reason(admin: asyncpg.Connection, root: AdminClient) -> None:
    target = await add_user(admin, new_user())
    for role, reason, field in ((ROLE_UNSPECIFIED, "A test", "role"), (ROLE_USER, " ", "reason")):
        error = await refused(root.set_role(target, role, reason), InvalidFieldsError, _DOMAIN)
        assert [violation.field for violation in error.violations] == [field]
