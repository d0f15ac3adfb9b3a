"""The audit log of administrative actions: written exactly with the action, listed page by page."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from seda.rpc.v1.caller_pb2 import ROLE_ADMIN, ROLE_MODERATOR
from seda.users.v1 import admin_pb2
from seda.users.v1.admin_pb2 import AdminAction
from servicekit.errors import InvalidFieldsError, PageTokenMismatchError
from servicekit.ids import new_id
from servicekit.rpc_status import UpstreamError
from services.users.domain.admin import ActorKind, AdminActionType
from tests.services.chat.chat_client import new_user
from tests.services.running import Running, add_user, refused
from tests.services.users.admin_client import Action, AdminClient, every_action, sanctioned

_DOMAIN = "users.seda.fm"


@pytest.fixture
async def root(users: Running, admin: asyncpg.Connection) -> AdminClient:
    """An administrator of the test's own."""
    return await AdminClient.create(users, admin)


@asynccontextmanager
async def failing(admin: asyncpg.Connection, trigger: str) -> AsyncIterator[None]:
    """A trigger that refuses what it is for."""
    await admin.execute(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'refused'; END$$"
    )
    await admin.execute(f"CREATE {trigger} FOR EACH ROW EXECUTE FUNCTION public.refuse()")
    try:
        yield
    finally:
        await admin.execute("DROP FUNCTION public.refuse() CASCADE")


@pytest.mark.parametrize(
    "trigger",
    [
        "TRIGGER refuse BEFORE INSERT ON users.admin_actions",
        # At the COMMIT, when both are written.
        "CONSTRAINT TRIGGER refuse AFTER INSERT ON users.admin_actions DEFERRABLE INITIALLY DEFERRED",
        "CONSTRAINT TRIGGER refuse AFTER UPDATE ON users.users DEFERRABLE INITIALLY DEFERRED",
    ],
    ids=["entry", "commit-of-the-entry", "commit-of-the-action"],
)
@every_action
async def test_a_failure_leaves_neither_action_nor_entry(
    admin: asyncpg.Connection, root: AdminClient, action: Action, trigger: str
) -> None:
    target = await sanctioned(admin)
    state = "SELECT * FROM users.users WHERE id::text = $1"
    before = await admin.fetchrow(state, target)
    async with failing(admin, trigger):
        with pytest.raises(UpstreamError):
            await action(root, target)
    assert await admin.fetchrow(state, target) == before
    assert await root.entries(target) == []
    # The control: without the fault both are written.
    await action(root, target)
    assert await admin.fetchrow(state, target) != before
    assert len(await root.entries(target)) == 1


async def test_concurrent_repeats_write_one_entry(admin: asyncpg.Connection, root: AdminClient) -> None:
    target = await add_user(admin, new_user())
    outcomes = await asyncio.gather(*(root.mute(target) for _ in range(20)))
    assert all(each == outcomes[0] for each in outcomes)
    assert len(await root.entries(target)) == 1


async def pages(root: AdminClient, **fields: Any) -> list[AdminAction]:
    """All entries of a listing, by pages of two."""
    found: list[AdminAction] = []
    token = ""
    while True:
        page = await root.list_admin_actions(page_size=2, page_token=token, **fields)
        assert len(page.admin_actions) <= 2
        found += page.admin_actions
        token = page.next_page_token
        if not token:
            return found


async def test_list_admin_actions_pages_newest_first_with_every_filter(
    users: Running, admin: asyncpg.Connection, root: AdminClient
) -> None:
    other = await AdminClient.create(users, admin)
    one, two = await add_user(admin, new_user()), await add_user(admin, new_user())
    await root.mute(one)
    await root.set_role(one, ROLE_MODERATOR)
    await root.mute(two)
    await other.unmute(one)
    await other.set_role(two, ROLE_ADMIN)
    mute, set_role = admin_pb2.ADMIN_ACTION_TYPE_MUTE_USER, admin_pb2.ADMIN_ACTION_TYPE_SET_ROLE
    unmute = admin_pb2.ADMIN_ACTION_TYPE_UNMUTE_USER
    expected = [
        (other.id, set_role, two),
        (other.id, unmute, one),
        (root.id, mute, two),
        (root.id, set_role, one),
        (root.id, mute, one),
    ]

    async def listed(**fields: Any) -> list[tuple[str, int, str]]:
        return [(each.actor_id, each.action, each.target_id) for each in await pages(root, **fields)]

    assert (await listed())[:5] == expected
    for actor_id in (None, root.id, other.id):
        for action in (None, mute, set_role, unmute):
            for target_id in (None, one, two):
                fields = {"actor_id": actor_id, "action": action, "target_id": target_id}
                chosen = {name: value for name, value in fields.items() if value is not None}
                if chosen.keys() != {"action"}:
                    wanted = (actor_id, action, target_id)
                    assert (await listed(**chosen))[:5] == [
                        each
                        for each in expected
                        if all(a is None or a == b for a, b in zip(wanted, each, strict=True))
                    ], chosen
    assert (await listed(action=unmute))[0] == (other.id, unmute, one)
    assert {action for _, action, _ in await listed(action=mute)} == {mute}


async def test_list_admin_actions_between_two_times(admin: asyncpg.Connection, root: AdminClient) -> None:
    target = await add_user(admin, new_user())
    for until in (1, 2, 3):
        await root.mute(target, dt.datetime(2100, 1, until, tzinfo=dt.UTC))
    newest, middle, oldest = await pages(root, target_id=target)
    assert await pages(root, target_id=target, start_time=middle.create_time) == [newest, middle]
    assert await pages(root, target_id=target, end_time=middle.create_time) == [oldest]
    both = {"start_time": middle.create_time, "end_time": newest.create_time}
    assert await pages(root, target_id=target, **both) == [middle]
    # The beginning of 1970 is a time, not the absence of one.
    assert await pages(root, target_id=target, end_time=Timestamp()) == []


async def test_list_admin_actions_shows_an_entry_in_full(
    admin: asyncpg.Connection, root: AdminClient
) -> None:
    target = await add_user(admin, new_user())
    await root.mute(target, dt.datetime(2100, 1, 1, tzinfo=dt.UTC), "Spam")
    [shown] = await pages(root, target_id=target)
    [stored] = await root.entries(target)
    assert (shown.id, shown.call_id, shown.reason) == (str(stored["id"]), stored["request_id"], "Spam")
    assert shown.actor_kind == admin_pb2.ADMIN_ACTOR_KIND_USER
    assert shown.create_time.ToDatetime(dt.UTC) == stored["created_at"]
    assert dict(shown.before) == {"mute_expire_time": None}
    assert dict(shown.after) == {"mute_expire_time": "2100-01-01T00:00:00.000000Z"}


async def test_list_admin_actions_shows_operators_and_actions_of_later_versions(
    admin: asyncpg.Connection, root: AdminClient
) -> None:
    target = str(new_id())
    await admin.execute(
        "INSERT INTO users.admin_actions (id, actor_kind, action, target_id, before, after, reason, request_id)"
        " VALUES ($1, 'OPERATOR', 'OF_TOMORROW', $2, '{}', '{}', 'r', 'c')",
        new_id(),
        target,
    )
    [shown] = await pages(root, target_id=target)
    assert (shown.actor_kind, shown.actor_id) == (admin_pb2.ADMIN_ACTOR_KIND_OPERATOR, "")
    assert shown.action == admin_pb2.ADMIN_ACTION_TYPE_UNSPECIFIED


async def test_list_admin_actions_refuses_a_token_of_another_filter_or_caller(
    users: Running, admin: asyncpg.Connection, root: AdminClient
) -> None:
    for _ in range(3):
        await root.mute(await add_user(admin, new_user()))
    token = (await root.list_admin_actions(page_size=1, actor_id=root.id)).next_page_token
    assert token
    other = await AdminClient.create(users, admin)
    for answer in (
        root.list_admin_actions(page_token=token),
        root.list_admin_actions(page_token=token, actor_id=root.id, end_time=Timestamp(seconds=5)),
        other.list_admin_actions(page_token=token, actor_id=root.id),
        root.list_admin_actions(page_token="broken", actor_id=root.id),
    ):
        await refused(answer, PageTokenMismatchError, _DOMAIN)
    await refused(root.list_admin_actions(page_size=-1), InvalidFieldsError, _DOMAIN)


def test_kinds_and_actions_are_those_of_the_contract() -> None:
    for names, values, prefix in (
        (admin_pb2.AdminActorKind.keys(), ActorKind, "ADMIN_ACTOR_KIND_"),
        (admin_pb2.AdminActionType.keys(), AdminActionType, "ADMIN_ACTION_TYPE_"),
    ):
        assert {name.removeprefix(prefix) for name in names} == {"UNSPECIFIED", *map(str, values)}
