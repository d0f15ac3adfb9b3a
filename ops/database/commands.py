"""`seda db` and `seda migrate`: options in, a few lines or one JSON object out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ops.console import CliError, Exit, console

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ops.database.init import InitReport
    from ops.database.migrate import SchemaStatus

_Result = TypeVar("_Result")

db_app = typer.Typer(no_args_is_help=True, help="Set up the database.")
migrate_app = typer.Typer(no_args_is_help=True, help="Bring the schemas to this version of Seda.")


@db_app.callback()
def _db() -> None:
    """Set up the database."""


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
) -> None:
    """Make the roles, schemas and extensions that Seda needs; a second run changes nothing.

    Needs DATABASE_URL. Where its user may not do it, the statements for the server's administrator are printed. With
    --logins it also needs SEDA_USERS_DATABASE_URL, SEDA_CHAT_DATABASE_URL and SEDA_TRACKS_DATABASE_URL (or their
    _FILE), as the services have them. Run it again to change passwords.

    Examples:
        seda db init

        seda db init --logins

        seda db init --single-role
    """
    from ops.database.connection import admin_dsn
    from ops.database.init import init_database
    from ops.database.logins import service_logins

    passwords = service_logins() if logins else None
    report = run(init_database(admin_dsn(), single_role=single_role, logins=passwords))
    for warning in report.warnings:
        console.message(warning, "yellow")
    if not report.ready:
        _print_needed_statements(report)
    done = "nothing to do" if not report.executed else f"{len(report.executed)} statements"
    console.result(report, f"{report.schemas} schemas, {report.roles} roles: {done}.")


@migrate_app.command("deploy")
def migrate_deploy(
    lock_wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait while another migration is running.")
    ] = 30.0,
) -> None:
    """Apply the pending revisions of all schemas, each in its own transaction.

    Exit codes: 3 another migration is running, 5 a revision failed, 6 the history was changed.

    Examples:
        seda migrate deploy

        seda migrate deploy --lock-wait 300
    """
    from ops.database.connection import admin_dsn
    from ops.database.migrate import deploy

    schemas = run(deploy(admin_dsn(), lock_wait_seconds=lock_wait))
    text = "\n".join(
        f"{each.schema}: "
        + (f"+{len(each.applied)}, now at {each.current}" if each.applied else f"at {each.current}")
        for each in schemas
    )
    console.result({"schemas": schemas}, text)


@migrate_app.command("status")
def migrate_status() -> None:
    """Report the state of each schema. Exit code 1: something is pending; 6: the history was changed.

    Examples:
        seda migrate status

        seda migrate status --json
    """
    from ops.database.connection import admin_dsn
    from ops.database.migrate import status

    schemas = run(status(admin_dsn()))
    if console.json:
        console.result({"schemas": schemas})
    else:
        console.table(
            ("schema", "state", "current", "head", "pending"),
            [(each.schema, _state(each), each.current, each.head, len(each.pending)) for each in schemas],
        )
        for each in schemas:
            for problem in each.problems:
                console.message(f"{each.schema}: {problem}", "red")
    if any(each.problems for each in schemas):
        raise typer.Exit(Exit.DRIFT)
    if any(each.pending for each in schemas):
        raise typer.Exit(Exit.ACTION_NEEDED)


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


def _state(status: SchemaStatus) -> str:
    if status.problems:
        return "drift"
    if status.pending:
        return "pending"
    return "ahead" if status.ahead else "ok"
