"""`seda migrate dev` and `lint`: from a change of a model to an applied revision, or to a refusal with the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from migrations.heads import head, revisions
from ops.database.dev import develop, lint
from ops.database.drift import drift
from ops.database.migrate import diff
from ops.errors import CliError, Exit
from services.chat.schema import metadata
from tests.migrations.revision_files import NEXT, add_revision, applied
from tests.migrations.test_commands import seda
from tests.postgres import Database, administrator

pytestmark = pytest.mark.slow


@pytest.fixture
def notes() -> Iterator[sa.Table]:
    """A table that chat's model has and its history has not."""
    table = sa.Table(
        "notes",
        metadata,
        sa.Column("id", sa.Uuid, nullable=False, comment="Id"),
        sa.Column("text", sa.Text, nullable=False, server_default="", comment="Text"),
        sa.PrimaryKeyConstraint("id", name="notes_pkey"),
        sa.CheckConstraint("text <> 'x'", name="notes_text_check"),
        sa.Index("notes_text_idx", "text"),
        comment="Notes",
    )
    yield table
    metadata.remove(table)


@pytest.mark.usefixtures("notes")
async def test_a_new_table_becomes_an_applied_revision(fresh_database: Database, folder: Path) -> None:
    before = head("chat", folder)

    done = await develop(fresh_database.admin_dsn, "add_notes", folder=folder)

    newest = revisions("chat", folder)[-1]
    assert done.written == (newest.path,)
    assert (newest.down, newest.path.name) == (before, f"{newest.id}_add_notes.py")
    assert newest.compatible_from == revisions("chat", folder)[-2].compatible_from
    assert [each.applied for each in done.applied] == [(), (newest.id,), ()]
    assert (await applied(fresh_database, "chat"))[-1][0] == newest.id
    assert await diff(fresh_database.admin_dsn, folder=folder) == {"users": (), "chat": (), "tracks": ()}
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        assert await connection.fetchval("SELECT has_table_privilege('chat_app', 'chat.notes', 'INSERT')")
    # Nothing is left to write.
    again = await develop(fresh_database.admin_dsn, "again", folder=folder)
    assert again.written == ()


async def test_an_unsafe_revision_is_written_and_not_applied(
    notes: sa.Table, fresh_database: Database, folder: Path
) -> None:
    await develop(fresh_database.admin_dsn, "add_notes", folder=folder)
    column = sa.Column("topic", sa.Text, nullable=False, comment="Topic")
    notes.append_column(column)
    notes.append_constraint(sa.Index("notes_topic_idx", "topic"))
    with pytest.raises(CliError) as caught:
        await develop(fresh_database.admin_dsn, "add_topic", folder=folder)

    assert (caught.value.code, caught.value.exit_code) == ("UNSAFE_REVISION", Exit.UNSAFE)
    newest = revisions("chat", folder)[-1]
    assert newest.path.name.endswith("_add_topic.py")
    assert f"Written: {newest.path}" in caught.value.why
    assert "require-concurrent-index-creation" in caught.value.why
    assert "Safe: A revision of its own with migrations.concurrently.create_index." in caught.value.why
    assert (await applied(fresh_database, "chat"))[-1][0] != newest.id
    assert await drift(fresh_database.admin_dsn, folder=folder) == ()


@pytest.mark.usefixtures("notes")
async def test_a_database_that_was_changed_by_hand_is_refused(fresh_database: Database, folder: Path) -> None:
    async with administrator(fresh_database.server, fresh_database.name) as connection:
        await connection.execute("ALTER TABLE users.users ADD COLUMN extra text")
    with pytest.raises(CliError) as caught:
        await develop(fresh_database.admin_dsn, "add_notes", folder=folder)

    assert (caught.value.code, caught.value.exit_code) == ("DATABASE_DRIFT", Exit.DRIFT)
    assert caught.value.why.startswith("column users.users.extra is not of these migrations")
    assert head("chat", folder) == head("chat")


@pytest.mark.parametrize("name", ["", "Add notes", "../x", "_x", "1x", "x__y"])
async def test_a_name_is_part_of_a_file_name(name: str, database: Database, folder: Path) -> None:
    with pytest.raises(CliError) as caught:
        await develop(database.admin_dsn, name, folder=folder)

    assert (caught.value.code, caught.value.exit_code) == ("NAME_INVALID", Exit.USAGE)


async def test_lint_reads_what_revisions_execute(fresh_database: Database, folder: Path) -> None:
    add_revision(
        folder,
        "op.add_column('rooms', __import__('sqlalchemy').Column('x', __import__('sqlalchemy').String(9)),"
        " schema='chat')",
    )
    add_revision(
        folder,
        "concurrently.create_index('rooms_x_idx', 'rooms', ['x'], schema='chat')",
        name="29990102_0900_index",
    )

    found = await lint(fresh_database.admin_dsn, folder=folder)

    assert [(each.file, each.rule) for each in found] == [(f"{NEXT}_next", "prefer-text-field")]
    assert found[0].statement == "ALTER TABLE chat.rooms ADD COLUMN x VARCHAR(9)"
    assert await lint(fresh_database.admin_dsn, since=NEXT, folder=folder) == ()


async def test_a_revision_that_fails_is_told_before_anything_is_applied(
    fresh_database: Database, folder: Path
) -> None:
    add_revision(folder, "op.execute('SELEKT')")
    with pytest.raises(CliError) as caught:
        await lint(fresh_database.admin_dsn, folder=folder)

    assert (caught.value.code, caught.value.exit_code) == ("MIGRATION_FAILED", Exit.MIGRATION_FAILED)
    assert "fails on a scratch database" in caught.value.message


async def test_the_commands_tell_findings_and_what_is_next(database: Database, tmp_path: Path) -> None:
    unsafe = await seda(database, tmp_path, "migrate", "lint", "--since", "20261129_1115", "--json")
    safe = await seda(database, tmp_path, "migrate", "lint")
    unknown = await seda(database, tmp_path, "migrate", "lint", "--since", "nonsense", "--json")
    nothing = await seda(database, tmp_path, "migrate", "dev", "--name", "nothing")

    assert (unsafe.code, unsafe.envelope["error"]["code"]) == (4, "UNSAFE_REVISION")
    [first, *_] = unsafe.envelope["error"]["details"]["findings"]
    assert first["rule"] == "concurrently-alone"
    assert first["recipe"].startswith("One revision for what CONCURRENTLY does")
    assert (safe.code, safe.stdout) == (0, "Nothing unsafe.\n")
    assert (unknown.code, unknown.envelope["error"]["code"]) == (2, "REVISION_UNKNOWN")
    assert (nothing.code, nothing.stdout) == (0, "The models have nothing new.\n")


LINTED_SINCE = "20261129_2030"
"""Revisions up to here were written before there were databases with users."""


async def test_new_revisions_are_safe(database: Database) -> None:
    assert await lint(database.admin_dsn, since=LINTED_SINCE) == ()
