"""UserService over a real channel and a real database."""

import asyncio
import datetime as dt
from uuid import uuid4

import asyncpg
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from joserfc import jwt
from joserfc.jwk import OctKey

from seda.rpc.v1.caller_pb2 import ROLE_ADMIN, ROLE_USER
from seda.users.v1.user_pb2 import User, UserSummary
from seda.users.v1.user_service_pb2 import GetUserRequest, LookupUsersRequest, UpdateUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.errors import CallerSuspendedError, InvalidFieldsError, TokenInvalidError
from servicekit.rpc_status import UpstreamError
from services.users.domain.errors import (
    EmailRequiredError,
    EtagMismatchError,
    NotYourselfError,
    UserNotFoundError,
)
from tests.services.running import JWT_SECRET, Running, add_user, call, refused, user

_DOMAIN = "users.seda.fm"
_ADA, _BOB, _ROOT = "ada@example.com", "bob@example.com", "root@example.com"
_PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
async def stub(users: Running, admin: asyncpg.Connection) -> UserServiceStub:
    await add_user(admin, _ROOT, role="ADMIN", display_name="Root")
    return UserServiceStub(users.channel)


async def get(stub: UserServiceStub, caller: str, user_id: str = "") -> User:
    return (await call(stub.GetUser, GetUserRequest(user_id=user_id), user(caller))).user


async def lookup(stub: UserServiceStub, ids: list[str]) -> tuple[list[UserSummary], list[str]]:
    found = await call(stub.LookupUsers, LookupUsersRequest(user_ids=ids), user(_ADA))
    return list(found.users), list(found.missing_ids)


async def rename(
    stub: UserServiceStub,
    caller: str,
    user_id: str,
    name: str,
    etag: str = "",
    paths: tuple[str, ...] = ("display_name",),
) -> User:
    request = UpdateUserRequest(
        user=User(id=user_id, display_name=name, etag=etag), update_mask=FieldMask(paths=paths)
    )
    return (await call(stub.UpdateUser, request, user(caller))).user


def token(**claims: object) -> tuple[tuple[str, str], ...]:
    now = int(dt.datetime.now(dt.UTC).timestamp())
    given = {"iss": "seda-development", "aud": "authenticated", "exp": now + 60, **claims}
    signed = jwt.encode({"alg": "HS256"}, given, OctKey.import_key(JWT_SECRET.encode()))
    return (("authorization", f"Bearer {signed}"),)


async def test_get_user_gives_the_caller_without_an_id(stub: UserServiceStub) -> None:
    ada = await get(stub, _ADA)
    assert (ada.email, ada.display_name, ada.role) == (_ADA, "", ROLE_USER)
    assert ada.etag
    assert ada.create_time == ada.update_time
    assert abs(ada.create_time.ToDatetime(dt.UTC) - dt.datetime.now(dt.UTC)).seconds < 60
    assert not ada.HasField("mute_expire_time")
    assert await get(stub, _ADA, ada.id) == ada


async def test_get_user_shows_private_fields_to_the_user_and_administrators_alone(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    email = "private@example.com"
    user_id = await add_user(admin, email, display_name="P", muted_until=_FAR, suspended_until=_PAST)
    own = await get(stub, email)
    assert own.email == email
    assert own.mute_expire_time.ToDatetime(dt.UTC) == _FAR
    assert own.suspend_expire_time.ToDatetime(dt.UTC) == _PAST
    assert await get(stub, _ROOT, user_id) == own
    seen = await get(stub, _BOB, user_id)
    assert (seen.email, seen.HasField("mute_expire_time"), seen.HasField("suspend_expire_time")) == (
        "",
        False,
        False,
    )
    assert (seen.id, seen.display_name, seen.etag) == (user_id, "P", own.etag)


async def test_get_user_of_unknown_and_erased_ids_is_not_found(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    erased = await add_user(admin, None, supabase_id=None, erased_at=_PAST)
    for user_id in (erased, str(uuid4())):
        error = await refused(get(stub, _ROOT, user_id), UserNotFoundError, _DOMAIN)
        assert error.metadata == {"user_id": user_id}


async def test_get_user_with_a_broken_id_is_refused(stub: UserServiceStub) -> None:
    error = await refused(get(stub, _ADA, "ada"), InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == ["user_id"]


async def test_get_user_with_an_incomplete_token_is_refused(stub: UserServiceStub) -> None:
    for claims in ({"sub": "s"}, {"sub": "s", "email": ""}, {"sub": "s", "email": "a@" + "b" * 300}):
        answer = call(stub.GetUser, GetUserRequest(), token(**claims))
        await refused(answer, EmailRequiredError, _DOMAIN)
    for subject in ("s" * 256, "s\x00"):
        answer = call(stub.GetUser, GetUserRequest(), token(sub=subject, email="s@example.com"))
        await refused(answer, TokenInvalidError, _DOMAIN)


async def test_lookup_users_gives_summaries_and_what_is_missing(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    root = (await get(stub, _ROOT)).id
    ada = (await get(stub, _ADA)).id
    erased = await add_user(admin, None, supabase_id=None, erased_at=_PAST)
    stranger = str(uuid4())
    found, missing = await lookup(stub, [root, stranger, ada, root, erased, stranger])
    assert sorted((each.id, each.display_name, each.role) for each in found) == sorted(
        [(root, "Root", ROLE_ADMIN), (ada, "", ROLE_USER)]
    )
    assert missing == [stranger, erased]


@pytest.mark.parametrize("ids", [[], [str(uuid4())] * 1001, ["ada"]], ids=["none", "1001", "broken"])
async def test_lookup_users_refuses_other_numbers_and_broken_ids(
    stub: UserServiceStub, ids: list[str]
) -> None:
    with pytest.raises(UpstreamError) as raised:
        await lookup(stub, ids)
    assert raised.value.reason == "INVALID_FIELDS"


async def test_update_user_renames_the_caller(stub: UserServiceStub, admin: asyncpg.Connection) -> None:
    before = await get(stub, "renamed@example.com")
    after = await rename(stub, "renamed@example.com", before.id, "  Ada\n Lovelace ", before.etag)
    assert after.display_name == "Ada Lovelace"
    assert after.email == "renamed@example.com"
    assert after.etag != before.etag
    assert after.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()
    assert after.create_time == before.create_time
    assert await get(stub, "renamed@example.com") == after
    fresh = "SELECT clock_timestamp() - updated_at < interval '10 s' FROM users.users WHERE id::text = $1"
    assert await admin.fetchval(fresh, before.id)
    unset = await rename(stub, "renamed@example.com", before.id, "")
    assert unset.display_name == ""


async def test_update_user_by_an_administrator(stub: UserServiceStub) -> None:
    bob = await get(stub, _BOB)
    assert (await rename(stub, _ROOT, bob.id, "Bob")).display_name == "Bob"


async def test_update_user_of_somebody_else_is_refused(stub: UserServiceStub) -> None:
    ada = await get(stub, _ADA)
    for user_id in (ada.id, str(uuid4())):
        await refused(rename(stub, _BOB, user_id, "Not Ada"), NotYourselfError, _DOMAIN)


async def test_update_user_of_an_unknown_id_is_not_found(stub: UserServiceStub) -> None:
    stranger = str(uuid4())
    error = await refused(rename(stub, _ROOT, stranger, "Nobody", "1f"), UserNotFoundError, _DOMAIN)
    assert error.metadata == {"user_id": stranger}


async def test_update_user_with_an_old_etag_is_refused(stub: UserServiceStub) -> None:
    first = await get(stub, "etag@example.com")
    await rename(stub, "etag@example.com", first.id, "One", first.etag)
    for etag in (first.etag, "never given out"):
        answer = rename(stub, "etag@example.com", first.id, "Two", etag)
        await refused(answer, EtagMismatchError, _DOMAIN)
    assert (await get(stub, "etag@example.com")).display_name == "One"


async def test_update_user_by_the_suspended_is_refused_until_it_has_passed(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    email = "suspended@example.com"
    # Cached before: the current row decides, not the cached caller.
    user_id = (await get(stub, email)).id
    suspend = "UPDATE users.users SET suspended_until = clock_timestamp() + $2 WHERE id::text = $1"
    await admin.execute(suspend, user_id, dt.timedelta(hours=1))
    await refused(rename(stub, email, user_id, "Me"), CallerSuspendedError, _DOMAIN)
    assert (await get(stub, email)).display_name == ""
    assert (await rename(stub, _ROOT, user_id, "Renamed for them")).display_name == "Renamed for them"
    await admin.execute(suspend, user_id, dt.timedelta(microseconds=-1))
    assert (await rename(stub, email, user_id, "Me again")).display_name == "Me again"


@pytest.mark.parametrize("paths", [("email",), ("display_name", "role"), ("*", "display_name")])
async def test_update_user_refuses_other_paths(stub: UserServiceStub, paths: tuple[str, ...]) -> None:
    ada = await get(stub, _ADA)
    error = await refused(rename(stub, _ADA, ada.id, "Ada", paths=paths), InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == ["update_mask"]


@pytest.mark.parametrize("paths", [(), ("*",), ("display_name",)])
async def test_update_user_takes_the_whole_resource(stub: UserServiceStub, paths: tuple[str, ...]) -> None:
    email = "whole@example.com"
    before = await get(stub, email)
    name = f"Masked by {list(paths)}"
    before.display_name = name
    # Fields that cannot be updated are ignored.
    before.role = ROLE_ADMIN
    request = UpdateUserRequest(user=before, update_mask=FieldMask(paths=paths))
    after = (await call(stub.UpdateUser, request, user(email))).user
    assert (after.display_name, after.role, after.email) == (name, ROLE_USER, email)
    cleared = await rename(stub, email, before.id, "", paths=paths)
    assert cleared.display_name == ("" if paths else name)


async def test_update_user_without_a_mask_and_fields_keeps_the_user(stub: UserServiceStub) -> None:
    before = await get(stub, _ADA)
    assert await rename(stub, _ADA, before.id, "", paths=()) == before


async def test_update_user_repeated_with_the_same_bytes_succeeds(stub: UserServiceStub) -> None:
    email = "repeated@example.com"
    before = await get(stub, email)
    request = UpdateUserRequest(
        user=User(id=before.id, display_name=" Ada  Lovelace", etag=before.etag),
        update_mask=FieldMask(paths=["display_name"]),
    )
    # The response to the first one is lost.
    sent = request.SerializeToString()
    first, second = [
        (await call(stub.UpdateUser, UpdateUserRequest.FromString(sent), user(email))).user for _ in range(2)
    ]
    assert second == first
    assert first.etag != before.etag
    # Another value with the old etag is still a conflict, and so is the repeat once the user has changed again.
    await refused(rename(stub, email, before.id, "Bob", before.etag), EtagMismatchError, _DOMAIN)
    await rename(stub, email, before.id, "Bob", first.etag)
    await refused(call(stub.UpdateUser, request, user(email)), EtagMismatchError, _DOMAIN)


async def test_update_user_repeated_while_the_first_call_runs_succeeds(stub: UserServiceStub) -> None:
    email = "concurrent@example.com"
    before = await get(stub, email)
    responses = await asyncio.gather(*(rename(stub, email, before.id, "Ada", before.etag) for _ in range(10)))
    assert all(response == responses[0] for response in responses)


async def test_update_user_requires_the_user(stub: UserServiceStub) -> None:
    error = await refused(call(stub.UpdateUser, UpdateUserRequest(), user(_ADA)), InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == ["user"]


async def test_update_user_with_one_etag_succeeds_once(stub: UserServiceStub) -> None:
    before = await get(stub, "contended@example.com")
    answers = await asyncio.gather(
        *(rename(stub, "contended@example.com", before.id, f"Name {n}", before.etag) for n in range(20)),
        return_exceptions=True,
    )
    assert len([answer for answer in answers if isinstance(answer, User)]) == 1
    assert {answer.reason for answer in answers if isinstance(answer, UpstreamError)} == {"ETAG_MISMATCH"}


async def test_update_user_gives_every_state_its_own_etag(
    stub: UserServiceStub, admin: asyncpg.Connection
) -> None:
    before = await get(stub, "states@example.com")
    # A clock that went back: the next update must not reuse an etag.
    await admin.execute("UPDATE users.users SET updated_at = $2 WHERE id::text = $1", before.id, _FAR)
    answers = await asyncio.gather(
        *(rename(stub, "states@example.com", before.id, f"Name {n}") for n in range(20))
    )
    assert len({answer.etag for answer in answers}) == 20
    assert all(answer.update_time.ToDatetime(dt.UTC) > _FAR for answer in answers)


async def test_update_user_costs_one_statement_and_a_refusal_two(
    stub: UserServiceStub, users: Running
) -> None:
    ada = await get(stub, _ADA)
    await get(stub, _BOB)
    with users.counting() as statements:
        await rename(stub, _ADA, ada.id, "Ada")
    assert statements == ["users.update"]
    with users.counting() as statements:
        await refused(rename(stub, _ADA, ada.id, "Other", "1f"), EtagMismatchError, _DOMAIN)
    assert statements == ["users.update", "users.update_refusal"]
    with users.counting() as statements:
        await refused(rename(stub, _BOB, ada.id, "Ada"), NotYourselfError, _DOMAIN)
    assert statements == []


async def test_update_user_takes_names_of_fifty_characters(stub: UserServiceStub) -> None:
    ada = await get(stub, _ADA)
    assert (await rename(stub, _ADA, ada.id, "é" * 50)).display_name == "é" * 50
    # 51 code points that NFC turns into 50.
    assert (await rename(stub, _ADA, ada.id, "e\u0301" + "é" * 49)).display_name == "é" * 50
    error = await refused(rename(stub, _ADA, ada.id, "é" * 51), InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == ["user.display_name"]
    await rename(stub, _ADA, ada.id, "")
