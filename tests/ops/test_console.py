"""Console output: streams, colour, tables, JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from ops.console import Console, json_ready, printable
from ops.errors import CliError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(**environ: str) -> tuple[Console, Terminal, Terminal]:
    out, err = Terminal(), Terminal()
    return Console(out, err, environ), out, err


def piped(**environ: str) -> tuple[Console, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Console(out, err, environ), out, err


@pytest.mark.parametrize(
    ("environ", "terminal", "piped_too"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, False),
    ],
)
def test_colour_follows_the_conventions(environ: dict[str, str], terminal: bool, piped_too: bool) -> None:
    for console, out, err in (on_terminal(**environ), piped(**environ)):
        console.message("careful", "yellow")
        assert ("\x1b[33m" in err.getvalue()) is (terminal if isinstance(out, Terminal) else piped_too)


def test_no_color_flag_beats_everything() -> None:
    console, _, err = on_terminal(CLICOLOR_FORCE="1")
    console.no_color = True
    console.message("careful", "yellow")
    assert err.getvalue() == "careful\n"


def test_no_animation_outside_a_terminal_or_in_ci() -> None:
    assert on_terminal()[0].animated
    assert not on_terminal(CI="true")[0].animated
    assert not on_terminal(TERM="dumb")[0].animated
    assert not piped(CLICOLOR_FORCE="1", FORCE_COLOR="1")[0].animated


def test_piped_table_is_tab_separated_uncut_with_header() -> None:
    console, out, _ = piped()
    console.table(("name", "text"), [("a", "x" * 300), ("b\tc", None)])
    assert out.getvalue() == f"name\ttext\na\t{'x' * 300}\nb\\tc\t\n"


def test_table_on_a_terminal_is_aligned_by_display_width() -> None:
    console, out, _ = on_terminal(NO_COLOR="1")
    console.table(("name", "n"), [("日本", 1), ("a", 22)])
    assert [line.rstrip() for line in out.getvalue().splitlines()] == ["name  n", "日本  1", "a     22"]


def test_foreign_text_is_neither_markup_nor_control() -> None:
    console, out, _ = on_terminal(NO_COLOR="1")
    console.table(("name",), [("[red]x[/red]\x1b[2J\u202e",)])
    assert out.getvalue().split() == ["name", "[red]x[/red]\\x1b[2J\\u202e"]
    assert printable("naïve 日本 🎵") == "naïve 日本 🎵"


def test_error_is_message_cause_and_fix_on_stderr() -> None:
    console, out, err = piped()
    console.error(CliError("X_FAILED", "It failed.", why="It was late.", fix="Try earlier."))
    assert (out.getvalue(), err.getvalue()) == ("", "It failed.\nIt was late.\nTry earlier.\n")


def test_json_is_one_object_on_stdout() -> None:
    console, out, err = piped()
    console.json = True
    console.error(CliError("X_FAILED", "It failed.", retry=True, details={"n": 1}))
    assert json.loads(out.getvalue()) == {
        "ok": False,
        "error": {
            "code": "X_FAILED",
            "message": "It failed.",
            "why": None,
            "fix": None,
            "retry": True,
            "details": {"n": 1},
        },
    }
    assert err.getvalue() == ""
    console, out, _ = piped()
    console.json = True
    console.result({"b": None}, "never seen")
    assert out.getvalue() == '{"ok":true,"data":{"b":null}}\n'


def test_json_has_rfc3339_times_and_text_ids() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    number = UUID(int=5)
    assert json_ready({"at": moment, "id": number, "p": Path("/x"), "span": timedelta(seconds=2)}) == {
        "at": "2026-01-02T03:04:05Z",
        "id": str(number),
        "p": "/x",
        "span": 2.0,
    }
    with pytest.raises(TypeError):
        json_ready(object())
