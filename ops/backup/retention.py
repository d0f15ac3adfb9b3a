"""Which backups go: those that are older than some days, but never the newest few."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ops.backup.create import create_backup, now_utc
from ops.backup.manifest import Manifest, id_time
from ops.backup.progress import byte_progress
from ops.backup.stores import Store
from ops.backup.verify import read_backup, verify_archive
from ops.console import Console
from ops.errors import CliError, Exit

# What was begun longer ago and not published never will be.
_ABANDONED_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """How long backups are kept: `days` each, and at least the newest `minimum` whatever their age."""

    days: float
    minimum: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """The ids that were deleted, or would be: backups, and what is left of those that were never published."""

    backups: tuple[str, ...]
    incomplete: tuple[str, ...]
    kept: tuple[str, ...]


async def back_up(
    dsn: str,
    store: Store,
    console: Console,
    policy: Policy | None = None,
    *,
    recipients: Sequence[object] = (),
    clock: Callable[[], datetime] = now_utc,
) -> tuple[Manifest, Pruned | None]:
    """Make a backup, and prune by `policy` once it is published; a backup that fails deletes nothing."""
    made = await create_backup(dsn, store, console, recipients=recipients, clock=clock)
    if policy is None:
        return made, None
    return made, await asyncio.to_thread(prune, store, policy, clock(), console, verified=made.id)


def expired(ids: Sequence[str], policy: Policy, now: datetime) -> list[str]:
    """Return which of the backups may go, oldest first. The newest one never does."""
    newest_first = sorted(ids, reverse=True)
    candidates = newest_first[max(policy.minimum, 1) :]
    return sorted(each for each in candidates if now - id_time(each) > timedelta(days=policy.days))


def prune(
    store: Store,
    policy: Policy,
    now: datetime,
    console: Console,
    *,
    verified: str | None = None,
    dry_run: bool = False,
) -> Pruned:
    """Delete what the policy lets go, once the newest backup was read in full and is good.

    `verified` is one that was just made, and so was read already. Raises CliError BACKUP_DAMAGED, and deletes nothing then.
    """
    published = store.published()
    doomed = expired(published, policy, now)
    abandoned = tuple(each for each in store.incomplete() if now - id_time(each) > _ABANDONED_AFTER)
    kept = tuple(each for each in published if each not in doomed)
    if dry_run:
        return Pruned(tuple(doomed), abandoned, kept)
    if doomed and kept[-1] != verified:
        _require_good(store, kept[-1], console)
    for each in (*doomed, *abandoned):
        store.delete(each)
    return Pruned(tuple(doomed), abandoned, kept)


def _require_good(store: Store, backup_id: str, console: Console) -> None:
    try:
        manifest = read_backup(store, backup_id)
        with byte_progress(console, "verify", manifest.size) as advance:
            verify_archive(store, manifest, (), advance)
    except CliError as error:
        raise CliError(
            error.code,
            f"The newest backup is not good, so that none was deleted. {error.message}",
            why=error.why,
            fix="Make a good one first: seda backup create",
            exit_code=Exit.UNSAFE,
        ) from error
