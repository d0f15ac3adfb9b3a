"""`seda migrate status --drift`: whatever a hand changes in a live database is found, and nothing else."""

from __future__ import annotations

import pytest

from migrations.heads import revisions
from ops.database import SERVICES
from ops.database.catalog import read_catalog
from ops.database.drift import SCHEMAS, Difference, compare, drift
from ops.database.init import init_database
from ops.database.migrate import deploy
from ops.database.scratch import _ABANDONED, scratch_database
from tests.postgres import Database, administrator

_FUNCTION = "CREATE FUNCTION chat.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"

# By the thing that the drift is reported on; what else differs with it is not asked for.
DRIFTS: dict[str, tuple[str, str]] = {
    "column added": ("column chat.rooms.extra", "ALTER TABLE chat.rooms ADD COLUMN extra text"),
    "column dropped": ("column chat.rooms.description", "ALTER TABLE chat.rooms DROP COLUMN description"),
    "column retyped": (
        "column users.users.display_name",
        "ALTER TABLE users.users ALTER COLUMN display_name TYPE varchar(80)",
    ),
    "column nullable": ("column users.users.role", "ALTER TABLE users.users ALTER COLUMN role DROP NOT NULL"),
    "default dropped": ("column users.users.role", "ALTER TABLE users.users ALTER COLUMN role DROP DEFAULT"),
    "default changed": (
        "column users.users.role",
        "ALTER TABLE users.users ALTER COLUMN role SET DEFAULT 'ADMIN'",
    ),
    "comment of a column": ("column users.users.email", "COMMENT ON COLUMN users.users.email IS 'Else'"),
    "comment of a table": ("table users.users", "COMMENT ON TABLE users.users IS NULL"),
    "table option": ("table users.users", "ALTER TABLE users.users SET (fillfactor = 50)"),
    "table added": ("table tracks.notes", "CREATE TABLE tracks.notes (id int)"),
    "row security": ("table chat.reports", "ALTER TABLE chat.reports ENABLE ROW LEVEL SECURITY"),
    "policy": ("policy chat.reports.p", "CREATE POLICY p ON chat.reports USING (true)"),
    "view": ("view chat.v", "CREATE VIEW chat.v AS SELECT id FROM chat.rooms"),
    "trigger": (
        "trigger chat.rooms.t",
        f"{_FUNCTION}; CREATE TRIGGER t BEFORE UPDATE ON chat.rooms FOR EACH ROW EXECUTE FUNCTION chat.f()",
    ),
    "function": ("function chat.f()", _FUNCTION),
    "index dropped": ("index chat.messages_created_at_idx", "DROP INDEX chat.messages_created_at_idx"),
    "index added": ("index chat.extra_idx", "CREATE INDEX extra_idx ON chat.rooms (name)"),
    "index invalid": (
        "index chat.messages_created_at_idx",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'chat.messages_created_at_idx'::regclass",
    ),
    "constraint dropped": (
        "constraint users.users.users_role_check",
        "ALTER TABLE users.users DROP CONSTRAINT users_role_check",
    ),
    "constraint rewritten": (
        "constraint users.users.users_role_check",
        "ALTER TABLE users.users DROP CONSTRAINT users_role_check, ADD CONSTRAINT users_role_check CHECK (role <> 'X')",
    ),
    "constraint not validated": (
        "constraint chat.reports.reports_room_id_fkey",
        "ALTER TABLE chat.reports DROP CONSTRAINT reports_room_id_fkey, ADD CONSTRAINT reports_room_id_fkey FOREIGN KEY (room_id) REFERENCES chat.rooms (id) NOT VALID",
    ),
    "foreign keys switched off": (
        "disabled key chat.reports.reports_room_id_fkey",
        "ALTER TABLE chat.reports DISABLE TRIGGER ALL",
    ),
    "grant added": ("grants users.users", "GRANT SELECT ON users.users TO chat_app"),
    "grant to everybody": ("grants chat.rooms", "GRANT SELECT ON chat.rooms TO PUBLIC"),
    "grant revoked": ("grants chat.rooms", "REVOKE UPDATE ON chat.rooms FROM chat_app"),
    "grant on a column": (
        "column grants users.users.email",
        "GRANT SELECT (email) ON users.users TO chat_app",
    ),
    "owner": ("grants chat.rooms", "ALTER TABLE chat.rooms OWNER TO seda"),
    "schema usage": ("schema grants users", "GRANT USAGE ON SCHEMA users TO chat_app"),
    "history writable": (
        "grants chat_migrations.applied",
        "GRANT DELETE ON chat_migrations.applied TO chat_app",
    ),
    "sequence": ("sequence chat.s", "CREATE SEQUENCE chat.s"),
    "enum": ("type chat.mood", "CREATE TYPE chat.mood AS ENUM ('a', 'b')"),
    "statistics": ("statistics chat.st", "CREATE STATISTICS chat.st ON name, id FROM chat.rooms"),
    "extension moved": (
        "extension pg_trgm",
        "ALTER EXTENSION pg_trgm SET SCHEMA public",
    ),
    "extension added": ("extension btree_gin", "CREATE EXTENSION btree_gin SCHEMA extensions"),
}


@pytest.mark.parametrize(("named", "change"), DRIFTS.values(), ids=DRIFTS.keys())
async def test_a_change_by_hand_is_found(named: str, change: str, database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        transaction = connection.transaction()
        await transaction.start()
        before = await read_catalog(connection, SCHEMAS)
        await connection.execute(change)
        found = tuple(compare(before, await read_catalog(connection, SCHEMAS)))
        await transaction.rollback()

    assert named in {f"{each.kind} {each.name}" for each in found}
    # Nothing but what the change touches.
    assert len(found) <= 6, [each.text for each in found]


async def test_a_clean_database_has_no_drift_and_leaves_no_scratch(database: Database) -> None:
    found = await drift(database.admin_dsn)
    async with administrator(database.server) as connection:
        left = await connection.fetch(_ABANDONED)

    assert found == ()
    assert left == []


async def test_pending_revisions_are_no_drift(blank_database: Database) -> None:
    await init_database(blank_database.admin_dsn)
    first = {each: revisions(each)[0].id for each in SERVICES}
    await deploy(blank_database.admin_dsn, to=first)
    assert await drift(blank_database.admin_dsn) == ()
    async with administrator(blank_database.server, blank_database.name) as connection:
        await connection.execute("ALTER TABLE chat.rooms ADD COLUMN extra text")

    assert [each.name for each in await drift(blank_database.admin_dsn)] == ["chat.rooms.extra"]


async def test_a_database_of_one_role_has_no_drift(blank_database: Database) -> None:
    await init_database(blank_database.admin_dsn, single_role=True)
    await deploy(blank_database.admin_dsn)

    assert await drift(blank_database.admin_dsn) == ()


async def test_a_scratch_database_that_a_killed_run_left_is_dropped(database: Database) -> None:
    async with administrator(database.server) as connection:
        await connection.execute("CREATE DATABASE seda_scratch_0123456789ab")
        async with scratch_database(database.admin_dsn) as scratch:
            names = [row[0] for row in await connection.fetch("SELECT datname::text FROM pg_database")]
            assert "seda_scratch_0123456789ab" not in names
            assert scratch.rpartition("/")[2] in names
        assert await connection.fetch(_ABANDONED) == []


def test_a_difference_says_what_is_expected() -> None:
    assert Difference("index", "chat.i", "CREATE", None).text == "index chat.i is missing"
    assert Difference("index", "chat.i", None, "CREATE").text == (
        "index chat.i is not of these migrations: CREATE"
    )
    assert Difference("column", "chat.c", "a", "b").text.splitlines() == [
        "column chat.c differs",
        "  expected: a",
        "  found:    b",
    ]
