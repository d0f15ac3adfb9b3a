"""A verified backup before a migration: when asked for, or when a pending revision drops or changes what is stored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from migrations.heads import Revision
from ops.backup.create import create_backup
from ops.backup.keys import recipients
from ops.backup.manifest import Manifest
from ops.backup.stores import open_store
from ops.console import Console
from ops.data_dir import running_dsn
from ops.database.connection import backup_dsn, connected
from ops.database.data_loss import data_loss
from ops.database.history import History
from ops.errors import CliError, Exit

_DECLINE = "Or do without a backup: seda migrate deploy --no-backup"
_INSTANCE = "SELECT id FROM chat.instance"


@dataclass(slots=True)
class BackupBefore:
    """What `deploy` calls before the first revision. `wanted` is None where the revisions decide.

    In `development` the data folder will do where no place for backups is named. `made` is the backup, None while there
    is none, and `location` the place where it is.
    """

    dsn: str
    console: Console
    wanted: bool | None = None
    development: bool = False
    made: Manifest | None = None
    location: str = ""

    async def __call__(self, pending: Sequence[tuple[History, Sequence[Revision]]]) -> None:
        """Make a backup if it takes one; whatever fails, nothing was applied yet.

        Raises CliError BACKUP_NOT_CONFIGURED, BACKUP_OF_OTHER_DATABASE and what `create_backup` raises.
        """
        if self.wanted is False or not any(history.applied for history, _ in pending):
            return
        losses = tuple(losing(pending))
        if not self.wanted and not losses:
            return
        if not self.development:
            _require_configured(self.dsn, losses)
        reason = f": {', '.join(losses)}" if losses else ""
        self.console.message(f"A backup comes first{reason}.")
        try:
            self.made = await self._back_up()
        except (CliError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise _failed(error) from error

    async def _back_up(self) -> Manifest:
        source = backup_dsn(self.dsn)
        if source != self.dsn and await _instance(source) != await _instance(self.dsn):
            raise CliError(
                "BACKUP_OF_OTHER_DATABASE",
                "SEDA_BACKUP_DATABASE_URL leads to another database than the one to migrate.",
                fix="Correct it, or unset it to dump as the administrator.",
                exit_code=Exit.UNSAFE,
            )
        # With --json the deployment writes one object, and no events.
        console = Console() if self.console.json else self.console
        store = open_store(None)
        self.location = store.location
        return await create_backup(source, store, console, recipients=recipients())


def losing(pending: Sequence[tuple[History, Sequence[Revision]]]) -> list[str]:
    """Return, in words, which revisions drop or change what is stored; a schema without any revision stores nothing."""
    return [
        f"{history.schema} {revision.path.stem} {loss} data"
        for history, revisions in pending
        if history.applied
        for revision in revisions
        if (loss := data_loss(revision))
    ]


def _require_configured(dsn: str, losses: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
    # The folder of `seda up` lies beside its own server; elsewhere it may be one that goes with a container.
    if environ.get("SEDA_BACKUP_LOCATION") or dsn == running_dsn(environ):
        return
    raise CliError(
        "BACKUP_NOT_CONFIGURED",
        "A backup has to come first, and no place for backups is named. Nothing was applied.",
        why=f"What it loses can't be brought back otherwise: {', '.join(losses)}."
        if losses
        else "--backup was given.",
        fix="export SEDA_BACKUP_LOCATION=s3://bucket/prefix (or a folder that stays)\n" + _DECLINE,
        exit_code=Exit.UNSAFE,
    )


def _failed(error: Exception) -> CliError:
    known = error if isinstance(error, CliError) else None
    return CliError(
        known.code if known else "BACKUP_FAILED",
        f"No backup could be made, so nothing was applied. {known.message if known else ''}".rstrip(),
        why=known.why if known else str(error) or type(error).__name__,
        fix="\n".join(each for each in (known.fix if known else "", _DECLINE) if each),
        retry=known.retry if known else True,
        exit_code=known.exit_code if known else Exit.ACTION_NEEDED,
    )


async def _instance(dsn: str) -> object:
    async with connected(dsn, "backup") as connection:
        return await connection.fetchval(_INSTANCE)
