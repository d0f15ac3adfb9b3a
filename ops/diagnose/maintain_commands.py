"""`seda maintain`: options in, a line for each step or one JSON object out."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated

import typer

from ops.console import CliError, Exit, console
from ops.database.commands import run as run_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.diagnose.maintain import Retention

_UNITS = {"s": 1, "m": 60, "h": 3_600}
_DURATION = re.compile(r"([1-9]\d{0,5})([smh])")
# Undoing an act needs its entry, and a sanction may last weeks.
_LEAST_DAYS, _MOST_DAYS = 30, 36_500

maintain_app = typer.Typer(no_args_is_help=True, help="Do what keeps a database in use well.")


@maintain_app.callback()
def _maintain() -> None:
    """Do what keeps a database in use well."""


@maintain_app.command("run")
def run(
    task: Annotated[str | None, typer.Argument(help="analyze, reindex or purge; default: all.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    max_time: Annotated[
        str | None, typer.Option("--max-time", help="Begin nothing after so long: 90s, 20m, 2h.")
    ] = None,
) -> None:
    """Analyze tables, rebuild bloated indexes, and remove what is past its time, beside running services.

    It goes in small steps that wait shortly for locks; interrupted at any time, the next run goes on. purge removes
    cached pages a week after they ended, users.admin_actions after SEDA_ADMIN_ACTIONS_DAYS and chat.moderation_logs
    after SEDA_MODERATION_LOGS_DAYS. Exit code 1: something was left for want of time or a lock.

    Examples:
        seda maintain run --dry-run

        seda maintain run purge --max-time 20m
    """
    from ops.database.connection import admin_dsn
    from ops.diagnose.maintain import TASKS, Run, maintain

    if task is not None and task not in TASKS:
        raise CliError("USAGE", f"{task} is none of {', '.join(TASKS)}.", exit_code=Exit.USAGE)
    work = Run(
        admin_dsn(),
        dry_run=dry_run,
        max_seconds=_seconds(max_time),
        retention=retention(os.environ),
        console=console,
    )
    steps = run_now(maintain(work, TASKS if task is None else (task,)))
    left = [each for each in steps if not each.done]
    text = f"{len(steps)} steps{', none of which was done' if dry_run else ''}, {len(left)} left for the next run."
    console.result({"dry_run": dry_run, "steps": steps}, text)
    if left:
        raise typer.Exit(Exit.ACTION_NEEDED)


@maintain_app.command("schedule")
def schedule(
    form: Annotated[str | None, typer.Argument(help="cron, systemd or kubernetes; default: all.")] = None,
    environment_file: Annotated[
        str,
        typer.Option(help="File of DATABASE_URL and other variables, for cron and systemd.", metavar="FILE"),
    ] = "/etc/seda/operations.env",
    image: Annotated[
        str, typer.Option(help="Image with the programs for backups, for Kubernetes: target operations.")
    ] = "seda-operations:local",
) -> None:
    """Print what has to run regularly: backup, prune, drill, maintenance and the examination of the database.

    As lines for crontab -e, as services and timers of systemd, or as CronJobs of Kubernetes, which take the variables from a
    Secret seda-operations. Installs nothing.

    Examples:
        seda maintain schedule cron

        seda maintain schedule kubernetes --image registry.example.org/seda-operations:0.1.0
    """
    import sys
    from pathlib import Path

    from ops.diagnose.schedule import FORMATS, JOBS, Place, rendered

    if form is not None and form not in FORMATS:
        raise CliError("USAGE", f"{form} is none of {', '.join(FORMATS)}.", exit_code=Exit.USAGE)
    program = Path(sys.executable).with_name("seda")
    place = Place(str(program) if program.exists() else "seda", environment_file, image)
    forms = list(FORMATS) if form is None else [form]
    texts = {each: FORMATS[each](place) for each in forms}
    console.result({"jobs": JOBS, "texts": texts}, rendered(place, forms))


def retention(environ: Mapping[str, str]) -> Retention:
    """Read for how long audit tables are kept. Raises CliError SETTING_INVALID."""
    from ops.diagnose.maintain import Retention

    known = Retention()
    return Retention(
        _days(environ, "SEDA_ADMIN_ACTIONS_DAYS", known.admin_actions_days),
        _days(environ, "SEDA_MODERATION_LOGS_DAYS", known.moderation_logs_days),
    )


def _days(environ: Mapping[str, str], name: str, otherwise: int | None) -> int | None:
    given = environ.get(name)
    if not given:
        return otherwise
    if given == "forever":
        return None
    if not (given.isascii() and given.isdecimal()) or not _LEAST_DAYS <= int(given) <= _MOST_DAYS:
        raise CliError(
            "SETTING_INVALID",
            f"{name} is {given}.",
            why=f"It takes a number of days from {_LEAST_DAYS} to {_MOST_DAYS}, or forever.",
            fix=f"export {name}=90",
        )
    return int(given)


def _seconds(text: str | None) -> float:
    if text is None:
        return float("inf")
    match = _DURATION.fullmatch(text)
    if match is None:
        raise CliError(
            "DURATION_INVALID",
            f"--max-time {text} is not a duration.",
            why="It takes a number and s, m or h.",
            fix="Example: --max-time 20m",
            exit_code=Exit.USAGE,
        )
    return float(int(match[1]) * _UNITS[match[2]])
