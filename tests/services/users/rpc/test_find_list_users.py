"""FindUser and ListUsers over a real channel and a real database."""

from __future__ import annotations

import datetime as dt
from typing import Any

import asyncpg
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from ops.dev_tokens import development_subject
from seda.rpc.v1.caller_pb2 import ROLE_ADMIN, ROLE_MODERATOR, ROLE_USER, Role
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import FindUserRequest, ListUsersRequest, ListUsersResponse
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.errors import AccessDeniedError, InvalidFieldsError, PageTokenMismatchError
from services.users.domain.errors import UserNotFoundError
from tests.services.chat.chat_client import new_user
from tests.services.running import Running, add_user, call, refused, user

_DOMAIN = "users.seda.fm"
_ROOT, _ANN = "root@example.com", "ann@example.com"
_PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
async def stub(users: Running, admin: asyncpg.Connection) -> UserServiceStub:
    for email in (_ROOT, _ANN):
        await add_user(admin, email, role="ADMIN")
    return UserServiceStub(users.channel)


async def find(stub: UserServiceStub, caller: str = _ROOT, **fields: str) -> User:
    return (await call(stub.FindUser, FindUserRequest(**fields), user(caller))).user


async def list_users(stub: UserServiceStub, caller: str = _ROOT, **fields: Any) -> ListUsersResponse:
    return await call(stub.ListUsers, ListUsersRequest(**fields), user(caller))


async def test_find_user_by_email_and_by_subject(stub: UserServiceStub, admin: asyncpg.Connection) -> None:
    user_id = await add_user(
        admin, "žofie@example.com", display_name="Ž", muted_until=_FAR, suspended_until=_PAST
    )
    found = await find(stub, email="žofie@example.com")
    assert (found.id, found.email, found.display_name, found.role) == (
        user_id,
        "žofie@example.com",
        "Ž",
        ROLE_USER,
    )
    assert found.mute_expire_time.ToDatetime(dt.UTC) == _FAR
    assert found.suspend_expire_time.ToDatetime(dt.UTC) == _PAST
    assert found.etag
    # Normalized as at the sign-in: white space, case, and letters in two code points.
    for spelling in (" Žofie@Example.COM\t", "z\u030cofie@example.com"):
        assert await find(stub, email=spelling) == found
    assert await find(stub, subject=development_subject("žofie@example.com")) == found


async def test_find_user_without_a_match_is_not_found_and_does_not_repeat_the_address(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    await add_user(admin, None, supabase_id=None, erased_at=_PAST)
    for fields in ({"email": "nobody@example.com"}, {"email": "no address"}, {"subject": "nobody"}):
        error = await refused(find(stub, **fields), UserNotFoundError, _DOMAIN)
        assert error.metadata == {"user_id": ""}
        assert "no" not in error.message.replace("no such user", "")


async def test_find_user_needs_one_identifier(stub: UserServiceStub) -> None:
    for fields, field in (({}, "identifier"), ({"email": ""}, "email"), ({"subject": "s" * 256}, "subject")):
        error = await refused(find(stub, **fields), InvalidFieldsError, _DOMAIN)
        assert [violation.field for violation in error.violations] == [field]


@pytest.mark.parametrize("role", ["USER", "MODERATOR"])
async def test_find_and_list_users_are_for_administrators(
    stub: UserServiceStub, admin: asyncpg.Connection, role: str
) -> None:
    email = new_user()
    await add_user(admin, email, role=role)
    await refused(find(stub, email, email=email), AccessDeniedError, _DOMAIN)
    await refused(list_users(stub, email), AccessDeniedError, _DOMAIN)


async def pages(stub: UserServiceStub, **fields: Any) -> list[str]:
    """The ids of all users of a listing, by pages of two."""
    found: list[str] = []
    token = ""
    while True:
        page = await list_users(stub, page_size=2, page_token=token, **fields)
        assert len(page.users) <= 2
        found += [each.id for each in page.users]
        token = page.next_page_token
        if not token:
            return found


def _time(day: int) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(_PAST + dt.timedelta(days=day))
    return made


async def test_list_users_pages_newest_first_with_every_filter(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    states = [
        {"role": role, "muted_until": muted, "suspended_until": suspended}
        for role in ("USER", "MODERATOR", "ADMIN")
        for muted in (None, _PAST, _FAR)
        for suspended in (None, _PAST, _FAR)
    ]
    made: list[tuple[str, dict[str, Any]]] = []
    for number, state in enumerate(states):
        # Three at a time were created at once: their ids order them.
        created = _PAST + dt.timedelta(days=number // 3)
        user_id = await add_user(admin, new_user(), created_at=created, updated_at=created, **state)
        made.append((user_id, state | {"created_at": created}))
    await add_user(admin, None, supabase_id=None, created_at=_PAST, updated_at=_PAST, erased_at=_PAST)
    made.sort(key=lambda each: (each[1]["created_at"], each[0]), reverse=True)
    window = {"start_time": _time(0), "end_time": _time(9)}
    assert await pages(stub, **window) == [user_id for user_id, _ in made]
    for role in (None, ROLE_USER, ROLE_MODERATOR, ROLE_ADMIN):
        for muted in (False, True):
            for suspended in (False, True):
                wanted = [
                    user_id
                    for user_id, state in made
                    if role in {None, Role.Value(f"ROLE_{state['role']}")}
                    and (not muted or state["muted_until"] == _FAR)
                    and (not suspended or state["suspended_until"] == _FAR)
                ]
                fields = {"role": role, "muted": muted, "suspended": suspended}
                assert await pages(stub, **window, **fields) == wanted, fields
    within = [user_id for user_id, state in made if 2 <= (state["created_at"] - _PAST).days < 5]
    assert await pages(stub, start_time=_time(2), end_time=_time(5)) == within
    assert await pages(stub, end_time=Timestamp()) == []
    # Without filters the newest users come first.
    newest = (await list_users(stub, page_size=100)).users
    assert [each.create_time.ToNanoseconds() for each in newest] == sorted(
        (each.create_time.ToNanoseconds() for each in newest), reverse=True
    )


async def test_list_users_shows_users_as_find_user_does(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    email = new_user()
    await add_user(admin, email, display_name="Ada", muted_until=_FAR)
    [listed] = (await list_users(stub, page_size=1, muted=True, role=ROLE_USER)).users
    assert listed == await find(stub, email=email)
    assert listed.email == email


async def test_list_users_refuses_a_token_of_another_filter_or_caller(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    for _ in range(2):
        await add_user(admin, new_user(), role="MODERATOR")
    token = (await list_users(stub, page_size=1, role=ROLE_MODERATOR)).next_page_token
    assert token
    for answer in (
        list_users(stub, page_token=token),
        list_users(stub, page_token=token, role=ROLE_MODERATOR, muted=True),
        list_users(stub, page_token=token, role=ROLE_MODERATOR, suspended=True),
        list_users(stub, page_token=token, role=ROLE_MODERATOR, start_time=_time(1)),
        list_users(stub, _ANN, page_token=token, role=ROLE_MODERATOR),
    ):
        await refused(answer, PageTokenMismatchError, _DOMAIN)
    await refused(list_users(stub, page_size=-1), InvalidFieldsError, _DOMAIN)
