"""ErasureService over a real channel and a real database, and the sign-ins that an erasure refuses."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from seda.users.v1.erasure_service_pb2 import (
    ERASURE_MODE_ANONYMISE,
    ERASURE_MODE_TOMBSTONE,
    ERASURE_STATE_DONE,
    ERASURE_STATE_RETRYING,
    ERASURE_STATE_RUNNING,
    ERASURE_STEP_CALLERS,
    ERASURE_STEP_CHAT,
    ERASURE_STEP_DONE,
    ERASURE_STEP_TRACKS,
    EraseUserRequest,
    Erasure,
    GetErasureRequest,
)
from seda.users.v1.erasure_service_pb2_grpc import ErasureServiceStub
from seda.users.v1.user_service_pb2 import GetUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.errors import (
    AccessDeniedError,
    CallerSuspendedError,
    InvalidFieldsError,
    RateLimitedError,
    TokenMissingError,
)
from services.users.app import build
from services.users.config import Settings
from services.users.domain.erasure import callers_seconds
from services.users.domain.errors import (
    ErasureNotFoundError,
    LastAdminError,
    NotYourselfError,
    UserErasedError,
    UserNotFoundError,
)
from services.users.domain.identity import TokenIdentity
from tests.postgres import Database
from tests.services.chat.chat_client import new_user
from tests.services.running import Running, add_user, call, refused, running, service, until_blocked, user

_DOMAIN = "users.seda.fm"
_FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def stub(users: Running) -> ErasureServiceStub:
    return ErasureServiceStub(users.channel)


async def erase(stub: ErasureServiceStub, email: str, user_id: str = "", **fields: Any) -> Erasure:
    request = EraseUserRequest(user_id=user_id, **{"mode": ERASURE_MODE_TOMBSTONE, **fields})
    return (await call(stub.EraseUser, request, user(email))).erasure


async def get(stub: ErasureServiceStub, erasure_id: str) -> Erasure:
    return (await call(stub.GetErasure, GetErasureRequest(erasure_id=erasure_id), ())).erasure


async def resolve(users: Running, subject: str, email: str) -> str:
    request = ResolveCallerRequest(subject=subject, email=email)
    stub = IdentityServiceStub(users.channel)
    return (await call(stub.ResolveCaller, request, service("chat", "users"))).caller.user_id


async def age_refusals(admin: asyncpg.Connection, interval: str) -> None:
    await admin.execute(f"UPDATE users.refused_identities SET until = until - interval '{interval}'")


async def test_erase_user_erases_the_row_at_once_and_starts_a_job(
    stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    email = new_user()
    user_id = await add_user(
        admin, email, display_name="Ada", role="MODERATOR", muted_until=_FAR, suspended_until=_FAR
    )
    erasure = await erase(stub, email)
    row = dict(await admin.fetchrow("SELECT * FROM users.users WHERE id = $1", UUID(user_id)) or {})
    assert row.pop("erased_at") is not None
    assert row.pop("created_at") < row.pop("updated_at")
    assert row == {
        "id": UUID(user_id), "email": None, "supabase_id": None, "display_name": "", "role": "USER",
        "muted_until": None, "suspended_until": None,
    }  # fmt: skip
    job = await admin.fetchrow(
        "SELECT user_id::text, mode, extract(epoch FROM due_at - created_at)::float8 AS wait FROM users.erasure_jobs"
        " WHERE id = $1",
        UUID(erasure.id),
    )
    assert job is not None
    assert (job["user_id"], job["mode"]) == (user_id, "TOMBSTONE")
    # The setting of callers' caches in tests/services/running.py.
    assert callers_seconds(60) <= job["wait"] < callers_seconds(60) + 5
    assert UUID(erasure.id).version == 4
    assert (erasure.state, erasure.step) == (ERASURE_STATE_RUNNING, ERASURE_STEP_CALLERS)
    assert erasure.HasField("start_time")
    assert not erasure.HasField("finish_time")


async def test_erase_user_refuses_the_subject_and_the_address_for_a_day(
    users: Running, stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    email, subject, other = new_user(), str(uuid4()), new_user()
    user_id = await resolve(users, subject, email)
    other_id = await resolve(users, other, other)
    await erase(stub, await administrator(admin), user_id, reason="They asked for it")
    for attempt in ((subject, email), (subject, new_user()), (str(uuid4()), email.upper()), (other, email)):
        await refused(resolve(users, *attempt), UserErasedError, _DOMAIN)
    assert await admin.fetchval("SELECT email FROM users.users WHERE id = $1", UUID(other_id)) == other
    # Each text is refused in its own role alone.
    assert await resolve(users, email, new_user())
    await age_refusals(admin, "23 hours 59 minutes")
    await refused(resolve(users, subject, email), UserErasedError, _DOMAIN)
    await age_refusals(admin, "1 minute")
    again = await resolve(users, subject, email)
    assert again not in {user_id, other_id}
    assert await resolve(users, subject, email) == again


async def test_erased_user_is_nobody_for_every_caller(
    users: Running, stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    email = new_user()
    user_id = await add_user(admin, email)
    await erase(stub, email)
    request = GetUserRequest(user_id=user_id)
    answer = call(UserServiceStub(users.channel).GetUser, request, user(await administrator(admin)))
    await refused(answer, UserNotFoundError, _DOMAIN)
    users.forget_callers()
    await refused(erase(stub, email), UserErasedError, _DOMAIN)


async def test_refused_identities_are_stored_as_hashes_with_a_domain_each() -> None:
    hashes = TokenIdentity("a@b", "a@b").hashes
    assert len(set(hashes)) == 2
    assert all(len(each) == 32 for each in hashes)


@pytest.mark.parametrize("known", [False, True], ids=["users.add", "users.set_email"])
async def test_sign_in_that_began_before_the_erasure_is_refused_by_its_write(
    users: Running, admin: asyncpg.Connection, known: bool
) -> None:
    email, subject = new_user(), str(uuid4())
    if known:
        await resolve(users, subject, new_user())
    user_id = await add_user(admin, email)
    async with admin.transaction():
        # Lookups pass, writes wait.
        await admin.execute("LOCK TABLE users.users IN SHARE MODE")
        signing_in = asyncio.ensure_future(resolve(users, subject, email))
        await until_blocked(admin)
        await admin.execute(
            "UPDATE users.users SET email = NULL, supabase_id = NULL, erased_at = now() WHERE id = $1",
            UUID(user_id),
        )
        await admin.execute(
            "INSERT INTO users.refused_identities SELECT unnest($1::bytea[]), now() + interval '1 day'",
            TokenIdentity(user_id, email).hashes,
        )
    await refused(signing_in, UserErasedError, _DOMAIN)
    assert await admin.fetchval("SELECT count(*) FROM users.users WHERE email = $1", email) == 0


async def test_erase_user_returns_the_erasure_that_exists(
    stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    email = new_user()
    user_id = await add_user(admin, email)
    started = await asyncio.gather(*(erase(stub, email) for _ in range(10)))
    # As the row of the job is: mode and requester of a later call change nothing.
    root = await administrator(admin)
    again = await erase(stub, root, user_id, mode=ERASURE_MODE_ANONYMISE, reason="They asked for it")
    assert {each.id for each in (*started, again)} == {started[0].id}
    rows = await admin.fetch("SELECT mode FROM users.erasure_jobs WHERE user_id = $1", UUID(user_id))
    assert [row["mode"] for row in rows] == ["TOMBSTONE"]
    assert await actions(admin, user_id) == []


async def test_suspended_user_erases_nobody_but_themselves(
    stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    await administrator(admin)
    email, target = new_user(), await add_user(admin, new_user())
    own_id = await add_user(admin, email, role="ADMIN", suspended_until=_FAR)
    answer = erase(stub, email, target, reason="Spite")
    await refused(answer, CallerSuspendedError, _DOMAIN)
    assert await erased(admin, target) is False
    await erase(stub, email, own_id)
    assert await erased(admin, own_id) is True


async def test_erase_user_of_another_user_is_for_administrators(
    stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    target, moderator = await add_user(admin, new_user()), new_user()
    await add_user(admin, moderator, role="MODERATOR")
    for email in (new_user(), moderator):
        await refused(erase(stub, email, target, reason="Spite"), NotYourselfError, _DOMAIN)
        await refused(erase(stub, email, str(uuid4()), reason="Spite"), NotYourselfError, _DOMAIN)
    assert await erased(admin, target) is False
    request = EraseUserRequest(mode=ERASURE_MODE_TOMBSTONE)
    await refused(call(stub.EraseUser, request, ()), TokenMissingError, _DOMAIN)


async def test_former_administrator_erases_nobody_else(
    stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    root, target = await administrator(admin), await add_user(admin, new_user())
    await refused(erase(stub, root, str(uuid4()), reason="To be known"), UserNotFoundError, _DOMAIN)
    await admin.execute("UPDATE users.users SET role = 'USER' WHERE email = $1", root)
    await refused(erase(stub, root, target, reason="Spite"), AccessDeniedError, _DOMAIN)
    assert await erased(admin, target) is False


async def test_erase_user_of_another_user_is_recorded_with_its_reason(
    stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    root, target = await administrator(admin), await add_user(admin, new_user(), role="MODERATOR")
    found = await refused(erase(stub, root, target), InvalidFieldsError, _DOMAIN)
    assert [each.field for each in found.violations] == ["reason"]
    await erase(stub, root, target, mode=ERASURE_MODE_ANONYMISE, reason="They asked for it")
    root_id = await admin.fetchval("SELECT id FROM users.users WHERE email = $1", root)
    assert await actions(admin, target) == [
        (
            "USER",
            root_id,
            "ERASE_USER",
            {"role": "MODERATOR"},
            {"erasure_mode": "ANONYMISE"},
            "They asked for it",
        )
    ]
    email = new_user()
    own = await add_user(admin, email)
    await erase(stub, email, own, reason="Without effect")
    assert await actions(admin, own) == []


async def test_erase_user_of_nobody_is_not_found(stub: ErasureServiceStub, admin: asyncpg.Connection) -> None:
    root = await administrator(admin)
    await refused(erase(stub, root, str(uuid4()), reason="Typo"), UserNotFoundError, _DOMAIN)
    long_gone = await add_user(admin, None, supabase_id=None, erased_at=_FAR)
    await refused(erase(stub, root, long_gone, reason="Typo"), UserNotFoundError, _DOMAIN)


async def test_last_administrator_is_not_erased(stub: ErasureServiceStub, admin: asyncpg.Connection) -> None:
    await admin.execute("UPDATE users.users SET role = 'USER'")
    first, second = [await administrator(admin) for _ in range(2)]
    await add_user(admin, new_user(), role="ADMIN", suspended_until=_FAR)
    outcomes = await asyncio.gather(erase(stub, first), erase(stub, second), return_exceptions=True)
    # Two who leave at once must not both be told that the other one stays.
    assert sum(isinstance(each, Erasure) for each in outcomes) == 1
    left = first if isinstance(outcomes[1], Erasure) else second
    await refused(erase(stub, left), LastAdminError, _DOMAIN)
    assert await admin.fetchval("SELECT count(*) FROM users.users WHERE email = $1", left) == 1


async def test_get_erasure_shows_state_and_counts_to_whoever_has_the_id(
    stub: ErasureServiceStub, admin: asyncpg.Connection
) -> None:
    email = new_user()
    user_id = await add_user(admin, email)
    erasure = await erase(stub, email)
    assert await get(stub, erasure.id) == erasure
    update = "UPDATE users.erasure_jobs SET {} WHERE id = $1"
    values = """step = 'TRACKS', failures = 2, counts = '{"TRACKS": 0, "CHAT": 12}'"""
    await admin.execute(update.format(values), UUID(erasure.id))
    found = await get(stub, erasure.id)
    assert (found.state, found.step) == (ERASURE_STATE_RETRYING, ERASURE_STEP_TRACKS)
    counts = [(each.step, each.row_count) for each in found.counts]
    assert counts == [(ERASURE_STEP_CHAT, 12), (ERASURE_STEP_TRACKS, 0)]
    done = update.format("step = 'DONE', failures = 0, finished_at = created_at + interval '1 hour'")
    await admin.execute(done, UUID(erasure.id))
    found = await get(stub, erasure.id)
    assert (found.state, found.step) == (ERASURE_STATE_DONE, ERASURE_STEP_DONE)
    assert found.finish_time.seconds - found.start_time.seconds == 3_600
    assert user_id not in str(found)
    await refused(get(stub, user_id), ErasureNotFoundError, _DOMAIN)


async def test_get_erasure_has_one_rate_limit_for_everybody(database: Database) -> None:
    strict = {"erasure_read_rate_per_second": 0.001, "erasure_read_burst": 3}
    async with running(Settings, build, database, **strict) as users:
        stub = ErasureServiceStub(users.channel)
        for _ in range(3):
            await refused(get(stub, str(uuid4())), ErasureNotFoundError, _DOMAIN)
        with users.counting() as statements:
            found = await refused(get(stub, str(uuid4())), RateLimitedError, _DOMAIN)
        assert found.retry_after
        assert statements == []


async def administrator(admin: asyncpg.Connection) -> str:
    """The e-mail address of an administrator of the test's own."""
    email = new_user()
    await add_user(admin, email, role="ADMIN")
    return email


async def erased(admin: asyncpg.Connection, user_id: str) -> bool:
    """Whether a user was erased."""
    query = "SELECT erased_at IS NOT NULL FROM users.users WHERE id = $1"
    return bool(await admin.fetchval(query, UUID(user_id)))


async def actions(admin: asyncpg.Connection, target_id: str) -> list[tuple[Any, ...]]:
    """What the log of administrative actions has about a user."""
    rows = await admin.fetch(
        "SELECT actor_kind, actor_id, action, before, after, reason FROM users.admin_actions WHERE target_id = $1",
        UUID(target_id),
    )
    return [(*row[:3], json.loads(row[3]), json.loads(row[4]), row[5]) for row in map(tuple, rows)]
