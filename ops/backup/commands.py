"""`seda backup` and `seda restore`: options in, a few lines or one JSON object out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ops.confirm import require_confirmation
from ops.console import CliError, Exit, console
from ops.database.commands import run
from ops.durations import parse_duration

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import timedelta

    from ops.backup.manifest import Manifest
    from ops.backup.retention import Pruned

_Result = TypeVar("_Result")
_MEGABYTE = 1_000_000

backup_app = typer.Typer(no_args_is_help=True, help="Back up the database, verify backups, prune old ones.")

_At = Annotated[
    str | None,
    typer.Option(
        help="A folder or s3://bucket/prefix; default: SEDA_BACKUP_LOCATION, else backups in the data folder."
    ),
]
_Backup = Annotated[
    str, typer.Argument(help="Id of the backup, its folder or URL, or: latest.", metavar="BACKUP")
]
_Identity = Annotated[
    Path | None,
    typer.Option(
        help="File of the secret age key; default: SEDA_BACKUP_IDENTITY or its _FILE.", metavar="FILE"
    ),
]
_KeepDays = Annotated[float | None, typer.Option(min=0, help="Delete backups older than this, in days.")]
_KeepMin = Annotated[int, typer.Option(min=1, help="But never the newest ones, this many.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
_NoInput = Annotated[bool, typer.Option("--no-input", help="Fail instead of asking.")]


@backup_app.callback()
def _backup() -> None:
    """Back up the database, verify backups, prune old ones."""


@backup_app.command("create")
def backup_create(
    at: _At = None,
    recipients: Annotated[
        Path | None,
        typer.Option(
            help="Encrypt for the public age keys in this file; default: SEDA_BACKUP_RECIPIENTS or its _FILE.",
            metavar="FILE",
        ),
    ] = None,
    keep_days: _KeepDays = None,
    keep_min: _KeepMin = 7,
) -> None:
    """Make a backup of all schemas, read it back in full, and publish it.

    With --keep-days old backups are pruned afterwards; when the backup fails nothing is deleted. Connects with
    SEDA_BACKUP_DATABASE_URL, as a login of the role seda_backup has it, else as the administrator.

    Examples:
        seda backup create

        seda backup create --at s3://my-bucket/seda --recipients backup.pub --keep-days 14
    """
    from ops.backup import keys
    from ops.backup.retention import Policy, back_up
    from ops.backup.stores import open_store
    from ops.database.connection import backup_dsn

    store = open_store(at)
    policy = None if keep_days is None else Policy(keep_days, keep_min)
    made, pruned = _run(back_up(backup_dsn(), store, console, policy, recipients=keys.recipients(recipients)))
    text = f"{store.location}/{made.id}: {made.rows} rows, {_size(made.size)}, verified."
    if pruned is not None:
        text += f"\n{_pruned_text(pruned)}"
    console.result({**made.summary(), "location": store.location, "pruned": pruned}, text)


@backup_app.command("list")
def backup_list(at: _At = None) -> None:
    """List the backups, newest first.

    Examples:
        seda backup list

        seda backup list --at s3://my-bucket/seda --json
    """
    from ops.backup.stores import open_store
    from ops.backup.verify import read_backup

    store = open_store(at)
    found: list[tuple[str, Manifest | CliError]] = []
    for each in reversed(store.published()):
        try:
            found.append((each, read_backup(store, each)))
        except CliError as error:
            found.append((each, error))
    incomplete = store.incomplete()
    if console.json:
        backups = [
            {"id": name, "damaged": each.message} if isinstance(each, CliError) else each.summary()
            for name, each in found
        ]
        console.result({"location": store.location, "backups": backups, "incomplete": incomplete})
        return
    console.table(
        ("backup", "rows", "size", "PostgreSQL", "encrypted"),
        [
            (name, "damaged", "", "", "")
            if isinstance(each, CliError)
            else (name, each.rows, _size(each.size), each.server_major, "yes" if each.encrypted else "no")
            for name, each in found
        ],
    )
    if incomplete:
        console.message(f"Never published: {', '.join(incomplete)}. seda backup prune removes them.")


@backup_app.command("verify")
def backup_verify(backup: _Backup = "latest", at: _At = None, identity: _Identity = None) -> None:
    """Read a backup in full: every byte against its manifest, and the archive by pg_restore.

    An encrypted one is unpacked only with its key. Exit code 4: it is damaged.

    Examples:
        seda backup verify

        seda backup verify 20261129T030000Z-5f0c1a --at s3://my-bucket/seda
    """
    from ops.backup import keys
    from ops.backup.progress import byte_progress
    from ops.backup.stores import find_backup
    from ops.backup.verify import read_backup, verify_archive

    store, backup_id = find_backup(backup, at)
    manifest = read_backup(store, backup_id)
    with byte_progress(console, "verify", manifest.size) as advance:
        unpacked = verify_archive(store, manifest, keys.identities(identity), advance)
    text = f"{backup_id}: {_size(manifest.size)} as written" + (
        ", and the archive can be read." if unpacked else "; without its key the archive was not read."
    )
    console.result({**manifest.summary(), "unpacked": unpacked}, text)


@backup_app.command("prune")
def backup_prune(
    keep_days: Annotated[float, typer.Option(min=0, help="Delete backups older than this, in days.")],
    keep_min: _KeepMin = 7,
    at: _At = None,
    dry_run: _DryRun = False,
) -> None:
    """Delete old backups, once the newest one was read in full and is good.

    Those of --keep-days stay, and the newest --keep-min whatever their age. Also removed is what was begun more than
    a day ago and never published. Exit code 4: the newest is damaged, and nothing was deleted.

    Examples:
        seda backup prune --keep-days 14

        seda backup prune --keep-days 14 --keep-min 7 --dry-run
    """
    from ops.backup.create import now_utc
    from ops.backup.retention import Policy, prune
    from ops.backup.stores import open_store

    done = prune(open_store(at), Policy(keep_days, keep_min), now_utc(), console, dry_run=dry_run)
    console.result(done, _pruned_text(done, "would be deleted" if dry_run else "deleted"))


@backup_app.command("status")
def backup_status(
    max_age: Annotated[
        str, typer.Option(help="How old the newest backup may be: 90m, 26h, 2d.", metavar="TIME")
    ] = "26h",
    at: _At = None,
) -> None:
    """Report the newest backup. Exit code 1: there is none, or it is too old. For monitoring.

    Examples:
        seda backup status

        seda backup status --max-age 2d --at s3://my-bucket/seda
    """
    from ops.backup.create import now_utc
    from ops.backup.stores import open_store
    from ops.backup.verify import read_backup

    limit = parse_duration(max_age, "--max-age")
    store = open_store(at)
    published = store.published()
    if not published:
        raise CliError("BACKUP_MISSING", f"There is no backup in {store.location}.", fix="seda backup create")
    manifest = read_backup(store, published[-1])
    age = now_utc() - manifest.created_at
    if age > limit:
        raise CliError(
            "BACKUP_TOO_OLD",
            f"The newest backup, {manifest.id}, is {_age(age)} old.",
            why=f"At most {max_age} is asked for.",
            fix="seda backup create",
            details=manifest.summary(),
        )
    text = f"{manifest.id}, {_age(age)} old, {_size(manifest.size)}, {len(published)} backups."
    console.result({**manifest.summary(), "age": age, "backups": len(published)}, text)


@backup_app.command("drill")
def backup_drill(backup: _Backup = "latest", at: _At = None, identity: _Identity = None) -> None:
    """Restore a backup into a scratch database, compare and read it, and drop it.

    Examples:
        seda backup drill

        seda backup drill latest --at s3://my-bucket/seda --identity backup.key
    """
    from ops.backup import keys
    from ops.backup.drill import drill
    from ops.backup.restore import Source
    from ops.backup.stores import find_backup
    from ops.database.connection import admin_dsn

    store, backup_id = find_backup(backup, at)
    report = _run(drill(admin_dsn(), Source(store, backup_id, keys.identities(identity)), console))
    console.result(
        report,
        f"{backup_id}: {report.rows} rows in {report.tables} tables restored in {report.seconds:.1f} s,"
        " equal to the manifest, and readable by the services' roles.",
    )


def restore(  # noqa: PLR0913, PLR0917 - each is an option
    backup: _Backup,
    into: Annotated[
        str | None, typer.Option(help="Restore into a new database of this name.", metavar="DATABASE")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Restore in place of the database in DATABASE_URL.")
    ] = False,
    tables: Annotated[
        str | None,
        typer.Option(
            help="Restore only the rows of these tables: users.users,chat.messages.", metavar="LIST"
        ),
    ] = None,
    at: _At = None,
    identity: _Identity = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
    no_input: _NoInput = False,
) -> None:
    """Restore a backup: into a new database, in place of the old one, or some tables alone.

    The backup is read in full first, then restored beside everything and compared with its manifest; only then is
    anything changed. --replace keeps the old database under another name. Exit code 4: the backup is damaged, or does
    not fit, and nothing was changed.

    Examples:
        seda restore latest --into seda_yesterday

        seda restore 20261129T030000Z-5f0c1a --replace

        seda restore latest --tables chat.messages,chat.reactions
    """
    from ops.backup import keys
    from ops.backup.programs import database_name
    from ops.backup.restore import Source, check, restore_into, restore_replacing
    from ops.backup.stores import find_backup
    from ops.backup.tables import restore_tables
    from ops.database.connection import admin_dsn

    if [into is not None, replace, tables is not None].count(True) != 1:
        raise CliError(
            "USAGE",
            "Say where to: one of --into, --replace and --tables.",
            fix="See: seda restore --help",
            exit_code=Exit.USAGE,
        )
    dsn = admin_dsn()
    store, backup_id = find_backup(backup, at)
    source = Source(store, backup_id, keys.identities(identity))
    name = into or database_name(dsn)
    if dry_run:
        manifest, _ = _run(check(dsn, source, console))
        console.result(
            manifest.summary(), f"{backup_id} is good: {manifest.rows} rows, {_size(manifest.size)}."
        )
    elif into is not None:
        manifest = _run(restore_into(dsn, source, into, console))
        console.result(
            {**manifest.summary(), "database": into}, f"{manifest.rows} rows restored into {into}."
        )
    elif tables is not None:
        names = [each.strip() for each in tables.split(",")]
        consequence = f"The rows of {', '.join(names)} in {name} are replaced."
        require_confirmation(console, name, consequence, yes=yes, no_input=no_input)
        rows = _run(restore_tables(dsn, source, names, console))
        lines = "\n".join(f"{table}: {count} rows" for table, count in rows.items())
        console.result({"id": backup_id, "database": name, "rows": rows}, lines)
    else:
        consequence = f"Sessions in {name} are ended, and it is replaced by {backup_id}."
        require_confirmation(console, name, consequence, yes=yes, no_input=no_input)
        manifest, old_name = _run(restore_replacing(dsn, source, name, console))
        console.result(
            {**manifest.summary(), "database": name, "old_database": old_name},
            f"{manifest.rows} rows restored as {name}. The old database is {old_name};"
            f' drop it when it is no longer needed: DROP DATABASE "{old_name}"',
        )


def _run(work: Coroutine[None, None, _Result]) -> _Result:
    import asyncpg

    try:
        return run(work)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise CliError(
            "DATABASE_FAILED",
            "The database ended it. No backup was published, and the database in use is as it was.",
            why=str(error) or type(error).__name__,
            fix="Check the server, and the privileges of the user in the DSN.",
            retry=True,
        ) from error


def _pruned_text(pruned: Pruned, verb: str = "deleted") -> str:
    gone = ", ".join((*pruned.backups, *pruned.incomplete)) or "Nothing"
    return f"{gone} {verb}, {len(pruned.kept)} kept."


def _size(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    return f"{hours:.1f} h"
