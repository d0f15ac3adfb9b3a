"""Apply pending revisions to a scratch database and note what they do: their SQL, and the locks that they take.

Nothing of it happens in the live database, where even a transaction that is rolled back would hold its locks.
Loads SQLAlchemy: import it late.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, event, text

from migrations.heads import Revision
from ops.database.alembic_runner import on_connection, run_upgrade
from ops.database.history import History
from ops.errors import CliError, Exit

_TABLES = """
SELECT format('%s.%s', n.nspname, c.relname) FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'm')
"""
_LOCKS = """
SELECT DISTINCT format('%s.%s', n.nspname, c.relname), l.mode FROM pg_catalog.pg_locks AS l
JOIN pg_catalog.pg_class AS c ON c.oid = l.relation JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.granted AND l.mode <> 'AccessShareLock'
  AND n.nspname = :schema AND c.relkind IN ('r', 'p', 'm')
"""
# Weakest first; each with what has to wait for it.
_MODES = {
    "RowShareLock": "drops and rewrites",
    "RowExclusiveLock": "index builds and changes of the table",
    "ShareUpdateExclusiveLock": "other changes of the table, and vacuum",
    "ShareLock": "writes",
    "ShareRowExclusiveLock": "writes",
    "ExclusiveLock": "writes",
    "AccessExclusiveLock": "reads and writes",
}
_CONCURRENT = re.compile(r"\bINDEX CONCURRENTLY\b.*?\bON ([\w.]+)|\bINDEX CONCURRENTLY\b", re.DOTALL)
_NOT_SHOWN = re.compile(r"\s*(?:SELECT|SHOW|RESET|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableLock:
    """A lock on a table that was there before. `blocks` says what waits for it."""

    table: str
    mode: str
    blocks: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What one revision does: its statements, without values, and its strongest lock on each table."""

    schema: str
    revision: Revision
    statements: tuple[str, ...]
    locks: tuple[TableLock, ...]


async def replay(
    scratch: str, history: History, revisions: Sequence[Revision], folder: Path
) -> tuple[Replay, ...]:
    """Apply revisions to a scratch database that has their predecessors. Raises CliError MIGRATION_FAILED."""
    done: list[Replay] = []
    for revision in revisions:
        try:
            await on_connection(scratch, history.owner, _observed(history.schema, revision, folder, done))
        except Exception as error:
            raise CliError(
                "MIGRATION_FAILED",
                f"{history.schema}: revision {revision.path.stem} fails on a scratch database. Nothing was applied.",
                why=str(error) or type(error).__name__,
                fix="Correct the file and run it again.",
                exit_code=Exit.MIGRATION_FAILED,
            ) from error
    return tuple(done)


def _observed(
    schema: str, revision: Revision, folder: Path, done: list[Replay]
) -> Callable[[Connection], None]:
    def apply(connection: Connection) -> None:
        statements: list[str] = []
        locks: dict[str, str] = {}
        with connection.begin():
            existing = set(connection.scalars(text(_TABLES), {"schema": schema}))

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if not _NOT_SHOWN.match(statement) and f"{schema}_migrations." not in statement:
                statements.append(statement.strip())

        def read_locks(**_: object) -> None:
            for table, mode in connection.execute(text(_LOCKS), {"schema": schema}):
                if table in existing:
                    locks[table] = max(locks.get(table, mode), mode, key=list(_MODES).index)

        event.listen(connection, "before_cursor_execute", note)
        run_upgrade(connection, schema, revision, folder, [read_locks])
        # Outside a transaction no lock is left at the end.
        for table in (match[1] for each in statements if (match := _CONCURRENT.search(each))):
            locks[table or "the index's table"] = "ShareUpdateExclusiveLock"
        found = (TableLock(table, mode, _MODES[mode]) for table, mode in sorted(locks.items()))
        done.append(Replay(schema, revision, tuple(statements), tuple(found)))

    return apply
