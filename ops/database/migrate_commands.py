"""`seda migrate`, the commands that operate a database: deploy, status, history, diff, resolve, baseline, reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.console import CliError, Exit, console
from ops.database.commands import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ops.database.drift import Difference
    from ops.database.dry_run import PlannedRevision
    from ops.database.migrate import SchemaStatus

migrate_app = typer.Typer(no_args_is_help=True, help="Bring the schemas to this version of Seda.")

_To = Annotated[
    str | None,
    typer.Option(
        "--to", help="The newest revision to go to, such as 20261129_1900; default: all.", metavar="REVISION"
    ),
]
_MIB = 1 << 20


@migrate_app.callback()
def _migrate() -> None:
    """Bring the schemas to this version of Seda. Failures and ways out: docs/operations.md."""


@migrate_app.command("deploy")
def migrate_deploy(
    lock_wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait while another migration is running.")
    ] = 30.0,
    to: _To = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show SQL, locks and sizes of tables; a scratch database tells them."),
    ] = False,
    backup: Annotated[
        bool | None,
        typer.Option(
            "--backup/--no-backup",
            help="Make a verified backup first; default: when a revision drops or changes data.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Apply the pending revisions of all schemas, each in its own transaction.

    A revision that drops or changes data makes a backup come first, as seda backup create makes it; it needs
    SEDA_BACKUP_LOCATION. When that fails nothing is applied.

    Exit codes: 3 another migration is running, 4 a pooler is in between or no place for backups is named, 5 a
    revision failed, 6 the history was changed.

    Examples:
        seda migrate deploy

        seda migrate deploy --backup

        seda migrate deploy --dry-run --to 20261129_1900
    """
    from ops.backup.before_migration import BackupBefore
    from ops.database.connection import admin_dsn
    from ops.database.migrate import deploy, targets

    if dry_run:
        _show_plan(to)
        return
    dsn = admin_dsn()
    first = BackupBefore(dsn, console, backup)
    schemas = run(deploy(dsn, lock_wait_seconds=lock_wait, to=targets(to), before=first))
    text = "\n".join(
        f"{each.schema}: "
        + (f"+{len(each.applied)}, now at {each.current}" if each.applied else f"at {each.current}")
        for each in schemas
    )
    if first.made is not None:
        text = f"backup {first.location}/{first.made.id}: {first.made.rows} rows, verified\n{text}"
    console.result({"schemas": schemas, "backup": first.made and first.made.summary()}, text)


@migrate_app.command("status")
def migrate_status(
    compare: Annotated[
        bool, typer.Option("--drift", help="Compare everything in the catalogs with a scratch database.")
    ] = False,
) -> None:
    """Show the newest revision here and in the database, schema by schema.

    Exit code 1: something is pending; 6: the history or, with --drift, the database was changed by other means.

    Examples:
        seda migrate status

        seda migrate status --drift
    """
    from ops.database.connection import admin_dsn
    from ops.database.migrate import status

    schemas = run(status(admin_dsn()))
    broken = any(each.problems for each in schemas)
    differences: tuple[Difference, ...] = ()
    if compare and not broken:
        from ops.database.drift import drift

        differences = run(drift(admin_dsn()))
    if console.json:
        console.result({"schemas": schemas, **({"drift": differences} if compare else {})})
    else:
        console.table(
            ("schema", "state", "LOCAL", "DATABASE", "pending"),
            [(each.schema, _state(each), each.head, each.current, len(each.pending)) for each in schemas],
        )
        for problem in (f"{each.schema}: {problem}" for each in schemas for problem in each.problems):
            console.message(problem, "red")
        for each in differences:
            console.message(each.text, "red")
        if compare and not (broken or differences):
            console.message("No drift.", "green")
    if broken or differences:
        raise typer.Exit(Exit.DRIFT)
    if any(each.pending for each in schemas):
        raise typer.Exit(Exit.ACTION_NEEDED)


@migrate_app.command("history")
def migrate_history() -> None:
    """List every revision: the file here beside the time at which the database applied it.

    Examples:
        seda migrate history

        seda migrate history --json
    """
    from ops.database.connection import admin_dsn
    from ops.database.migrate import history

    lines = run(history(admin_dsn()))
    if console.json:
        console.result({"revisions": lines})
        return
    console.table(
        ("schema", "revision", "LOCAL", "DATABASE", "compatible from"),
        [
            (
                each.schema,
                each.revision,
                (each.file or "missing").removeprefix(f"{each.revision}_")
                + (", edited" if each.edited else ""),
                each.applied_at or "pending",
                each.compatible_from,
            )
            for each in lines
        ],
    )


@migrate_app.command("diff")
def migrate_diff() -> None:
    """Compare the live schemas with those of this version of Seda. Exit code 6: they differ.

    Examples:
        seda migrate diff

        seda migrate diff --json
    """
    from ops.database.connection import admin_dsn
    from ops.database.migrate import diff

    found = run(diff(admin_dsn()))
    lines = [f"{schema}: {line}" for schema, lines in found.items() for line in lines]
    console.result({"differences": found}, "\n".join(lines) or "No differences.")
    if lines:
        raise typer.Exit(Exit.DRIFT)


@migrate_app.command("resolve")
def migrate_resolve(
    schema: Annotated[str, typer.Argument(help="users, chat or tracks.")],
    applied: Annotated[
        str | None,
        typer.Option("--applied", help="The next revision, which was done by hand.", metavar="REVISION"),
    ] = None,
    rolled_back: Annotated[
        str | None,
        typer.Option(
            "--rolled-back", help="The newest revision, which was undone by hand.", metavar="REVISION"
        ),
    ] = None,
) -> None:
    """Correct the history of a schema after work by hand. Runs no revision; check with status --drift.

    Examples:
        seda migrate resolve chat --applied 20261129_1900

        seda migrate resolve chat --rolled-back 20261129_1900
    """
    from ops.database import SERVICES
    from ops.database.connection import admin_dsn
    from ops.database.resolve import mark_applied, mark_rolled_back

    if schema not in SERVICES:
        raise _usage(f"There is no schema {schema}.", f"Use one of {', '.join(SERVICES)}.")
    if (applied is None) == (rolled_back is None):
        raise _usage(
            "Say what happened to which revision.", "Add --applied REVISION or --rolled-back REVISION."
        )
    if applied is not None:
        done = run(mark_applied(admin_dsn(), schema, applied))
    else:
        done = run(mark_rolled_back(admin_dsn(), schema, rolled_back or ""))
    console.result(done, f"{schema}: now at {done.current or 'the beginning'}.")


@migrate_app.command("baseline")
def migrate_baseline(to: _To = None) -> None:
    """Give a database that has the tables its history, after a check that they are those of the revisions.

    For a database whose tables were restored without the schemas users_migrations, chat_migrations and
    tracks_migrations. Run seda db init first. Exit code 6: the tables differ.

    Examples:
        seda migrate baseline

        seda migrate baseline --to 20261129_1900
    """
    from ops.database.connection import admin_dsn
    from ops.database.migrate import targets
    from ops.database.resolve import baseline

    schemas = run(baseline(admin_dsn(), to=targets(to)))
    text = "\n".join(
        f"{each.schema}: {len(each.changed)} revisions entered, now at {each.current}" for each in schemas
    )
    console.result({"schemas": schemas}, text)


@migrate_app.command("reset")
def migrate_reset(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be dropped.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Fail instead of asking.")] = False,
) -> None:
    """Drop all tables and data of a development database, and migrate it from nothing. Asks for the database's name.

    Refused unless SEDA_ENV is development, or not set and the database on this machine.

    Examples:
        seda migrate reset --dry-run

        seda migrate reset --yes
    """
    from ops.confirm import require_confirmation
    from ops.database.connection import admin_dsn
    from ops.database.reset import read_reset, require_development, reset

    dsn = admin_dsn()
    require_development(dsn)
    plan = run(read_reset(dsn))
    if dry_run:
        lines = [f"DROP SCHEMA {each.schema} CASCADE  -- {each.tables} tables" for each in plan.schemas]
        console.result({"dry_run": plan}, "\n".join([f"In {plan.database}:", *lines]))
        return
    consequence = (
        f"Everything in {', '.join(each.schema for each in plan.schemas)} of {plan.database} will be lost."
    )
    require_confirmation(console, plan.database, consequence, yes=yes, no_input=no_input)
    schemas = run(reset(dsn))
    console.result(
        {"schemas": schemas}, "\n".join(f"{each.schema}: from nothing to {each.current}" for each in schemas)
    )


def _usage(message: str, fix: str) -> CliError:
    return CliError("USAGE", message, fix=fix, exit_code=Exit.USAGE)


def _show_plan(to: str | None) -> None:
    from ops.database.connection import admin_dsn
    from ops.database.dry_run import plan
    from ops.database.migrate import targets

    planned = run(plan(admin_dsn(), to=targets(to)))
    text = "\n\n".join("\n".join(_plan_lines(each)) for each in planned)
    console.result({"dry_run": planned}, text or "Nothing is pending.")


def _plan_lines(planned: PlannedRevision) -> Iterator[str]:
    yield f"-- {planned.schema}: {planned.file}"
    if planned.data_loss is not None:
        yield f"-- It {planned.data_loss} data: a backup comes first."
    yield from (f"{each};" for each in planned.statements)
    for each in planned.locks:
        size = f"{each.rows} rows, {each.bytes / _MIB:.1f} MiB"
        yield f"-- {each.mode} on {each.table} ({size}): {each.blocks} wait"


def _state(status: SchemaStatus) -> str:
    if status.problems:
        return "drift"
    if status.pending:
        return "pending"
    return "ahead" if status.ahead else "ok"
