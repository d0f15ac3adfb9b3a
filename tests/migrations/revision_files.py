"""Revisions that tests add to a copy of the migrations, and what a database has of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from migrations.heads import FOLDER, head
from tests.postgres import Database, administrator

NEXT = "29990101_0900"


def copy_migrations(folder: Path) -> Path:
    """Return a copy of the migrations below `folder` that a test may change."""
    target = folder / "migrations"
    shutil.copytree(FOLDER, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def add_revision(
    folder: Path,
    body: str,
    schema: str = "chat",
    name: str = f"{NEXT}_next",
    compatible_from: str | None = None,
) -> Path:
    """Write a revision after the newest one; `body` is that of `upgrade()`, its lines indented by four.

    Unless `compatible_from` is given, no earlier build runs on it.
    """
    path = folder / schema / "versions" / f"{name}.py"
    path.write_text(
        "from alembic import op\n\nfrom migrations import concurrently\n\n"
        f'revision = "{name[:13]}"\ndown_revision = "{head(schema, folder)}"\n'
        f'compatible_from = "{compatible_from or name[:13]}"\n\n\ndef upgrade() -> None:\n    {body}\n'
    )
    return path


async def applied(database: Database, schema: str) -> list[tuple[str, str, str]]:
    """Return the entries of a history: revision, checksum, oldest compatible revision."""
    async with administrator(database.server, database.name) as connection:
        return [
            tuple(row)
            for row in await connection.fetch(
                f"SELECT revision, checksum, compatible_from FROM {schema}_migrations.applied ORDER BY 1"
            )
        ]
