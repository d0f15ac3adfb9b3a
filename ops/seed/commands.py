"""`seda seed`: options in, a line or one JSON object out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.console import console

if TYPE_CHECKING:
    from ops.seed.load import SeedPlan

_LARGEST_SCALE = 20.0


def seed(
    scale: Annotated[
        float,
        typer.Option(min=0.002, max=_LARGEST_SCALE, help="1: 10,000 users, 500 rooms, 900,000 messages."),
    ] = 1.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be added.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; with --database.")] = False,
    database: Annotated[
        str | None, typer.Option(help="Name of the database, where --yes is not enough.")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask: fail instead.")] = False,
) -> None:
    """Fill the database with many users, rooms and messages, the same ones every time.

    A second run adds nothing, one with a larger scale adds the rest; one that is interrupted leaves nothing behind. While
    it runs, calls to a running chat wait. user0@seed.seda.fm and the others sign in with seda token. With
    SEDA_ENV=production, or where other people have signed in, it asks for the name of the database.

    Examples:
        seda seed --scale 0.1

        seda seed --scale 1 --dry-run
    """
    from ops import bulk_load
    from ops.database.commands import run
    from ops.database.connection import admin_dsn
    from ops.row_progress import RowProgress
    from ops.seed import load

    dsn = admin_dsn()
    found = run(load.plan(dsn, scale))
    if dry_run or not found.missing:
        _show(found, dry_run=dry_run, added=False)
        return
    bulk_load.confirm_target(
        console,
        dsn,
        f"This adds {found.counts['users']:,} invented users to a database that people use.",
        real=found.real,
        yes=yes,
        no_input=no_input,
        database=database,
    )
    with RowProgress(console, found.rows) as progress:
        found = run(load.load(dsn, scale, progress))
    _show(found, dry_run=False, added=True)


def _show(found: SeedPlan, *, dry_run: bool, added: bool) -> None:
    what = ", ".join(f"{count:,} {name}" for name, count in found.counts.items())
    text = (
        f"{'Added' if added else 'Would add'} {what}." if found.missing else "Nothing to do: it is all there."
    )
    console.result({"dry_run": dry_run, "scale": found.scale, "added": found.counts}, text)
