"""One administrator who is not suspended always remains."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import asyncpg
import pytest

from seda.rpc.v1.caller_pb2 import ROLE_MODERATOR, ROLE_USER
from servicekit.rpc_status import UpstreamError
from services.users.app import build
from services.users.config import Settings
from services.users.domain.errors import LastAdminError
from services.users.store import admin as store
from tests.postgres import Database
from tests.services.chat.chat_client import new_user
from tests.services.running import Running, add_user, refused, running, until_blocked
from tests.services.users.admin_client import AdminClient

_DOMAIN = "users.seda.fm"
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
_ROUNDS = 20


@pytest.fixture(scope="module")
async def other_users(database: Database) -> AsyncIterator[Running]:
    """Another process of the users service."""
    async with running(Settings, build, database) as service:
        yield service


async def only_admins(admin: asyncpg.Connection, *ids: str) -> None:
    """Make these users the only administrators."""
    await admin.execute(
        "UPDATE users.users SET role = CASE WHEN id::text = ANY ($1) THEN 'ADMIN' ELSE 'USER' END", list(ids)
    )


async def stale_caller(users: Running, admin: asyncpg.Connection) -> AdminClient:
    """A caller who was an administrator a moment ago: whoever still is one is not the last one to another."""
    client = await AdminClient.create(users, admin)
    await client.set_role(await add_user(admin, new_user()), ROLE_MODERATOR)
    return client


@pytest.mark.parametrize("with_suspended", [False, True])
async def test_the_last_administrator_who_may_act_stays(
    users: Running, admin: asyncpg.Connection, *, with_suspended: bool
) -> None:
    caller = await stale_caller(users, admin)
    last = await add_user(admin, new_user())
    await only_admins(admin, last)
    if with_suspended:
        # They can't act.
        await add_user(admin, new_user(), role="ADMIN", suspended_until=_FAR)
    for action in (caller.set_role(last, ROLE_USER), caller.suspend(last)):
        await refused(action, LastAdminError, _DOMAIN)
    assert await caller.entries(last) == []


async def test_the_last_administrator_stays_even_while_suspended(
    users: Running, admin: asyncpg.Connection
) -> None:
    caller = await stale_caller(users, admin)
    last = await add_user(admin, new_user(), suspended_until=_FAR)
    await only_admins(admin, last)
    await refused(caller.set_role(last, ROLE_USER), LastAdminError, _DOMAIN)


async def at_once(admin: asyncpg.Connection, *actions: Awaitable[Any]) -> list[Any]:
    """Run actions that all wait for a row before one of them can go on."""
    async with admin.transaction():
        await admin.execute("SELECT FROM users.users WHERE role = 'ADMIN' FOR UPDATE")
        running = asyncio.gather(*actions, return_exceptions=True)
        await until_blocked(admin, len(actions))
    return list(await running)


async def admins(admin: asyncpg.Connection) -> int:
    query = "SELECT count(*) FROM users.users WHERE role = 'ADMIN' AND suspended_until IS NULL"
    return int(await admin.fetchval(query))


@pytest.mark.parametrize("kind", ["demote", "suspend"])
async def test_two_administrators_who_act_on_each_other_at_once_leave_one(
    users: Running, other_users: Running, admin: asyncpg.Connection, kind: str
) -> None:
    for _ in range(_ROUNDS):
        first, second = await AdminClient.create(users, admin), await AdminClient.create(other_users, admin)
        await only_admins(admin, first.id, second.id)
        if kind == "demote":
            actions = first.set_role(second.id, ROLE_USER), second.set_role(first.id, ROLE_USER)
        else:
            actions = first.suspend(second.id), second.suspend(first.id)
        outcomes = await at_once(admin, *actions)
        refusals = [each.reason for each in outcomes if isinstance(each, UpstreamError)]
        assert refusals == ["LAST_ADMIN" if kind == "demote" else "CALLER_SUSPENDED"]
        assert await admins(admin) == 1


async def test_without_the_lock_none_would_be_left(
    users: Running, other_users: Running, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    unlocked = store._LOCK.text.replace("FOR NO KEY UPDATE", "")
    monkeypatch.setattr(store._LOCK, "text", unlocked)
    first, second = await AdminClient.create(users, admin), await AdminClient.create(other_users, admin)
    await only_admins(admin, first.id, second.id)
    await at_once(admin, first.set_role(second.id, ROLE_USER), second.set_role(first.id, ROLE_USER))
    assert await admins(admin) == 0


async def test_three_administrators_in_a_circle_leave_one(
    users: Running, other_users: Running, admin: asyncpg.Connection
) -> None:
    circle = [await AdminClient.create(each, admin) for each in (users, other_users, users)]
    await only_admins(admin, *(each.id for each in circle))
    targets = [*circle[1:], circle[0]]
    await at_once(admin, *(by.set_role(on.id, ROLE_USER) for by, on in zip(circle, targets, strict=True)))
    assert await admins(admin) >= 1
