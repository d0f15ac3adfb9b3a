"""The commands that start, show and stop a suite on this machine: options in, one call out."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from ops.console import CliError, Exit, console

_DATA, _SCREEN = "Data options", "Screen options"


_Name = Annotated[
    str | None,
    typer.Option("--name", envvar="SEDA_NAME", help="A named instance, with a folder and ports of its own."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (up, status, show_logs, restart, down, ps, doctor):
        app.command(command.__name__.removeprefix("show_"))(command)


def _use(name: str | None) -> None:
    """Let all that looks for the suite find the instance."""
    if name:
        os.environ["SEDA_NAME"] = name


def up(  # noqa: PLR0917 - each is an option, which Typer passes by name
    port_base: Annotated[
        int | None,
        typer.Option(envvar="SEDA_PORT_BASE", help="First port; the others are counted from it. 7400."),
    ] = None,
    ephemeral: Annotated[
        bool,
        typer.Option(
            "--ephemeral", help="Use a temporary data folder, deleted at the end.", rich_help_panel=_DATA
        ),
    ] = False,
    no_demo: Annotated[
        bool,
        typer.Option("--no-demo", help="Make no demo data on the first start.", rich_help_panel=_DATA),
    ] = False,
    detach: Annotated[
        bool,
        typer.Option("--detach", "-d", help="Return when all of it serves; it goes on without a terminal."),
    ] = False,
    logs: Annotated[
        str | None,
        typer.Option(help="Show whole logs: all, or names such as chat,gateway.", rich_help_panel=_SCREEN),
    ] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Replace a service when a file that it imports was changed.")
    ] = False,
    name: _Name = None,
) -> None:
    """Run the whole suite here until Ctrl-C: PostgreSQL, users, chat, tracks and gateway.

    With --detach it runs until seda down, and writes what it would show to .seda/log/up.log. With --reload the old process
    serves until the new one does, and goes on when that fails; the code of ops/ and migrations/ needs a new start.

    Examples:
        seda up

        seda up -d --name pr-123

        seda up --reload --logs chat,gateway
    """
    _use(name)
    from ops.data_dir import find_data_dir
    from ops.instances import Registry
    from ops.up.command import make_options, run
    from ops.up.detach import EndedError
    from ops.up.detach import detach as go_on_detached

    if ephemeral and (detach or name):
        raise CliError(
            "USAGE",
            f"--ephemeral and --{'detach' if detach else 'name'} exclude each other.",
            why="The temporary folder of an ephemeral suite is found by nobody else.",
            fix="seda up -d --name NAME   and at the end: seda down --name NAME --wipe",
            exit_code=Exit.USAGE,
        )
    reserved = Registry().reserve(find_data_dir(), name) if name and port_base is None else None
    options = make_options(
        os.environ, port_base or reserved, ephemeral=ephemeral, demo=not no_demo, logs=logs, reload=reload
    )
    try:
        release = go_on_detached() if detach else None
    except EndedError as ended:
        raise typer.Exit(ended.status) from None
    run(options, console, port_base_given=port_base is not None, release=release)


def status(
    output: Annotated[
        Literal["text", "json", "env", "url"],
        typer.Option("--output", "-o", help="env: lines for eval; url: the database's URL, read-only."),
    ] = "text",
    name: _Name = None,
) -> None:
    """Show the suite of this folder: health, uptime, memory, addresses, migrations. Exit code 1: not all of it serves.

    The lines of -o env set DATABASE_URL (a role that only reads), SEDA_GATEWAY, and SEDA_TOKEN for ada@demo.seda.fm.

    Examples:
        seda status

        eval "$(seda status -o env)"

        psql "$(seda status -o url)"
    """
    _use(name)
    from ops.up.status import show

    if not show(console, output):
        raise typer.Exit(Exit.ACTION_NEEDED)


def show_logs(
    process: Annotated[
        str | None,
        typer.Argument(help="users, chat, tracks, gateway, postgres or up; all but up without one."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option(min=0, max=100_000, help="How many lines to begin with.")] = 100,
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="Only what was logged about this call.")
    ] = None,
    name: _Name = None,
) -> None:
    """Show the newest lines of the logs in .seda/log, in the order of time, also of a suite that was stopped.

    Examples:
        seda logs -f chat

        seda logs --request-id 01JD2X4S5T
    """
    _use(name)
    from ops.up.log_view import show

    show(console, process, follow=follow, count=lines, request_id=request_id)


def restart(
    service: Annotated[
        str | None, typer.Argument(help="users, chat, tracks or gateway; all of it without one.")
    ] = None,
    port_base: Annotated[
        int | None,
        typer.Option(
            envvar="SEDA_PORT_BASE", help="Move all ports; by default they stay. Not with a service."
        ),
    ] = None,
    name: _Name = None,
) -> None:
    """Drain a process, start it again and wait until it serves. Without a name: all of it, with this shell's settings.

    Ports and database are checked before anything is stopped.

    Examples:
        seda restart chat

        seda restart --port-base 8400
    """
    _use(name)
    from ops.up.restart import restart as run

    run(console, service, port_base)


def down(
    everything: Annotated[bool, typer.Option("--all", help="All suites of seda ps.")] = False,
    wipe: Annotated[bool, typer.Option("--wipe", help="Delete the data, too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask: fail instead.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    name: _Name = None,
) -> None:
    """Stop the suite of this folder in order. The data stay, unless --wipe deletes them.

    Your own database, named by DATABASE_URL, is never touched. Success when nothing runs.

    Examples:
        seda down

        seda down --wipe --dry-run

        seda down --all
    """
    _use(name)
    from ops.up.down import down as run

    run(console, everything=everything, wipe=wipe, yes=yes, no_input=no_input, dry_run=dry_run)


def ps() -> None:
    """List the suites of this user that were started and not wiped: of folders and named ones, running or not.

    Examples:
        seda ps

        seda ps --json
    """
    from ops.up.ps import show

    show(console)


def doctor(
    fail_on: Annotated[
        Literal["warn", "critical"], typer.Option(help="Exit with 1 from this result on.")
    ] = "warn",
) -> None:
    """Find what would keep a suite from running here: Python, packages, ports, disk, clock, permissions, database.

    Changes nothing. Exit code 1: something is worth a warning, or worse.

    Examples:
        seda doctor

        seda doctor --json --fail-on critical
    """
    from ops.doctor import examine
    from ops.findings import Result, fails, show

    findings = examine()
    show(console, findings)
    if fails(findings, Result(fail_on)):
        raise typer.Exit(Exit.ACTION_NEEDED)
