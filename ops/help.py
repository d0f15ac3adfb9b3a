"""The format of `--help`: examples on separate lines, options in groups, and all commands as one document."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer import Typer

DOCUMENT = "docs/reference/cli.md"
WIDTH = 100

_OPTIONS, _EVERYWHERE = "Options", "Options of every command"
_HELP = "help"
_COMMON = (
    ("--json", "Write one JSON object instead of text; see: seda help json"),
    ("--no-color", "Use no colour; so does NO_COLOR."),
    ("--debug", "Show where an unexpected error came from."),
)
_EPILOG = f"All commands on one page: {DOCUMENT}"
_ROOT_EPILOG = f"Every command takes --json, --no-color and --debug as well. {_EPILOG}"
_TITLE = """\
# The `seda` command

Written by `make docs` from the command itself; a test compares them. `seda help TOPIC` explains exit codes,
the environment, JSON and tokens.
"""


class GroupedCommand(TyperCommand):
    """A command with options grouped by their `rich_help_panel`, which Typer supports only in its Rich mode."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own types are private
        """Write arguments, the command's groups of options, and the options that every command has."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], _OPTIONS: []}
        everywhere = list(_COMMON)
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                groups["Arguments"].append(record)
            elif parameter.name == _HELP:
                everywhere.append(record)
            else:
                panel = getattr(parameter, "rich_help_panel", None) or _OPTIONS
                groups.setdefault(str(panel), []).append(record)
        for name, records in {**groups, _EVERYWHERE: everywhere}.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def finish(app: Typer, *groups: Typer) -> None:
    """Give every command of these the common form. Call it once, when all commands are known."""
    app.info.epilog = _ROOT_EPILOG
    for group in (app, *groups):
        for command in group.registered_commands:
            command.cls = GroupedCommand
            command.help = _laid_out(inspect.getdoc(command.callback) or "")
            command.epilog = _EPILOG


def document(app: Typer) -> str:
    """Return the help of the root, of every group and of every command as one page of Markdown."""
    pages = (f"## `{path}`\n\n```text\n{text.rstrip()}\n```\n" for path, text in _pages(app))
    return "\n".join([_TITLE, *pages])


def _pages(app: Typer) -> Iterator[tuple[str, str]]:
    from typer.main import get_command

    waiting: list[tuple[str, Any, Any]] = [("seda", get_command(app), None)]
    while waiting:
        name, command, parent = waiting.pop(0)
        # Without resilient parsing, a group would print its help and a command would report missing arguments.
        context = command.make_context(
            name,
            [],
            parent=parent,
            resilient_parsing=True,
            terminal_width=WIDTH,
        )
        yield context.command_path, context.get_help()
        below = getattr(command, "commands", {})
        waiting[:0] = (
            [(each, below[each], context) for each in command.list_commands(context)] if below else []
        )


def _laid_out(text: str) -> str:
    """Return a docstring with its examples kept as lines; Typer would fill them into one paragraph."""
    about, _, examples = text.partition("\n\nExamples:\n")
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    return (
        "\n\n\b\n".join([about, "\n".join(["Examples:", *(f"  {line}" for line in lines)])])
        if lines
        else about
    )
