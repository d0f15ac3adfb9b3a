"""The models of services/*/schema.py and the migrations describe the same schemas."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import sqlalchemy as sa

from ops.database import SERVICES
from ops.database.migrate import diff
from services.chat import schema as chat_schema
from services.tracks import schema as tracks_schema
from services.users import schema as users_schema
from tests.migrations import catalog
from tests.partitioning import PARTITIONED, run_sync
from tests.postgres import Database, administrator

MODELS: dict[str, ModuleType] = {"users": users_schema, "chat": chat_schema, "tracks": tracks_schema}


async def lines_of(database: Database, schema: str) -> frozenset[str]:
    async with administrator(database.server, database.name) as connection:
        return await catalog.lines(connection, schema)


async def create_from_model(database: Database, schema: str) -> frozenset[str]:
    async with administrator(database.server, database.name) as connection:
        await connection.execute(f"CREATE SCHEMA {schema}; CREATE SCHEMA extensions")
        await connection.execute("CREATE EXTENSION pg_trgm SCHEMA extensions")
    metadata: sa.MetaData = MODELS[schema].metadata
    await run_sync(database.admin_dsn, metadata.create_all)
    return await lines_of(database, schema)


@pytest.mark.parametrize("schema", SERVICES)
async def test_migrations_leave_what_the_model_describes(
    schema: str, database: Database, blank_database: Database
) -> None:
    migrated = {each for each in await lines_of(database, schema) if "partition of" not in each}
    modelled = await create_from_model(blank_database, schema)

    assert sorted(migrated - modelled) == []
    assert sorted(modelled - migrated) == []
    assert len(modelled) > 20


async def test_alembic_finds_nothing_to_change(database: Database) -> None:
    assert await diff(database.admin_dsn) == {"users": (), "chat": (), "tracks": ()}


CHANGES: dict[str, str] = {
    "comment of a column": "COMMENT ON COLUMN users.users.email IS 'Something else'",
    "comment of a table": "COMMENT ON TABLE users.users IS NULL",
    "constraint": "ALTER TABLE users.users DROP CONSTRAINT users_role_check,"
    " ADD CONSTRAINT users_role_check CHECK (role IN ('USER', 'ADMIN'))",
    "default": "ALTER TABLE users.users ALTER COLUMN role DROP DEFAULT",
    "nullability": "ALTER TABLE users.users ALTER COLUMN display_name DROP NOT NULL",
    "type": "ALTER TABLE users.users ALTER COLUMN display_name TYPE varchar(80)",
    "option": "ALTER TABLE users.users SET (fillfactor = 50)",
    "index": "CREATE INDEX users_role_idx ON users.users (role)",
    "column": "ALTER TABLE users.users ADD COLUMN extra text",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_any_difference_is_noticed(change: str, fresh_database: Database) -> None:
    before = await lines_of(fresh_database, "users")
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute(change)

    assert await lines_of(fresh_database, "users") != before


async def test_diff_names_what_differs(fresh_database: Database) -> None:
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute(
            "ALTER TABLE users.users ADD COLUMN extra text; DROP INDEX chat.messages_author_idx"
        )

    found = await diff(fresh_database.admin_dsn)

    assert found["tracks"] == ()
    assert ["extra" in each for each in found["users"]] == [True]
    assert ["messages_author_idx" in each for each in found["chat"]] == [True]


def _tables(model: ModuleType) -> list[sa.Table]:
    metadata: sa.MetaData = model.metadata
    return list(metadata.tables.values())


@pytest.mark.parametrize("table", [each for model in MODELS.values() for each in _tables(model)], ids=str)
def test_everything_is_named_and_commented(table: sa.Table) -> None:
    assert table.comment
    assert [column.name for column in table.columns if not column.comment] == []
    assert [each for each in table.constraints if not each.name] == []
    assert [each for each in table.indexes if not each.name] == []
    # An unknown zone makes an instant a guess.
    zones = {each.name: each.type.timezone for each in table.columns if isinstance(each.type, sa.DateTime)}
    assert [name for name, known in zones.items() if not known] == []


_KEYS: dict[str, Callable[[sa.Table], dict[str, list[str]]]] = {
    "constraints": lambda table: {
        str(each.name): [column.name for column in each.columns]
        for each in table.constraints
        if isinstance(each, sa.PrimaryKeyConstraint | sa.UniqueConstraint)
    },
    "indexes": lambda table: {
        str(each.name): [column.name for column in each.columns] for each in table.indexes if each.unique
    },
}
# Only builds before ids of rooms followed from request ids need it.
_OF_EARLIER_BUILDS = {"rooms_created_by_request_id_key"}


@pytest.mark.parametrize("kind", _KEYS)
def test_every_key_of_a_table_of_rooms_begins_with_the_room(kind: str) -> None:
    others = {
        name
        for table in _tables(chat_schema)
        for name, columns in _KEYS[kind](table).items()
        if table.name in PARTITIONED and columns[0] != PARTITIONED[table.name]
    }

    assert len(PARTITIONED) == 14
    assert others == (_OF_EARLIER_BUILDS if kind == "indexes" else set())
