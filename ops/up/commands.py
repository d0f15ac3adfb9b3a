"""The commands that start, show and stop a suite on this machine: options in, one call out."""

from __future__ import annotations

import os
from typing import Annotated, Literal

import typer

from ops.console import Exit, console

_DATA, _SCREEN = "Data options", "Screen options"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (up, status):
        app.command()(command)


def up(
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
    logs: Annotated[
        str | None,
        typer.Option(help="Show whole logs: all, or names such as chat,gateway.", rich_help_panel=_SCREEN),
    ] = None,
) -> None:
    """Run the whole suite here until Ctrl-C: PostgreSQL, users, chat, tracks and gateway.

    Examples:
        seda up

        seda up --port-base 8400 --logs chat,gateway
    """
    from ops.up.command import make_options, run

    options = make_options(os.environ, port_base, ephemeral=ephemeral, demo=not no_demo, logs=logs)
    run(options, console, port_base_given=port_base is not None)


def status(
    output: Annotated[
        Literal["text", "json", "env", "url"],
        typer.Option("--output", "-o", help="env: lines for eval; url: the database's URL, read-only."),
    ] = "text",
) -> None:
    """Show the suite of this folder: health, uptime, memory, addresses, migrations. Exit code 1: not all of it serves.

    The lines of -o env set DATABASE_URL (a role that only reads), SEDA_GATEWAY, and SEDA_TOKEN for ada@demo.seda.fm.

    Examples:
        seda status

        eval "$(seda status -o env)"

        psql "$(seda status -o url)"
    """
    from ops.up.status import show

    if not show(console, output):
        raise typer.Exit(Exit.ACTION_NEEDED)
