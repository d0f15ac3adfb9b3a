"""What each role may do, tried on every table that the catalogs know rather than on a list that grows stale."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg
import pytest

from ops.database import SERVICES
from tests.postgres import Database, administrator

APPEND_ONLY = {
    "users.admin_actions",
    "users.verification_attempts",
    "users.verification_transitions",
    "chat.moderation_logs",
}
READ_ONLY = {"chat.instance"}
READ, CHANGES = "SELECT", ("INSERT", "UPDATE", "DELETE", "TRUNCATE")

_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name,
  (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1) AS first_column
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname ~ '^(users|chat|tracks)(_migrations)?$'
ORDER BY 1
"""


def statements(table: str, column: str) -> Iterator[tuple[str, str]]:
    yield "SELECT", f"SELECT {column} FROM {table} LIMIT 0"
    yield (
        "INSERT",
        f"INSERT INTO {table} ({column}) SELECT (jsonb_populate_record(NULL::{table}, '{{}}')).{column} LIMIT 0",
    )
    yield "UPDATE", f"UPDATE {table} SET {column} = DEFAULT WHERE false"
    yield "DELETE", f"DELETE FROM {table} WHERE false"
    yield "TRUNCATE", f"TRUNCATE {table}"


async def allowed(database: Database, role: str) -> set[tuple[str, str]]:
    """Return every (statement, table) that a role got through with, and what it may do to single columns."""
    async with administrator(database.server, database.name) as connection:
        tables = await connection.fetch(_TABLES)
        columns = await connection.fetch(
            f"SELECT kind, name FROM ({_TABLES}) AS t, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS kind"
            " WHERE has_any_column_privilege($1, name, kind)",
            role,
        )
        await connection.execute(f"SET ROLE {role}")
        found = {(kind, name) for kind, name in columns}
        for name, column in tables:
            for kind, sql in statements(name, column):
                transaction = connection.transaction()
                await transaction.start()
                try:
                    await connection.execute(sql)
                    found.add((kind, name))
                except asyncpg.InsufficientPrivilegeError:
                    pass
                finally:
                    await transaction.rollback()
    assert len(tables) >= 14 + 2 * len(SERVICES)
    return found


def of_slice(found: set[tuple[str, str]], schema: str) -> set[tuple[str, str]]:
    return {each for each in found if each[1].startswith((f"{schema}.", f"{schema}_migrations."))}


@pytest.mark.parametrize("schema", SERVICES)
async def test_a_service_reaches_nothing_of_another_slice(schema: str, database: Database) -> None:
    found = await allowed(database, f"{schema}_app")

    assert found - of_slice(found, schema) == set()
    assert (READ, f"{schema}_migrations.applied") in found


async def test_a_grant_too_many_is_noticed(fresh_database: Database) -> None:
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute(
            "GRANT USAGE ON SCHEMA chat TO users_app; GRANT DELETE ON chat.rooms TO users_app;"
            "GRANT UPDATE (title) ON tracks.track_refs TO users_app"
        )
    found = await allowed(fresh_database, "users_app")

    assert found - of_slice(found, "users") == {("DELETE", "chat.rooms"), ("UPDATE", "tracks.track_refs")}


@pytest.mark.parametrize("schema", SERVICES)
async def test_a_service_can_not_change_its_history(schema: str, database: Database) -> None:
    found = await allowed(database, f"{schema}_app")

    history = {each for each in found if each[1].startswith(f"{schema}_migrations.")}
    assert history == {(READ, f"{schema}_migrations.applied")}


@pytest.mark.parametrize("schema", SERVICES)
async def test_a_service_can_use_its_tables_but_never_empty_one(schema: str, database: Database) -> None:
    found = await allowed(database, f"{schema}_app")
    own = {each for each in found if each[1].startswith(f"{schema}.")}
    tables = {table for _, table in own}

    assert {(READ, table) for table in tables} <= own
    assert {("INSERT", table) for table in tables - READ_ONLY} <= own
    assert {("UPDATE", table) for table in tables - READ_ONLY - APPEND_ONLY} <= own
    assert [each for each in own if each[0] == "TRUNCATE"] == []


@pytest.mark.parametrize("audit", sorted(APPEND_ONLY))
async def test_audit_entries_can_only_be_added(audit: str, database: Database) -> None:
    found = await allowed(database, f"{audit.partition('.')[0]}_app")

    assert {kind for kind, table in found if table == audit} == {"SELECT", "INSERT"}


async def test_the_instance_can_only_be_read(database: Database) -> None:
    found = await allowed(database, "chat_app")

    assert {kind for kind, table in found if table == "chat.instance"} == {"SELECT"}


async def test_no_message_room_or_user_can_be_deleted(database: Database) -> None:
    deletable = {
        table
        for schema in SERVICES
        for kind, table in await allowed(database, f"{schema}_app")
        if kind == "DELETE"
    }

    assert deletable & {"chat.messages", "chat.rooms", "chat.room_counters", "users.users"} == set()


@pytest.mark.parametrize("role", [*(f"{each}_ro" for each in SERVICES), "seda_ro", "seda_backup"])
async def test_readers_only_read(role: str, database: Database) -> None:
    found = await allowed(database, role)

    assert {kind for kind, _ in found} == {READ}
    services = SERVICES if role.startswith("seda_") else (role.removesuffix("_ro"),)
    assert {table.partition(".")[0].removesuffix("_migrations") for _, table in found} == set(services)


@pytest.mark.parametrize("role", ["seda_ro", "seda_backup"])
async def test_readers_of_all_slices_see_every_table(role: str, database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        tables = {name for name, _ in await connection.fetch(_TABLES)}

    assert {table for _, table in await allowed(database, role)} == tables


@pytest.mark.parametrize("schema", SERVICES)
async def test_a_service_can_not_make_anything(schema: str, database: Database) -> None:
    connection = await asyncpg.connect(database.app_dsn(schema))
    try:
        for forbidden in (schema, f"{schema}_migrations", "public", "extensions"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"CREATE TABLE {forbidden}.mine (a int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE SCHEMA mine")
        for table in (
            "users.users",
            "chat.messages",
            "tracks.track_refs",
            f"{schema}_migrations.applied",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"ALTER TABLE {table} ADD COLUMN mine int")
    finally:
        await connection.close()


async def test_everybody_may_use_the_extensions(database: Database) -> None:
    for schema in SERVICES:
        connection = await asyncpg.connect(database.app_dsn(schema))
        try:
            similarity = await connection.fetchval("SELECT extensions.similarity('жук', 'жуки')")
        finally:
            await connection.close()
        assert 0 < similarity < 1


async def test_roles_lead_nowhere(database: Database) -> None:
    """A service's role is a member of nothing and has no attribute that opens doors; no other role can log in."""
    async with administrator(database.server, database.name) as connection:
        memberships = await connection.fetch(
            "SELECT m.rolname AS member, r.rolname AS role FROM pg_auth_members AS a"
            " JOIN pg_roles AS m ON m.oid = a.member JOIN pg_roles AS r ON r.oid = a.roleid"
            " WHERE m.rolname ~ '^(users|chat|tracks)_'"
        )
        mighty = await connection.fetch(
            "SELECT rolname FROM pg_roles WHERE rolname ~ '^((users|chat|tracks)_(owner|app|ro)|seda_.*)$'"
            " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
            "  OR rolcanlogin AND rolname NOT LIKE '%\\_app')"
        )

    assert memberships == []
    assert mighty == []


async def test_tables_belong_to_their_owner(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        strangers = await connection.fetch(
            "SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE n.nspname ~ '^(users|chat|tracks)(_migrations)?$'"
            " AND pg_get_userbyid(c.relowner) <> split_part(n.nspname, '_', 1) || '_owner'"
        )

    assert strangers == []
