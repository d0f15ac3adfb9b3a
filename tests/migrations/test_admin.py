"""`seda admin`: who it finds, whom it creates, what it records and when it refuses."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import asyncpg
import pytest

from ops.database.admin import grant, list_actions, mute, suspend, unmute, unsuspend
from ops.dev_tokens import development_subject
from ops.errors import CliError
from tests.postgres import Database, administrator


async def rows(database: Database, query: str) -> list[asyncpg.Record]:
    async with administrator(database.server, database.name) as connection:
        found: list[asyncpg.Record] = await connection.fetch(query)
        return found


async def sign_in(database: Database, email: str, role: str = "USER") -> None:
    async with administrator(database.server, database.name) as connection:
        await connection.execute(
            "INSERT INTO users.users (id, email, supabase_id, display_name, role)"
            " VALUES (gen_random_uuid(), $1, $1, 'Somebody', $2)",
            email,
            role,
        )


async def actions(database: Database) -> list[dict[str, Any]]:
    found = await rows(database, "SELECT * FROM users.admin_actions ORDER BY created_at, id")
    return [
        {**each, "before": json.loads(each["before"]), "after": json.loads(each["after"])} for each in found
    ]


async def test_grant_changes_the_role_and_records_it(fresh_database: Database) -> None:
    await sign_in(fresh_database, "ada@example.org")

    granted = await grant(
        fresh_database.admin_dsn, " Ada@Example.ORG ", "ADMIN", environment="production", reason="First one"
    )

    assert (granted.before, granted.after, granted.changed) == ("USER", "ADMIN", True)
    assert granted.subject == "ada@example.org"
    [user] = await rows(
        fresh_database, "SELECT id, role, updated_at > created_at AS touched FROM users.users"
    )
    assert tuple(user) == (granted.user_id, "ADMIN", True)
    [entry] = await actions(fresh_database)
    assert all([entry.pop("id"), entry.pop("created_at"), entry.pop("request_id")])
    assert entry == {
        "actor_kind": "OPERATOR",
        "actor_id": None,
        "delegate": None,
        "action": "SET_ROLE",
        "target_id": granted.user_id,
        "before": {"role": "USER"},
        "after": {"role": "ADMIN"},
        "reason": "First one",
    }


async def test_grant_creates_an_unknown_user_in_development(fresh_database: Database) -> None:
    granted = await grant(
        fresh_database.admin_dsn, "Ada@demo.seda.fm", "MODERATOR", environment="development"
    )

    [user] = await rows(fresh_database, "SELECT id, email, supabase_id, display_name, role FROM users.users")
    assert tuple(user) == (
        granted.user_id,
        "ada@demo.seda.fm",
        development_subject("ada@demo.seda.fm"),
        "",
        "MODERATOR",
    )
    assert granted.subject == development_subject("ada@demo.seda.fm")
    assert granted.user_id.version == 7
    assert [(each["before"], each["after"]) for each in await actions(fresh_database)] == [
        ({"role": "USER"}, {"role": "MODERATOR"})
    ]


@pytest.mark.parametrize("environment", ["qa", "sandbox", "production"])
async def test_grant_creates_nobody_elsewhere(environment: str, fresh_database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(fresh_database.admin_dsn, "ada@example.org", "ADMIN", environment=environment)

    assert caught.value.code == "USER_UNKNOWN"
    assert "sign in once first" in caught.value.fix
    assert await rows(fresh_database, "SELECT FROM users.users") == []
    assert await actions(fresh_database) == []


async def test_grant_of_the_present_role_writes_nothing(fresh_database: Database) -> None:
    await sign_in(fresh_database, "ada@example.org", "ADMIN")

    granted = await grant(fresh_database.admin_dsn, "ada@example.org", "ADMIN", environment="production")

    assert not granted.changed
    assert await actions(fresh_database) == []


async def test_the_last_administrator_stays(fresh_database: Database) -> None:
    await sign_in(fresh_database, "ada@example.org", "ADMIN")

    with pytest.raises(CliError) as caught:
        await grant(fresh_database.admin_dsn, "ada@example.org", "USER", environment="production")
    assert caught.value.code == "LAST_ADMIN"
    assert await actions(fresh_database) == []

    await sign_in(fresh_database, "bob@example.org", "ADMIN")
    assert (
        await grant(fresh_database.admin_dsn, "ada@example.org", "USER", environment="production")
    ).changed


async def test_the_last_administrator_who_may_act_stays(fresh_database: Database) -> None:
    for name in ("ada", "bob"):
        await sign_in(fresh_database, f"{name}@example.org", "ADMIN")
    await suspend(fresh_database.admin_dsn, "bob@example.org", None, "Stolen account")
    for action in (
        suspend(fresh_database.admin_dsn, "ada@example.org", None, "Stolen account"),
        grant(fresh_database.admin_dsn, "ada@example.org", "USER", environment="production"),
    ):
        with pytest.raises(CliError) as caught:
            await action
        assert caught.value.code == "LAST_ADMIN"


async def test_two_operators_can_not_demote_the_last_two_at_once(fresh_database: Database) -> None:
    for _ in range(5):
        for name in ("ada", "bob"):
            await grant(fresh_database.admin_dsn, f"{name}@example.org", "ADMIN", environment="development")
        outcomes = await asyncio.gather(
            *(
                grant(fresh_database.admin_dsn, f"{name}@example.org", "USER", environment="development")
                for name in ("ada", "bob")
            ),
            return_exceptions=True,
        )

        assert sorted(isinstance(each, CliError) for each in outcomes) == [False, True]
        left = await rows(fresh_database, "SELECT FROM users.users WHERE role = 'ADMIN'")
        assert len(left) == 1


async def test_sanctions_are_recorded_once(fresh_database: Database) -> None:
    await sign_in(fresh_database, "ada@example.org")
    [user] = await rows(fresh_database, "SELECT id FROM users.users")
    dsn, hour = fresh_database.admin_dsn, dt.timedelta(hours=1)

    muted = await mute(dsn, " Ada@example.org", hour, "  Spam\n again ")
    assert (muted.user_id, muted.changed, muted.suspend_expire_time) == (user["id"], True, None)
    assert muted.mute_expire_time is not None
    assert abs(muted.mute_expire_time - dt.datetime.now(dt.UTC) - hour) < dt.timedelta(minutes=1)
    assert (await mute(dsn, str(user["id"]), None, "Spam")).changed
    assert not (await mute(dsn, str(user["id"]), None, "Spam")).changed
    assert (await unmute(dsn, "ada@example.org", "Sorry")).mute_expire_time is None
    assert not (await unmute(dsn, "ada@example.org", "Sorry")).changed
    suspended = await suspend(dsn, "ada@example.org", None, "Threats")
    assert suspended.suspend_expire_time == dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    assert (await unsuspend(dsn, "ada@example.org", "Sorry")).changed

    recorded = await actions(fresh_database)
    assert [(each["action"], each["reason"]) for each in recorded] == [
        ("MUTE_USER", "Spam again"),
        ("MUTE_USER", "Spam"),
        ("UNMUTE_USER", "Sorry"),
        ("SUSPEND_USER", "Threats"),
        ("UNSUSPEND_USER", "Sorry"),
    ]
    assert {(each["actor_kind"], each["actor_id"], each["target_id"]) for each in recorded} == {
        ("OPERATOR", None, user["id"])
    }
    assert len({each["request_id"] for each in recorded}) == 5


async def test_sanctions_create_nobody(fresh_database: Database) -> None:
    for user in ("ada@example.org", "01a228a9-ac06-7432-807b-d89506680f05"):
        with pytest.raises(CliError) as caught:
            await mute(fresh_database.admin_dsn, user, None, "Spam")
        assert caught.value.code == "USER_UNKNOWN"
    assert await rows(fresh_database, "SELECT FROM users.users") == []


async def test_list_shows_the_newest_first(fresh_database: Database) -> None:
    for name in ("ada", "bob"):
        await sign_in(fresh_database, f"{name}@example.org")
        await mute(fresh_database.admin_dsn, f"{name}@example.org", None, name)
    await unmute(fresh_database.admin_dsn, "ada@example.org", "ada")

    found = await list_actions(fresh_database.admin_dsn, None, 2)
    assert [(each.action, each.reason) for each in found] == [("UNMUTE_USER", "ada"), ("MUTE_USER", "bob")]
    of_ada = await list_actions(fresh_database.admin_dsn, "ada@example.org", 10)
    assert [(each.action, each.before, each.after) for each in of_ada] == [
        ("UNMUTE_USER", {"mute_expire_time": "9999-12-31T23:59:59.000000Z"}, {"mute_expire_time": None}),
        ("MUTE_USER", {"mute_expire_time": None}, {"mute_expire_time": "9999-12-31T23:59:59.000000Z"}),
    ]


async def test_a_locked_row_ends_with_an_error_to_retry(fresh_database: Database) -> None:
    await sign_in(fresh_database, "ada@example.org")
    async with (
        administrator(fresh_database.server, fresh_database.name) as connection,
        connection.transaction(),
    ):
        await connection.execute("SELECT FROM users.users FOR UPDATE")
        with pytest.raises(CliError) as caught:
            await mute(fresh_database.admin_dsn, "ada@example.org", None, "Spam")
    assert caught.value.code == "CONFLICT"


async def test_a_login_without_the_owner_s_rights_is_refused(fresh_database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await mute(fresh_database.app_dsn("users"), "ada@example.org", None, "Spam")
    assert "owner of the table" in caught.value.message


@pytest.mark.parametrize("email", ["", "ada", "@example.org", "ada@", f"{'a' * 250}@x.org", "a\x00b@x.org"])
async def test_what_is_no_address_is_refused(email: str, database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(database.admin_dsn, email, "ADMIN", environment="development")
    assert caught.value.code == "EMAIL_INVALID"


async def test_an_unknown_role_is_refused(database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(database.admin_dsn, "ada@example.org", "ARTIST", environment="development")
    assert (caught.value.code, caught.value.fix) == ("ROLE_INVALID", "Use one of USER, MODERATOR, ADMIN.")


@pytest.mark.parametrize("reason", ["", " \t", "r" * 513, "a\x00b"])
async def test_an_empty_long_or_unprintable_reason_is_refused(reason: str, database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(database.admin_dsn, "ada@example.org", "ADMIN", environment="development", reason=reason)
    assert caught.value.code == "REASON_INVALID"


async def test_a_database_without_tables_is_named(blank_database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(blank_database.admin_dsn, "ada@example.org", "ADMIN", environment="development")
    assert caught.value.code == "NOT_INITIALISED"
