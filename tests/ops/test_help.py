"""Help pages: all have the same form, every example parses, the reference is up to date."""

from __future__ import annotations

import re
import shlex

import pytest
import typer.main

from ops import cli
from ops.database.admin_commands import admin_app
from ops.database.commands import db_app
from ops.database.dev_commands import migrate_app
from ops.database.snapshot_commands import snapshot_app
from ops.diagnose.maintain_commands import maintain_app
from ops.help import DOCUMENT, document
from ops.help_topics import TOPICS
from tests.ops.support.command import Seda
from tests.ops.support.fake_suite import PROJECT

GROUPS = {
    "": cli.app,
    "db": db_app,
    "db snapshot": snapshot_app,
    "maintain": maintain_app,
    "migrate": migrate_app,
    "admin": admin_app,
}


def every_command() -> list[tuple[str, ...]]:
    found = []
    for group, sub in GROUPS.items():
        for each in sub.registered_commands:
            assert each.callback is not None
            name = each.name or each.callback.__name__.replace("_", "-")
            found.append((*group.split(), name))
    return found


def examples(text: str) -> list[str]:
    """The lines of a help page below `Examples:`."""
    return re.findall(
        r"^    (.*\bseda .*)$", text.partition("Examples:\n")[2].partition("\n\n")[0], re.MULTILINE
    )


def words(example: str) -> list[str]:
    # `export X=$(seda ...)`: what stands inside is the command.
    inner = re.search(r"\$\((.*)\)", example)
    return shlex.split(inner.group(1) if inner else example)[1:]


def parse(given: list[str]) -> tuple[str, ...]:
    """Parse as the command would, down to its parameters, without running it; return which command it is."""
    command = typer.main.get_command(cli.app)
    rest = cli._parse_global_flags(list(given))
    context = command.make_context("seda", rest, resilient_parsing=False)
    path: tuple[str, ...] = ()
    while isinstance(getattr(command, "commands", None), dict):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])  # type: ignore[attr-defined] # groups have it
        assert command is not None
        path += (name,)
        context = command.make_context(name, rest, parent=context)
    return path


@pytest.mark.parametrize("command", every_command(), ids=" ".join)
def test_help_has_two_examples_that_parse(seda: Seda, command: tuple[str, ...]) -> None:
    told = seda(*command, "--help")
    assert told.code == 0
    found = examples(told.out)
    assert len(found) >= 2, told.out
    for example in found:
        assert parse(words(example)) == command
    assert DOCUMENT in told.out


def test_examples_of_the_root_and_of_the_topics_parse(seda: Seda) -> None:
    found = examples(seda("--help").out)
    assert len(found) == 2
    # A line of a topic that begins with a command is nothing but it.
    for text in TOPICS.values():
        found += re.findall(r"^  ((?:export \w+=\$\()?seda .*)$", text, re.MULTILINE)
    assert len(found) == 5
    for example in found:
        assert parse(words(example)), example


def test_options_are_grouped_and_global_ones_come_last(seda: Seda) -> None:
    headings = re.findall(r"^(\w.*):$", seda("call", "--help").out, re.MULTILINE)
    assert headings == [
        "Arguments",
        "Request options",
        "Connection options",
        "Screen options",
        "Options of every command",
    ]
    shown = set(re.findall(r"^  (?:-\w, )?(--[\w-]+)", seda("call", "--help").out, re.MULTILINE))
    assert {"--data", "--as", "--address", "--timeout", "--json", "--no-color", "--debug", "--help"} <= shown


@pytest.mark.parametrize("topic", TOPICS)
def test_topics(seda: Seda, topic: str) -> None:
    told = seda("help", topic)
    assert told.code == 0
    assert told.out.strip() == TOPICS[topic].strip()
    assert max(map(len, told.out.splitlines())) <= 120


def test_help_of_a_command_and_of_all(seda: Seda) -> None:
    assert "--port-base" in seda("help", "up").out
    assert all(topic in seda("help").out for topic in TOPICS)


def test_the_reference_equals_the_help(monkeypatch: pytest.MonkeyPatch) -> None:
    # Neither the width of a terminal nor a variable of whoever runs it may find its way into the page.
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("SEDA_PORT_BASE", "9000")
    assert (PROJECT / DOCUMENT).read_text(encoding="utf-8") == document(cli.app), "run: make docs"


def test_the_reference_has_every_command() -> None:
    headings = re.findall(r"^## `(.*)`$", document(cli.app), re.MULTILINE)
    assert {" ".join(("seda", *each)) for each in every_command()} <= set(headings)
