"""`seda admin grant`: who it finds, whom it creates, what it records and when it refuses."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from ops.database.admin import grant
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
        ({}, {"role": "MODERATOR"})
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


@pytest.mark.parametrize("email", ["", "ada", "@example.org", "ada@", f"{'a' * 250}@x.org", "a\x00b@x.org"])
async def test_what_is_no_address_is_refused(email: str, database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(database.admin_dsn, email, "ADMIN", environment="development")
    assert caught.value.code == "EMAIL_INVALID"


async def test_an_unknown_role_is_refused(database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(database.admin_dsn, "ada@example.org", "ARTIST", environment="development")
    assert (caught.value.code, caught.value.fix) == ("ROLE_INVALID", "Use one of USER, MODERATOR, ADMIN.")


async def test_an_empty_reason_is_refused(database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(database.admin_dsn, "ada@example.org", "ADMIN", environment="development", reason="")
    assert caught.value.code == "REASON_INVALID"


async def test_a_database_without_tables_is_named(blank_database: Database) -> None:
    with pytest.raises(CliError) as caught:
        await grant(blank_database.admin_dsn, "ada@example.org", "ADMIN", environment="development")
    assert caught.value.code == "NOT_INITIALISED"
