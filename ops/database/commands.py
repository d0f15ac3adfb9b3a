"""`seda db`: options in, a few lines or one JSON object out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from ops.console import CliError, console

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ops.database.init import InitReport

_Result = TypeVar("_Result")

db_app = typer.Typer(no_args_is_help=True, help="Set up, copy and examine the database.")


@db_app.callback()
def _db() -> None:
    """Set up, copy and examine the database."""


@db_app.command("init")
def db_init(
    single_role: Annotated[
        bool,
        typer.Option("--single-role", help="Make no roles: the user in DATABASE_URL runs everything."),
    ] = False,
    logins: Annotated[
        bool,
        typer.Option("--logins", help="Let each service log in, with the password in its own DSN."),
    ] = False,
    login: Annotated[
        Literal["users", "chat", "tracks"] | None,
        typer.Option("--login", help="Let this service alone log in, where each has a server of its own."),
    ] = None,
) -> None:
    """Make the roles, schemas and extensions that Seda needs; a second run changes nothing.

    Needs DATABASE_URL. Where its user may not do it, the statements for the server's administrator are printed. With
    --logins it also needs SEDA_USERS_DATABASE_URL, SEDA_CHAT_DATABASE_URL and SEDA_TRACKS_DATABASE_URL (or their
    _FILE), as the services have them; with --login only that of the service. Run it again to change passwords.

    Examples:
        seda db init

        seda db init --logins

        seda db init --login chat

        seda db init --single-role
    """
    from ops.database import SERVICES
    from ops.database.connection import admin_dsn
    from ops.database.init import init_database
    from ops.database.logins import service_logins

    services = SERVICES if logins else (login,) if login else ()
    passwords = service_logins(services=services) if services else None
    report = run(init_database(admin_dsn(), single_role=single_role, logins=passwords))
    for warning in report.warnings:
        console.message(warning, "yellow")
    if not report.ready:
        _print_needed_statements(report)
    done = "nothing to do" if not report.executed else f"{len(report.executed)} statements"
    console.result(report, f"{report.schemas} schemas, {report.roles} roles: {done}.")


def run(work: Coroutine[None, None, _Result]) -> _Result:
    """Run a command's coroutine."""
    # asyncio takes longer to load than everything that `seda --help` needs together.
    import asyncio

    return asyncio.run(work)


def _print_needed_statements(report: InitReport) -> None:
    statements = "\n".join(f"  {each};" for each in report.needed)
    raise CliError(
        "ADMINISTRATOR_NEEDED",
        "The user in DATABASE_URL may not make roles or schemas. Nothing was changed.",
        why=f"An administrator of the server must run, in this database:\n{statements}",
        fix="Then run seda db init again. Or, with less protection: seda db init --single-role",
    )
