"""Compare the revision files of this build with the revisions applied to a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from migrations.heads import FOLDER, BrokenHistoryError, Revision, revisions
from ops.database import SERVICES
from ops.errors import CliError, Exit


@dataclass(frozen=True, slots=True)
class Applied:
    """One entry of `<schema>_migrations.applied`."""

    revision: str
    checksum: str
    applied_at: datetime
    compatible_from: str


@dataclass(frozen=True, slots=True)
class History:
    """One schema's files beside its entries. `owner` is the role that owns the schema and runs its revisions."""

    schema: str
    owner: str
    files: tuple[Revision, ...]
    applied: tuple[Applied, ...]
    problems: tuple[str, ...]

    @property
    def head(self) -> str:
        """The newest revision of this build."""
        return self.files[-1].id

    @property
    def current(self) -> str | None:
        """The newest applied revision."""
        return self.applied[-1].revision if self.applied else None

    @property
    def pending(self) -> tuple[Revision, ...]:
        """The files that are still to be applied, oldest first."""
        done = {each.revision for each in self.applied}
        return tuple(each for each in self.files if each.id not in done)

    @property
    def ahead(self) -> bool:
        """Whether a newer build has migrated the database."""
        return self.current is not None and self.current > self.head


async def read_histories(connection: asyncpg.Connection, folder: Path = FOLDER) -> tuple[History, ...]:
    """Return the histories of all schemas.

    Raises CliError NOT_INITIALISED when a schema is missing and HISTORY_BROKEN when the files are no line.
    """
    try:
        return tuple([await _read(connection, each, revisions(each, folder)) for each in SERVICES])
    except BrokenHistoryError as error:
        raise CliError(
            "HISTORY_BROKEN",
            "The revision files of this build are no history.",
            why=str(error),
            fix="Correct the file's name or its first lines.",
            exit_code=Exit.DRIFT,
        ) from error


def require_no_drift(histories: Sequence[History]) -> None:
    """Raise CliError HISTORY_DRIFT when the applied revisions differ from the files."""
    problems = [f"{each.schema}: {problem}" for each in histories for problem in each.problems]
    if problems:
        raise CliError(
            "HISTORY_DRIFT",
            "The database was migrated by other files than these.",
            why="\n".join(problems),
            fix="Bring back the files as they were when applied, and put the change into a new revision.",
            exit_code=Exit.DRIFT,
        )


async def _read(connection: asyncpg.Connection, schema: str, files: tuple[Revision, ...]) -> History:
    owner = await connection.fetchval(
        "SELECT pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace WHERE nspname = $1",
        f"{schema}_migrations",
    )
    if owner is None:
        raise CliError(
            "NOT_INITIALISED",
            f"The database has no schema {schema}_migrations.",
            why="Roles and schemas come before migrations.",
            fix="seda db init",
        )
    applied: tuple[Applied, ...] = ()
    version: str | None = None
    if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", f"{schema}_migrations.applied"):
        rows = await connection.fetch(
            "SELECT revision, checksum, applied_at, compatible_from"
            f' FROM {schema}_migrations.applied ORDER BY revision COLLATE "C"'
        )
        applied = tuple(Applied(*row) for row in rows)
        version = await connection.fetchval(
            f"SELECT max(version_num) FROM {schema}_migrations.alembic_version"
        )
    return History(schema, owner, files, applied, tuple(_problems(files, applied, version)))


def _problems(files: tuple[Revision, ...], applied: tuple[Applied, ...], version: str | None) -> list[str]:
    known = {each.id: each for each in files}
    found: list[str] = []
    for entry in applied:
        file = known.get(entry.revision)
        if file is not None and not file.accepts(entry.checksum):
            found.append(
                f"{file.path.name} was edited after it was applied on {entry.applied_at:%Y-%m-%d %H:%M} UTC."
            )
        # Revisions beyond this build's head were applied by a newer build, which is allowed.
        elif file is None and entry.revision < files[-1].id:
            found.append(f"Revision {entry.revision} was applied, but its file is missing.")
    newest = applied[-1].revision if applied else None
    done = {entry.revision for entry in applied}
    found += [
        f"{each.path.name} was added before revision {newest}, which was applied already."
        for each in files
        if newest is not None and each.id not in done and each.id < newest
    ]
    if version != newest:
        found.append(
            f"Alembic's own place is {version or 'the beginning'}, but the newest entry is {newest or 'none'}."
        )
    return found
