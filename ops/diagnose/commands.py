"""`seda db doctor` and the views of `seda db`: options in, findings or a table out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ops.console import CliError, Exit, console
from ops.database.commands import run
from ops.findings import Result


def register(db_app: typer.Typer) -> None:
    """Add the commands to `seda db`."""
    for command in (doctor, locks, slow, indexes, size, activity, bloat, pool):
        db_app.command(command.__name__)(command)


def doctor(
    fail_on: Annotated[
        str, typer.Option("--fail-on", help="warn or critical: from which on to exit with 1.")
    ] = "warn",
    ignore: Annotated[
        Path | None, typer.Option("--ignore", help="File of findings to leave out: key, reason, until.")
    ] = None,
) -> None:
    """Examine the database and our data in it. Changes nothing; exit code 1 when something is found.

    Logs in as the administrator, or as a login that is a member of seda_monitor: what its role may not see is skipped.
    Commands to run are printed, never run.

    Examples:
        seda db doctor

        seda db doctor --fail-on critical --ignore db-ignore.toml --json
    """
    from ops.database.connection import admin_dsn
    from ops.diagnose.check import Limits
    from ops.diagnose.doctor import examine, read_ignored
    from ops.findings import fails, show

    if fail_on not in {Result.WARN, Result.CRITICAL}:
        raise CliError(
            "USAGE",
            f"--fail-on {fail_on} is neither warn nor critical.",
            fix="--fail-on critical",
            exit_code=Exit.USAGE,
        )
    ignored = read_ignored(ignore) if ignore else []
    findings = run(examine(admin_dsn(), limits=Limits.of(os.environ), ignored=ignored))
    show(console, findings)
    if fails(findings, Result(fail_on)):
        raise typer.Exit(Exit.ACTION_NEEDED)


def locks(
    watch: Annotated[
        float | None,
        typer.Option("--watch", min=0.1, help="Show it again after so many seconds, until Ctrl-C."),
    ] = None,
) -> None:
    """Show which session waits for which, as a tree from those that wait for nobody.

    Examples:
        seda db locks

        seda db locks --watch 2
    """
    import time

    _show("locks")
    while watch is not None:
        time.sleep(watch)
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
