"""`seda schema`: the page names every table and column, and the SQL makes what the migrations make."""

from __future__ import annotations

import re
from pathlib import Path

from ops.database import SERVICES
from ops.database.catalog import read_catalog
from ops.database.drift import compare
from ops.database.schema_pages import PAGE, SQL, schema_page, schema_sql
from tests.architecture.project import ROOT
from tests.migrations.test_commands import seda
from tests.postgres import Database, administrator


async def test_the_sql_creates_what_the_migrations_leave(
    database: Database, blank_database: Database
) -> None:
    async with administrator(database.server, database.name) as connection:
        migrated = await read_catalog(connection, SERVICES, grants=False)
    async with administrator(blank_database.server, blank_database.name) as connection:
        await connection.execute("CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions")
        await connection.execute((ROOT / SQL).read_text())
        created = await read_catalog(connection, SERVICES, grants=False)

    assert [each.text for each in compare(migrated, created)] == []
    assert len(created) > 300


async def test_the_page_has_every_column_with_its_meaning(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        columns = await connection.fetch(
            "SELECT format('%s.%s', table_schema, table_name) AS table, column_name::text AS name,"
            " col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position) AS meaning"
            " FROM information_schema.columns WHERE table_schema = ANY ($1)",
            list(SERVICES),
        )
    sections = re.split(r"^### `(.*)`$", (ROOT / PAGE).read_text(), flags=re.MULTILINE)
    tables = dict(zip(sections[1::2], sections[2::2], strict=True))

    for table, name, meaning in columns:
        assert f"| `{name}` |" in tables[table], f"{table}.{name}"
        assert meaning.replace("|", "\\|") in tables[table]


def test_the_diagrams_show_foreign_keys() -> None:
    assert '  rooms ||--o{ room_memberships : "room_id"\n' in schema_page()
    # One counter per room.
    assert '  rooms ||--o| room_counters : "room_id"\n' in schema_page()


async def test_the_command_writes_a_file_or_stdout(tmp_path: Path) -> None:
    written = await seda(None, tmp_path, "schema", "--output", str(tmp_path / "schema.md"))
    printed = await seda(None, tmp_path, "schema", "--sql")
    refused = await seda(None, tmp_path, "schema", "--output", str(tmp_path / "none" / "schema.md"), "--json")

    assert (written.code, (tmp_path / "schema.md").read_text()) == (0, schema_page())
    assert printed.stdout == schema_sql()
    assert (refused.code, refused.envelope["error"]["code"]) == (1, "OUTPUT_NOT_WRITTEN")
