"""Habits that no linter knows: how long a file is, who aborts a call, why a rule is switched off, who sleeps."""

import ast
import re

import pytest

from tests.architecture.project import calls, comments, parsed, python_files, relative

MAX_LINES = 400

# Each switch names its rule and, after it, why: `noqa: S603 - the arguments are our own`. mypy wants a second "#".
_NOQA = re.compile(r"#\s*(?:ruff:\s*)?noqa\b")
_NOQA_WITH_REASON = re.compile(r"#\s*(?:ruff:\s*)?noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*\s+[-#(]\s*\w+\W+\w+")
_IGNORE = re.compile(r"#\s*type:\s*ignore")
_IGNORE_WITH_REASON = re.compile(r"#\s*type:\s*ignore\[[a-z, -]+\]\s*#\s*\w+\W+\w+")


def unexplained_switches(source: str) -> list[tuple[int, str]]:
    """Return the line and text of each comment that silences a tool without a rule or a reason."""
    return [
        (line, text)
        for line, text in comments(source)
        if (_NOQA.search(text) and not _NOQA_WITH_REASON.search(text))
        or (_IGNORE.search(text) and not _IGNORE_WITH_REASON.search(text))
    ]


def unexplained_sleeps(source: str) -> list[int]:
    """Return the lines that sleep without a comment, beside or right above, that says what for.

    `asyncio.sleep(0)` only lets others run, which is no waiting.
    """
    explained = {line for line, _ in comments(source)}
    lines = source.splitlines()
    return [
        line
        for line, name, call in calls(ast.parse(source))
        if name in {"time.sleep", "asyncio.sleep"}
        and not (call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0)
        and line not in explained
        and not (line - 1 in explained and lines[line - 2].lstrip().startswith("#"))
    ]


def test_no_file_is_longer_than_it_can_be_read() -> None:
    long = {
        relative(path): count
        for path in python_files()
        if path.parent.name != "versions" and (count := len(path.read_text().splitlines())) > MAX_LINES
    }
    assert long == {}, "split by subject"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
    assert [relative(path) for path in python_files() if path.name in drawers] == []


def test_only_servicekit_ends_a_call_with_an_error() -> None:
    aborts = [
        f"{relative(path)}:{line}"
        for path in python_files("services", "gateway", "ops")
        for line, name, _ in calls(parsed(path))
        # A connection's transport has a method of the same name.
        if name.rsplit(".", maxsplit=1)[-1] in {"abort", "abort_with_status"}
        and not name.endswith(".transport.abort")
    ]
    assert aborts == [], "raise one of the domain's errors; the wrapper of servicekit answers it"


def test_every_silenced_rule_is_named_and_explained() -> None:
    found = [
        f"{relative(path)}:{line}: {text}"
        for path in python_files()
        for line, text in unexplained_switches(path.read_text())
    ]
    assert not found, "\n".join(found)


def test_no_test_sleeps_without_saying_what_for() -> None:
    found = [
        f"{relative(path)}:{line}"
        for path in python_files("tests")
        for line in unexplained_sleeps(path.read_text())
    ]
    assert not found, "wait for the event itself, or say in a comment why time has to pass\n" + "\n".join(
        found
    )


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa",
        "x = 1  # noqa: S603",
        "# ruff: noqa",
        "x = 1  # type: ignore",
        "x = 1  # type: ignore[arg-type]",
        "x = 1  # type: ignore  # because of it",
    ],
)
def test_a_bare_switch_is_noticed(line: str) -> None:
    assert len(unexplained_switches(line + "\n")) == 1


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa: S603 - the arguments are our own",
        "x = 1  # noqa: S603, S607 - a fixed command",
        "x = 1  # type: ignore[arg-type]  # the stub is wrong here",
    ],
)
def test_an_explained_switch_is_accepted(line: str) -> None:
    assert unexplained_switches(line + "\n") == []


def test_a_bare_sleep_is_noticed() -> None:
    source = (
        "import asyncio, time\n"
        "time.sleep(1)\n"
        "asyncio.sleep(0)\n"
        "asyncio.sleep(1)  # the lease has to run out\n"
        "# The lease has to run out.\n"
        "asyncio.sleep(2)\n"
        "asyncio.sleep(3)\n"
    )
    assert unexplained_sleeps(source) == [2, 7]
