"""`seda migrate`: bring all schemas to this build's heads, and report their state."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from migrations.heads import FOLDER, Revision, revisions
from ops.database import SERVICES
from ops.database.connection import connected
from ops.database.history import History, read_histories, require_no_drift
from ops.database.lock import migration_lock
from ops.errors import CliError, Exit

BeforeDeploy = Callable[[Sequence[tuple[History, Sequence[Revision]]]], Awaitable[None]]
"""What is to happen before the first revision, of the pending revisions of each schema."""

LOCK_WAIT_SECONDS = 30.0
# Attempts per revision while another transaction holds a table that it needs.
ATTEMPTS = 30
_FIRST_PAUSE_SECONDS = 0.3
_LONGEST_PAUSE_SECONDS = 10.0
_OUTSIDE_TRANSACTION = re.compile(
    r"\bmigrations\.concurrently import\b|\bconcurrently\.\w+\(|\bautocommit_block\("
)


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The migration state of one schema. `applied` and `pending` are revision ids; `ahead`: a newer build has been here."""

    schema: str
    head: str
    current: str | None
    applied: tuple[str, ...]
    pending: tuple[str, ...]
    ahead: bool
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeployResult:
    """The result of a deployment to one schema: the ids of the applied revisions, and the current one."""

    schema: str
    applied: tuple[str, ...]
    current: str


async def status(admin_dsn: str, *, folder: Path = FOLDER) -> tuple[SchemaStatus, ...]:
    """Return the state of each schema, drift included. Changes nothing and takes no lock."""
    async with connected(admin_dsn, "migrate status") as connection:
        histories = await read_histories(connection, folder)
    return tuple(
        SchemaStatus(
            schema=each.schema,
            head=each.head,
            current=each.current,
            applied=tuple(entry.revision for entry in each.applied),
            pending=tuple(revision.id for revision in each.pending),
            ahead=each.ahead,
            problems=each.problems,
        )
        for each in histories
    )


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One revision: its file here, when it was applied to the database, and whether the two agree."""

    schema: str
    revision: str
    file: str | None
    applied_at: datetime | None
    compatible_from: str
    edited: bool


async def history(admin_dsn: str, *, folder: Path = FOLDER) -> tuple[HistoryLine, ...]:
    """Return the revisions of all schemas, oldest first: those of this build and those of the database."""
    async with connected(admin_dsn, "migrate history") as connection:
        histories = await read_histories(connection, folder)
    return tuple(line for each in histories for line in _lines(each))


def _lines(history: History) -> Iterator[HistoryLine]:
    files = {each.id: each for each in history.files}
    applied = {each.revision: each for each in history.applied}
    for revision in sorted(files.keys() | applied.keys()):
        file, entry = files.get(revision), applied.get(revision)
        known = file or entry
        assert known is not None  # noqa: S101 - the id comes from one of the two
        yield HistoryLine(
            schema=history.schema,
            revision=revision,
            file=file.path.stem if file else None,
            applied_at=entry.applied_at if entry else None,
            compatible_from=known.compatible_from,
            edited=bool(file and entry and not file.accepts(entry.checksum)),
        )


def targets(to: str | None, folder: Path = FOLDER) -> dict[str, str] | None:
    """Return how far `--to REVISION` goes in each schema: to that minute. Raises CliError REVISION_UNKNOWN."""
    if to is None:
        return None
    if not any(each.id == to for schema in SERVICES for each in revisions(schema, folder)):
        raise CliError(
            "REVISION_UNKNOWN",
            f"No schema has a revision {to}.",
            fix="seda migrate history",
            exit_code=Exit.USAGE,
        )
    return dict.fromkeys(SERVICES, to)


async def deploy(
    admin_dsn: str,
    *,
    lock_wait_seconds: float = LOCK_WAIT_SECONDS,
    attempts: int = ATTEMPTS,
    to: Mapping[str, str] | None = None,
    before: BeforeDeploy | None = None,
    folder: Path = FOLDER,
) -> tuple[DeployResult, ...]:
    """Apply pending revisions, each in its own transaction; a database that is ahead stays unchanged.

    `to` names for each schema the newest revision to apply, "" for none; without it all are applied.
    `before` is called once, under the lock, when there is something to apply; what it raises ends the deployment.

    Nothing is applied when any schema has drifted. A revision that can't get a table lock soon is tried again, so
    that it never makes others queue behind it. Raises CliError LOCK_BUSY (exit code 3), MIGRATION_FAILED (5),
    HISTORY_DRIFT (6), NOT_INITIALISED and DATABASE_UNREACHABLE. Revisions before a failing one stay applied.

    Alembic keeps its place in module globals: a process runs one deployment at a time.
    """
    async with migration_lock(admin_dsn, lock_wait_seconds) as require_lock:
        async with connected(admin_dsn, "migrate deploy") as connection:
            histories = await read_histories(connection, folder)
        require_no_drift(histories)
        pending = [(each, chosen(each, to)) for each in histories]
        if before is not None and any(new for _, new in pending):
            await before(pending)
        return tuple(
            [
                await _deploy_slice(admin_dsn, each, new, attempts, folder, require_lock)
                for each, new in pending
            ]
        )


async def diff(admin_dsn: str, *, folder: Path = FOLDER) -> dict[str, tuple[str, ...]]:
    """Return, for each schema, how the live schema differs from the model of this build; nothing when it doesn't.

    Raises CliError HISTORY_DRIFT, and MIGRATIONS_PENDING when there is something to deploy first.
    """
    from ops.database.alembic_runner import differences

    async with connected(admin_dsn, "migrate diff") as connection:
        histories = await read_histories(connection, folder)
    require_no_drift(histories)
    pending = [each.schema for each in histories if each.pending]
    if pending:
        raise CliError(
            "MIGRATIONS_PENDING", f"Not up to date: {', '.join(pending)}.", fix="seda migrate deploy"
        )
    return {
        each.schema: await differences(admin_dsn, each.schema, owner=each.owner, folder=folder)
        for each in histories
    }


def chosen(history: History, to: Mapping[str, str] | None) -> tuple[Revision, ...]:
    """Return the pending revisions of a schema up to the one that `to` names."""
    return tuple(each for each in history.pending if to is None or each.id <= to[history.schema])


async def _deploy_slice(
    dsn: str,
    history: History,
    pending: Sequence[Revision],
    attempts: int,
    folder: Path,
    require_lock: Callable[[], Awaitable[None]],
) -> DeployResult:
    applied: list[str] = []
    for revision in pending:
        await require_lock()
        await _apply(dsn, history, revision, attempts, folder)
        applied.append(revision.id)
    return DeployResult(history.schema, tuple(applied), applied[-1] if applied else history.current or "")


async def _apply(dsn: str, history: History, revision: Revision, attempts: int, folder: Path) -> None:
    # Loading SQLAlchemy and Alembic takes a third of a second, which a deployment with nothing to do saves.
    from ops.database.alembic_runner import LockedError, upgrade

    pause = _FIRST_PAUSE_SECONDS
    for attempt in range(1, attempts + 1):
        try:
            return await upgrade(dsn, history.schema, revision, owner=history.owner, folder=folder)
        except LockedError as error:
            if attempt == attempts:
                raise _failed(history, revision, f"{error} Tried {attempts} times.", retry=True) from error
        except Exception as error:
            raise _failed(history, revision, str(error) or type(error).__name__) from error
        # Jitter keeps two blockers that come back regularly from always being met.
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
    return None


def _failed(history: History, revision: Revision, why: str, *, retry: bool = False) -> CliError:
    # What ran outside a transaction can be repeated: see migrations/concurrently.py.
    partly = _OUTSIDE_TRANSACTION.search(revision.path.read_text(encoding="utf-8"))
    return CliError(
        "MIGRATION_FAILED",
        f"{history.schema}: revision {revision.path.stem} failed{'' if partly else ' and was rolled back'}.",
        why=why,
        fix="Those before it stay applied. Once the cause is gone, run: seda migrate deploy",
        retry=retry,
        exit_code=Exit.MIGRATION_FAILED,
    )
