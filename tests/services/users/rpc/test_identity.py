"""IdentityService over a real channel and a real database."""

import asyncio
import datetime as dt
from uuid import UUID

import asyncpg
import pytest

from seda.rpc.v1.caller_pb2 import ROLE_MODERATOR, ROLE_USER, Caller
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.errors import AccessDeniedError, InvalidFieldsError, TokenInvalidError
from services.users.domain.errors import EmailRequiredError, EmailTakenError
from tests.services.running import Running, add_user, call, refused, service, until_blocked, user

_DOMAIN = "users.seda.fm"
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def stub(users: Running) -> IdentityServiceStub:
    return IdentityServiceStub(users.channel)


async def resolve(stub: IdentityServiceStub, subject: str, email: str, name: str = "chat") -> Caller:
    request = ResolveCallerRequest(subject=subject, email=email)
    return (await call(stub.ResolveCaller, request, service(name, "users"))).caller


async def test_resolve_caller_creates_the_user_on_first_sign_in(
    stub: IdentityServiceStub, admin: asyncpg.Connection
) -> None:
    caller = await resolve(stub, "new", "New@Example.com")
    assert caller.role == ROLE_USER
    assert not caller.HasField("mute_expire_time")
    assert not caller.HasField("suspend_expire_time")
    row = await admin.fetchrow("SELECT * FROM users.users WHERE supabase_id = 'new'")
    assert row is not None
    assert (str(row["id"]), row["email"], row["display_name"]) == (caller.user_id, "new@example.com", "")
    assert UUID(caller.user_id).version == 7
    assert await resolve(stub, "new", "new@example.com") == caller


@pytest.mark.parametrize("name", ["chat", "tracks", "gateway"])
async def test_resolve_caller_is_for_the_services_that_need_it(stub: IdentityServiceStub, name: str) -> None:
    assert (await resolve(stub, "needed", "needed@example.com", name)).user_id


async def test_resolve_caller_returns_role_mute_and_suspension(
    stub: IdentityServiceStub, admin: asyncpg.Connection
) -> None:
    await add_user(
        admin, "m@example.com", supabase_id="m", role="MODERATOR", muted_until=_FAR, suspended_until=_FAR
    )
    caller = await resolve(stub, "m", "m@example.com")
    assert caller.role == ROLE_MODERATOR
    assert caller.mute_expire_time.ToDatetime(dt.UTC) == _FAR
    assert caller.suspend_expire_time.ToDatetime(dt.UTC) == _FAR


async def test_resolve_caller_follows_the_token_s_email(
    stub: IdentityServiceStub, admin: asyncpg.Connection
) -> None:
    query = "SELECT email, updated_at > created_at AS updated FROM users.users WHERE supabase_id = 'mover'"
    first = await resolve(stub, "mover", "before@example.com")
    assert tuple(await admin.fetchrow(query) or ()) == ("before@example.com", False)
    assert await resolve(stub, "mover", "After@example.com") == first
    assert tuple(await admin.fetchrow(query) or ()) == ("after@example.com", True)


async def test_resolve_caller_without_email_is_refused(stub: IdentityServiceStub) -> None:
    for email in ("", " ", "nobody", "a b@example.com"):
        await refused(resolve(stub, "mailless", email), EmailRequiredError, _DOMAIN)


async def test_resolve_caller_with_somebody_else_s_email_is_refused(
    stub: IdentityServiceStub, admin: asyncpg.Connection
) -> None:
    holder = await resolve(stub, "holder", "held@example.com")
    other = await resolve(stub, "other", "other@example.com")
    await refused(resolve(stub, "stranger", "HELD@example.com"), EmailTakenError, _DOMAIN)
    await refused(resolve(stub, "other", "held@example.com"), EmailTakenError, _DOMAIN)
    rows = await admin.fetch(
        "SELECT id::text, email FROM users.users WHERE supabase_id IN ('holder', 'other', 'stranger') ORDER BY email"
    )
    assert [tuple(row) for row in rows] == [
        (holder.user_id, "held@example.com"),
        (other.user_id, "other@example.com"),
    ]


async def test_resolve_caller_does_not_find_the_erased(
    stub: IdentityServiceStub, admin: asyncpg.Connection
) -> None:
    before = await resolve(stub, "erased", "erased@example.com")
    await admin.execute(
        "UPDATE users.users SET email = NULL, supabase_id = NULL, erased_at = now() WHERE supabase_id = 'erased'"
    )
    after = await resolve(stub, "erased", "erased@example.com")
    assert after.user_id != before.user_id


async def test_resolve_caller_is_not_for_users_nor_for_other_services(stub: IdentityServiceStub) -> None:
    request = ResolveCallerRequest(subject="s", email="s@example.com")
    for metadata in (user("u@example.com"), service("users", "users"), service("operator", "users")):
        await _denied(stub, request, metadata)


async def _denied(
    stub: IdentityServiceStub, request: ResolveCallerRequest, metadata: tuple[tuple[str, str], ...]
) -> None:
    answer = call(stub.ResolveCaller, request, metadata)
    assert (await refused(answer, AccessDeniedError, _DOMAIN)).metadata == {"access": "SERVICE"}


async def test_resolve_caller_sees_one_user_in_a_hundred_first_calls(
    stub: IdentityServiceStub, users: Running, admin: asyncpg.Connection
) -> None:
    with users.counting() as statements:
        async with admin.transaction():
            # Reads pass, so that several calls find no user; then all insert at once.
            await admin.execute("LOCK TABLE users.users IN SHARE MODE")
            answers = asyncio.gather(*(resolve(stub, "crowd", "crowd@example.com") for _ in range(100)))
            await until_blocked(admin, 2)
        callers = await answers
    assert len({caller.user_id for caller in callers}) == 1
    assert await admin.fetchval("SELECT count(*) FROM users.users WHERE supabase_id = 'crowd'") == 1
    assert statements.count("users.add") > 1


@pytest.mark.parametrize("outcome", ["COMMIT", "ROLLBACK"])
async def test_resolve_caller_waits_for_a_concurrent_first_sign_in(
    stub: IdentityServiceStub, users: Running, admin: asyncpg.Connection, outcome: str
) -> None:
    subject = f"{outcome}@example.com".lower()
    await admin.execute("BEGIN")
    winner = await add_user(admin, subject, supabase_id=subject)
    with users.counting() as statements:
        answer = asyncio.ensure_future(resolve(stub, subject, subject))
        await until_blocked(admin)
        await admin.execute(outcome)
        caller = await answer
    assert (caller.user_id == winner) == (outcome == "COMMIT")
    assert (
        statements == ["users.by_subject", "users.add", "users.by_subject"][: 3 if outcome == "COMMIT" else 2]
    )


async def test_resolve_caller_gives_a_contested_email_to_one_subject(
    stub: IdentityServiceStub, admin: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(
        *(resolve(stub, f"rival-{number}", "prize@example.com") for number in range(20)),
        return_exceptions=True,
    )
    winners = [answer for answer in answers if isinstance(answer, Caller)]
    assert len(winners) == 1
    for answer in answers:
        if isinstance(answer, BaseException):
            await refused(_raise(answer), EmailTakenError, _DOMAIN)
    assert await admin.fetchval("SELECT count(*) FROM users.users WHERE email = 'prize@example.com'") == 1


async def _raise(error: BaseException) -> Caller:
    raise error


async def test_resolve_caller_limits_lengths(stub: IdentityServiceStub) -> None:
    assert (await resolve(stub, "s" * 255, "a@" + "b" * 252)).user_id
    for subject, email in (("s" * 256, "a@b"), ("", "a@b"), ("s", "a@" + "b" * 253)):
        await refused(resolve(stub, subject, email), InvalidFieldsError, _DOMAIN)
    # A tab passes validation, but is not allowed in a subject.
    await refused(resolve(stub, "s\ts", "a@example.com"), TokenInvalidError, _DOMAIN)
