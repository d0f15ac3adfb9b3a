"""Reading the revision files without Alembic."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from migrations.heads import FOLDER, BrokenHistoryError, checksum, head, revisions
from ops.database import SERVICES
from tests.postgres import Database


def write(folder: Path, name: str, down: str | None, compatible: str | None = None) -> Path:
    versions = folder / "chat" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    revision = name[:13]
    path = versions / f"{name}.py"
    down_text = f'"{down}"' if down else "None"
    path.write_text(
        f'revision = "{revision}"\ndown_revision = {down_text}\ncompatible_from = "{compatible or revision}"\n'
    )
    return path


@pytest.mark.parametrize("schema", SERVICES)
def test_heads_agree_with_alembic(schema: str) -> None:
    script = ScriptDirectory.from_config(Config(FOLDER / "alembic.ini", ini_section=schema))

    assert [head(schema)] == script.get_heads()
    assert [each.id for each in reversed(revisions(schema))] == [
        each.revision for each in script.walk_revisions()
    ]


def test_heads_load_neither_alembic_nor_sqlalchemy() -> None:
    program = (
        "import sys; from migrations.heads import head; head('chat');"
        "print([name for name in sys.modules if name.split('.')[0] in {'alembic', 'sqlalchemy', 'asyncpg'}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_revisions_come_in_their_order(tmp_path: Path) -> None:
    write(tmp_path, "20270102_0900_second", "20270101_0900")
    write(tmp_path, "20270101_0900_first", None)

    assert [each.id for each in revisions("chat", tmp_path)] == ["20270101_0900", "20270102_0900"]


def test_a_revision_counts_by_its_former_checksums_as_well(tmp_path: Path) -> None:
    former = ("0" * 64, "f" * 64)
    path = write(tmp_path, "20270101_0900_first", None)
    path.write_text(path.read_text() + "".join(f'former_checksum = "{each}"\n' for each in former))

    (revision,) = revisions("chat", tmp_path)

    assert revision.former_checksums == former
    assert [revision.accepts(each) for each in (checksum(path), *former, "1" * 64)] == [
        True,
        True,
        True,
        False,
    ]


def test_a_history_that_branches_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "20270101_0900_first", None)
    write(tmp_path, "20270102_0900_second", "20270101_0900")
    write(tmp_path, "20270103_0900_also_second", "20270101_0900")

    with pytest.raises(BrokenHistoryError, match="also_second"):
        revisions("chat", tmp_path)


def test_a_file_must_be_named_after_its_revision(tmp_path: Path) -> None:
    path = write(tmp_path, "20270101_0900_first", None)
    path.rename(path.with_name("20270101_0901_first.py"))

    with pytest.raises(BrokenHistoryError, match="must begin"):
        revisions("chat", tmp_path)


def test_a_file_without_its_facts_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "20270101_0900_first", None)
    path.write_text('revision = "20270101_0900"\ndown_revision = None\n')

    with pytest.raises(BrokenHistoryError, match="compatible_from"):
        revisions("chat", tmp_path)


def test_an_empty_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenHistoryError, match="No revisions"):
        head("chat", tmp_path)


def test_line_ends_do_not_change_a_checksum(tmp_path: Path) -> None:
    path = write(tmp_path, "20270101_0900_first", None)
    before = checksum(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert checksum(path) == before
    path.write_bytes(path.read_bytes() + b"#")
    assert checksum(path) != before


async def test_the_service_may_read_what_was_applied(database: Database) -> None:
    for schema in SERVICES:
        connection = await asyncpg.connect(database.app_dsn(schema))
        try:
            rows = await connection.fetch(
                f"SELECT revision, compatible_from FROM {schema}_migrations.applied ORDER BY applied_at"
            )
        finally:
            await connection.close()
        assert [tuple(row) for row in rows] == [(each.id, each.compatible_from) for each in revisions(schema)]
