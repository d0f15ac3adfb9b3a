"""`seda db doctor` and the views of `seda db`: options in, findings or a table out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from ops.console import CliError, Exit, console
from ops.database.commands import run
from ops.durations import parse_duration
from ops.findings import Result


def register(db_app: typer.Typer) -> None:
    """Add the commands to `seda db`."""
    for command in (doctor, locks, slow, indexes, size, activity, bloat, pool, shell):
        db_app.command(command.__name__)(command)


def doctor(  # noqa: PLR0917 - each is an option
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="warn or critical: from which on to exit with 1.")
    ] = "warn",
    ignore: Annotated[
        Path | None, typer.Option("--ignore", help="File of findings to leave out: key, reason, until.")
    ] = None,
    sample: Annotated[
        str | None,
        typer.Option("--sample", metavar="TIME", help="Watch counters and pools for so long, such as 10s."),
    ] = None,
    metrics: Annotated[
        Path | None,
        typer.Option(
            "--metrics", help="Also write the findings here, for Prometheus; the name ends in .prom."
        ),
    ] = None,
    process: Annotated[
        list[str] | None,
        typer.Option(
            "--process",
            metavar="HOST:PORT",
            help="Metrics address of a process; repeat it. Default: the suite running here.",
        ),
    ] = None,
    max_age: Annotated[
        str, typer.Option("--max-age", metavar="TIME", help="How old the newest backup may be.")
    ] = "26h",
    drift: Annotated[
        bool, typer.Option("--drift", help="Compare the catalogs too, with a scratch database on the server.")
    ] = False,
) -> None:
    """Examine the database and our data in it. Changes nothing; exit code 1 when something is found.

    Logs in as the administrator, or as a login that is a member of seda_monitor: what its role may not see is skipped.
    Commands to run are printed, never run.

    Examples:
        seda db doctor --sample 10s

        seda db doctor --fail-on critical --ignore db-ignore.toml --metrics /var/lib/node_exporter/seda.prom
    """
    from dataclasses import replace

    from ops.database.connection import admin_dsn
    from ops.diagnose.check import Limits
    from ops.diagnose.doctor import Inquiry, examine, read_ignored
    from ops.diagnose.here import history_folder, metrics_targets, newest_backup
    from ops.findings import fails, show

    if fail_on not in {Result.WARN, Result.CRITICAL}:
        raise CliError(
            "USAGE",
            f"--fail-on {fail_on} is neither warn nor critical.",
            fix="--fail-on critical",
            exit_code=Exit.USAGE,
        )
    ignored = read_ignored(ignore) if ignore else []
    limits = replace(
        Limits.of(os.environ), backup_age_seconds=parse_duration(max_age, "--max-age").total_seconds()
    )
    inquiry = Inquiry(
        sample_seconds=parse_duration(sample, "--sample").total_seconds() if sample else 0.0,
        metrics=metrics_targets(process or []),
        history=history_folder(),
        drift=drift,
        newest_backup=newest_backup(),
    )
    dsn = admin_dsn()
    findings = run(examine(dsn, limits=limits, ignored=ignored, inquiry=inquiry))
    if metrics is not None:
        from ops.diagnose.textfile import write

        write(metrics, dsn, findings)
    show(console, findings)
    if fails(findings, Result(fail_on)):
        raise typer.Exit(Exit.ACTION_NEEDED)


def locks(
    watch: Annotated[
        str | None,
        typer.Option(
            "--watch", metavar="TIME", help="Show it again after so long, such as 2s, until Ctrl-C."
        ),
    ] = None,
) -> None:
    """Show which session waits for which, as a tree from those that wait for nobody.

    Examples:
        seda db locks

        seda db locks --watch 2s
    """
    import time

    pause = parse_duration(watch, "--watch").total_seconds() if watch else None
    _show("locks")
    while pause is not None:
        time.sleep(pause)
        _show("locks")


def slow() -> None:
    """Show the statements that took most time, by pg_stat_statements.

    Examples:
        seda db slow

        seda db slow --json
    """
    _show("slow")


def indexes() -> None:
    """Show every index with its size and how often it was read.

    Examples:
        seda db indexes

        seda db indexes --json
    """
    _show("indexes")


def size() -> None:
    """Show how large each table is, with its indexes.

    Examples:
        seda db size

        seda db size --json
    """
    _show("size")


def activity() -> None:
    """Show what every session of the database does.

    Examples:
        seda db activity

        seda db activity --json
    """
    _show("activity")


def bloat() -> None:
    """Show how much of each table and index of 1 MB and more is empty; reads the indexes.

    Examples:
        seda db bloat

        seda db bloat --json
    """
    _show("bloat")


def pool() -> None:
    """Show who has how many connections.

    Examples:
        seda db pool

        seda db pool --json
    """
    _show("pool")


def shell(
    service: Annotated[
        Literal["users", "chat", "tracks"] | None, typer.Argument(help="Only the tables of this service.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="As the owner of the service's tables, or as the administrator.")
    ] = False,
    command: Annotated[
        list[str] | None,
        typer.Option("--command", "-c", help="Run this and leave, as psql does; may be repeated."),
    ] = None,
) -> None:
    """Open psql on the database: that of the suite running here, or of DATABASE_URL. It only reads, without --write.

    The suite's own database is opened by the login of seda_ro. With DATABASE_URL the role is only put on, and SQL can take
    it off again.

    Examples:
        seda db shell

        seda db shell chat --write

        seda db shell -c "SELECT count(*) FROM chat.messages"
    """
    from ops.diagnose.shell import psql

    found = psql(service, write=write, arguments=[f"--command={each}" for each in command or ()])
    os.execve(found.path, found.arguments, dict(found.environ))  # noqa: S606 - psql, without a shell in between


def _show(name: str) -> None:
    from ops.database.connection import admin_dsn
    from ops.diagnose.views import show

    view = run(show(admin_dsn(), name))
    if console.json:
        rows = [dict(zip(view.columns, row, strict=True)) for row in view.rows]
        console.result({"rows": rows, "sentence": view.sentence})
        return
    if view.rows:
        console.table(view.columns, view.rows)
    console.message(view.sentence)
