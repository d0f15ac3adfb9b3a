"""The `seda` command: its subcommands, global flags and error handling.

Commands import inside their functions: `seda --help` and completion load only Typer.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import traceback
import uuid
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ops import help as help_form
from ops.backup.commands import backup_app, restore
from ops.console import console, redirect_to_devnull
from ops.database.admin_commands import admin_app
from ops.database.commands import db_app
from ops.database.dev_commands import migrate_app
from ops.database.schema_command import schema
from ops.database.snapshot_commands import snapshot_app
from ops.database.verification_commands import verification_app
from ops.demo.commands import demo_app
from ops.diagnose import commands as diagnose_commands
from ops.diagnose.maintain_commands import maintain_app
from ops.errors import CliError, Exit
from ops.help_topics import TOPICS
from ops.import_prisma.commands import import_original
from ops.seed.commands import seed
from ops.up import commands as suite_commands

_REQUEST, _CONNECTION, _SCREEN = "Request options", "Connection options", "Screen options"
_SUGGESTED = re.compile(r"\s*(\(Possible options: .*\)|Did you mean .*)$", re.DOTALL)
_PASSWORD = re.compile(r"(\w+://[^:/@\s]*):[^@\s]+@")

app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    suggest_commands=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(db_app, name="db")
db_app.add_typer(snapshot_app, name="snapshot")
diagnose_commands.register(db_app)
app.add_typer(maintain_app, name="maintain")
app.add_typer(migrate_app, name="migrate")
app.add_typer(admin_app, name="admin")
app.add_typer(backup_app, name="backup")
app.add_typer(demo_app, name="demo")
app.command()(restore)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Seda: a music community's backend. Run it, call it, manage its data.

    \b
    Examples:
      seda up
      seda call GetSystemStatus
    """  # noqa: D301 - the sign with which Typer keeps lines as they are
    if version:
        from ops.version import VERSION

        console.result({"version": VERSION}, f"seda {VERSION}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        console.message(context.get_help())
        raise typer.Exit(Exit.USAGE)


suite_commands.register(app)
app.command()(schema)
app.command()(seed)
app.command("import")(import_original)


@app.command()
def token(
    email: Annotated[str, typer.Option(help="E-mail address of the user; a bare name is a demo user.")],
    role: Annotated[
        str | None, typer.Option(help="First give the user this role: USER, MODERATOR, ADMIN.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="How long it lasts.")] = 12.0,
) -> None:
    """Print a development token, and nothing else, on stdout.

    Examples:
        seda token --email ada@demo.seda.fm

        export SEDA_TOKEN=$(seda token --email ada@demo.seda.fm --role ADMIN)
    """
    from ops.tokens import grant_role, make_token

    if role is not None:
        grant_role(email, role, console)
    made = make_token(email, hours)
    console.result({"token": made.token, "email": made.email, "expires": made.expires}, made.token)
    console.message(f"For {made.email}, until {made.expires.astimezone():%Y-%m-%d %H:%M}.")


@app.command()
def health(
    address: Annotated[
        str | None,
        typer.Option(
            help="host:port of one process alone: is it ready? For the health checks of containers."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each answer.")] = 2.0,
) -> None:
    """Check the health of every process and service. Exit code 1 when one is not serving.

    Examples:
        seda health

        seda health --address 127.0.0.1:7410
    """
    from ops.health import show, show_one

    serving = show(console, timeout) if address is None else show_one(console, address, timeout)
    if not serving:
        raise typer.Exit(Exit.ACTION_NEEDED)


@app.command()
def call(  # noqa: PLR0913, PLR0917 - one parameter per option, Typer passes them by name
    method: Annotated[
        str, typer.Argument(help="CreateRoom, RoomService/CreateRoom, the full name, or list.")
    ],
    service: Annotated[
        str | None, typer.Argument(help="With list: the service whose methods to list.")
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            "--data", "-d", help="The request: JSON, @file, or - for stdin.", rich_help_panel=_REQUEST
        ),
    ] = "{}",
    caller: Annotated[
        str | None,
        typer.Option(
            "--as", help="E-mail or demo name to call as; default: SEDA_TOKEN.", rich_help_panel=_REQUEST
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            envvar="SEDA_GATEWAY",
            help="host:port; default: the gateway running here.",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.01, help="Seconds; default: 10, for streams none.", rich_help_panel=_CONNECTION),
    ] = None,
    stream_limit: Annotated[
        int | None,
        typer.Option(min=1, help="End a stream after so many messages.", rich_help_panel=_CONNECTION),
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show metadata and timing too.", rich_help_panel=_SCREEN),
    ] = False,
) -> None:
    """Call a method of a running server with JSON and print the reply. Exit code: 64 + the gRPC code.

    Examples:
        seda call list

        seda call CreateRoom --as ada -d '{"name": "Late night records"}'
    """
    from ops.call.invoke import Invocation, invoke, list_methods, read_body
    from ops.data_dir import port_base
    from ops.topology import GATEWAY, Ports

    target = address or Ports(port_base()).address(GATEWAY)
    if method == "list":
        list_methods(target, service, console)
        return
    bearer = os.environ.get("SEDA_TOKEN")
    if caller:
        from ops.tokens import make_token

        bearer = make_token(caller, hours=1).token
    invoke(Invocation(target, method, read_body(data), bearer, timeout, stream_limit, verbose), console)


@app.command("console")
def open_console(
    target: Annotated[
        str | None,
        typer.Option(
            help="host:port of any gRPC server with reflection; default: the suite running here.",
            rich_help_panel=_CONNECTION,
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where the page is served; default: a free port.")
    ] = None,
    tls: Annotated[
        bool,
        typer.Option("--tls", help="Connect with TLS, as the system trusts.", rich_help_panel=_CONNECTION),
    ] = False,
    ca: Annotated[
        Path | None,
        typer.Option(exists=True, help="Connect with TLS, by this authority.", rich_help_panel=_CONNECTION),
    ] = None,
    cert: Annotated[
        Path | None,
        typer.Option(exists=True, help="The client certificate of mTLS.", rich_help_panel=_CONNECTION),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(exists=True, help="Its private key.", rich_help_panel=_CONNECTION)
    ] = None,
) -> None:
    """Print the address of the web page that calls any method; serve it until Ctrl-C, where seda up does not.

    Only this machine reaches it, with the key in the address. It makes no tokens for a server named by --target.

    Examples:
        seda console

        seda console --target localhost:50051

        seda console --target api.example.org:443 --tls
    """
    from ops.console_command import ConsoleOptions, run

    run(ConsoleOptions(target, port, tls, ca, cert, key), console)


@app.command("studio")
def open_studio(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Where the page is served; default: a free port.")
    ] = None,
    allow_production: Annotated[
        bool, typer.Option("--allow-production", help="Also with SEDA_ENV=production.")
    ] = False,
) -> None:
    """Print the address of the web page that shows the tables; serve it until Ctrl-C, where seda up does not.

    They are those of the suite running here, or of DATABASE_URL. It reads as <slice>_ro and changes nothing; e-mail
    addresses are masked, and outside development what people wrote is, too.

    Examples:
        seda studio

        seda studio --port 7500
    """
    from ops.console_command import run_studio

    run_studio(port, console, allow_production=allow_production)


@app.command("help")
def show_help(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Argument(help="exit-codes, environment, json, tokens, or a command.")
    ] = None,
) -> None:
    """Explain a topic: exit-codes, environment, json, tokens.

    Examples:
        seda help tokens

        seda help exit-codes
    """
    if topic in TOPICS:
        console.result({"topic": topic, "text": TOPICS[topic]}, TOPICS[topic].rstrip())
    elif topic is None:
        parent = context.parent or context
        console.print(f"{parent.get_help()}\n\nTopics: {', '.join(TOPICS)}")
    else:
        # A command has its own help; an unknown one gets the same suggestion as when it is run.
        raise typer.Exit(_run([topic, "--help"]))


def main() -> None:
    """Run `seda` with this process's arguments and leave with its exit code."""
    sys.exit(_run_with_error_handling(_parse_global_flags(sys.argv[1:])))


def _parse_global_flags(arguments: list[str]) -> list[str]:
    """Remove and apply the global flags, at any position before `--`."""
    rest: list[str] = []
    for number, each in enumerate(arguments):
        if each == "--":
            return rest + arguments[number:]
        if each == "--json":
            console.json = True
        elif each == "--no-color":
            console.no_color = True
        elif each == "--debug":
            console.debug = True
        else:
            rest.append(each)
    return rest


def _run_with_error_handling(arguments: list[str]) -> int:
    try:
        return _run(arguments)
    except CliError as error:
        console.error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        console.message("Interrupted.")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe. Without this, Python reports the error again when it closes stdout.
        redirect_to_devnull(sys.stdout)
        return Exit.ACTION_NEEDED
    except Exception as error:  # noqa: BLE001 - the last frame: everything unexpected is reported in one way
        console.error(_report_crash(error))
        return Exit.ACTION_NEEDED


def _run(arguments: list[str]) -> int:
    try:
        outcome = app(args=arguments, prog_name="seda", standalone_mode=False)
    except TyperException as error:
        raise _usage_error(error) from error
    return outcome if isinstance(outcome, int) else Exit.OK


def _usage_error(error: TyperException) -> CliError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "seda"
    # Typer appends suggestions in two formats; they are replaced by the single one below.
    message = _SUGGESTED.sub("", error.format_message()).rstrip(".") + "."
    known = list(getattr(error, "possibilities", None) or ())
    if not known and message.startswith("No such command"):
        name = message.split("'")[1]
        commands = getattr(getattr(context, "command", None), "commands", {})
        known = difflib.get_close_matches(name, commands, cutoff=0.5)
    fix = f"Did you mean: {', '.join(known)}?   All of it: {path} --help" if known else f"See: {path} --help"
    return CliError("USAGE", message, fix=fix, exit_code=Exit.USAGE)


def _report_crash(error: Exception) -> CliError:
    number = uuid.uuid4().hex[:8]
    text = "".join(traceback.format_exception(error))
    if console.debug:
        console.message(_PASSWORD.sub(r"\1:***@", text))
    where = _write_crash_report(number, text)
    return CliError(
        "UNEXPECTED",
        f"Something unexpected happened: {type(error).__name__} (error id {number}).",
        why=f"Details: {where}",
        fix="Run it again with --debug to see them here.",
    )


def _write_crash_report(number: str, text: str) -> str:
    from ops.data_dir import find_data_dir
    from ops.version import VERSION

    target = find_data_dir().logs / f"crash-{number}.txt"
    command = " ".join(sys.argv[:2])
    body = f"seda {VERSION}, Python {sys.version}, {command}\n\n{text}"
    try:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_PASSWORD.sub(r"\1:***@", body))
    except OSError as failed:
        return f"could not be written to {target}: {failed.strerror}"
    return str(target)


help_form.finish(
    app, db_app, snapshot_app, maintain_app, migrate_app, admin_app, verification_app, backup_app, demo_app
)

if __name__ == "__main__":
    main()
