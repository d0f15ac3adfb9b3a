"""`seda demo`: options in, a status line out."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.console import console
from ops.durations import parse_duration

demo_app = typer.Typer(no_args_is_help=True, help="Bring a development suite to life.")


@demo_app.callback()
def _demo() -> None:
    """Bring a development suite to life."""


@demo_app.command("load")
def load(
    rate: Annotated[float, typer.Option(min=0.1, max=200, help="Calls a second.")] = 5.0,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="Stop after so long, such as 10m; default: at Ctrl-C.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(envvar="SEDA_GATEWAY", help="host:port; default: the gateway running here."),
    ] = None,
) -> None:
    """Let the demo users read, write and react at a steady rate, so that there is something to see.

    Six of ten calls read, two send a message, two add a reaction; each user watches all their rooms meanwhile. Calls that fail are counted, and it goes on, for
    example beside a restart. Exit code 1: no call succeeded.

    Examples:
        seda demo load

        seda demo load --rate 20 --duration 10m
    """
    import asyncio

    from ops.data_dir import port_base
    from ops.demo.load import Load, run
    from ops.topology import GATEWAY, Ports

    seconds = parse_duration(duration, "--duration").total_seconds() if duration else None
    work = Load(
        gateway=address or Ports(port_base()).address(GATEWAY),
        rate=rate,
        seconds=seconds,
    )
    counts = asyncio.run(run(work, console))
    console.result(counts, f"{counts}.")
    if not counts.succeeded:
        raise typer.Exit(1)
