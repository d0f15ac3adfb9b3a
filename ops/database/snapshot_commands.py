"""`seda db snapshot`: options in, a few lines or one JSON object out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ops.console import CliError, Exit, console

if TYPE_CHECKING:
    from collections.abc import Coroutine

_Result = TypeVar("_Result")
_Name = Annotated[str, typer.Argument(help="Lower-case letters, digits, '-' and '_'.")]
_MEGABYTE = 1_000_000

snapshot_app = typer.Typer(no_args_is_help=True, help="Copy the database, and go back to a copy.")


@snapshot_app.callback()
def _snapshot() -> None:
    """Copy the database, and go back to a copy."""


@snapshot_app.command("save")
def save(name: _Name) -> None:
    """Copy the whole database within its server; it takes the same room again. Clients are disconnected meanwhile.

    For development: a backup is elsewhere. Calls that are cut off end with UNAVAILABLE.

    Examples:
        seda db snapshot save before-upgrade

        seda db snapshot save demo --json
    """
    from ops.database import snapshots

    made = _run(snapshots.save(_dsn(), name))
    console.result(made, f"Saved as {made.name} ({made.bytes / _MEGABYTE:.0f} MB).")


@snapshot_app.command("list")
def list_() -> None:
    """List the snapshots of the database.

    Examples:
        seda db snapshot list

        seda db snapshot list --json
    """
    from ops.database import snapshots

    found = _run(snapshots.list_snapshots(_dsn()))
    if console.json:
        console.result({"snapshots": found})
        return
    rows = [(each.name, f"{each.bytes / _MEGABYTE:.0f} MB", each.made_at) for each in found]
    console.table(("name", "size", "made"), rows)


@snapshot_app.command("restore")
def restore(name: _Name) -> None:
    """Put a copy of a snapshot in the place of the database. What was there becomes a snapshot itself.

    Migrations that came since are applied. If anything fails the database stays as it was. The services of a suite that
    runs here are started again, one after another.

    Examples:
        seda db snapshot restore before-upgrade

        seda db snapshot restore demo --json
    """
    from ops.database import snapshots

    kept = _run(snapshots.restore(_dsn(), name))
    restarted = _restart_services()
    console.result(
        {"restored": name, "replaced": kept, "restarted": restarted},
        f"Restored {name}. The database before is snapshot {kept}: seda db snapshot delete {kept}",
    )


@snapshot_app.command("delete")
def delete(
    name: _Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask: fail instead.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Delete a snapshot. It can't be brought back.

    Examples:
        seda db snapshot delete before-upgrade

        seda db snapshot delete before-upgrade --yes
    """
    from ops.confirm import require_confirmation
    from ops.database import snapshots

    dsn = _dsn()
    if dry_run:
        known = any(each.name == name for each in _run(snapshots.list_snapshots(dsn)))
        would = [f"delete {name}"] if known else []
        console.result(
            {"dry_run": True, "would": would}, f"Would delete {name}." if known else "Nothing to do."
        )
        return
    require_confirmation(console, name, f"This deletes snapshot {name}.", yes=yes, no_input=no_input)
    _run(snapshots.delete(dsn, name))
    console.result({"deleted": name}, f"Deleted {name}.")


def _dsn() -> str:
    from ops.database.connection import admin_dsn

    if os.environ.get("SEDA_ENV") == "production":
        raise CliError(
            "NOT_FOR_PRODUCTION",
            "Snapshots disconnect every client, and SEDA_ENV is production.",
            fix="Take a backup.",
            exit_code=Exit.UNSAFE,
        )
    return admin_dsn()


def _restart_services() -> list[str]:
    """Start those services again that keep data of the database in memory."""
    from ops.data_dir import find_data_dir
    from ops.database import SERVICES
    from ops.up.control import ask
    from ops.up.restart import SERVICE_SECONDS

    data_dir = find_data_dir()
    if data_dir.running_state() is None:
        return []
    for each in SERVICES:
        ask(data_dir, {"do": "restart", "service": each}, SERVICE_SECONDS)
    return list(SERVICES)


def _run(work: Coroutine[None, None, _Result]) -> _Result:
    import asyncio

    return asyncio.run(work)
