"""The question before what can't be undone."""

from __future__ import annotations

import io

import pytest

from ops.confirm import require_confirmation
from ops.console import Console
from ops.errors import CliError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ask(
    monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO, *, yes: bool = False, no_input: bool = False
) -> tuple[str, str]:
    """Return the codes of the refusal, or an empty text, and what was asked."""
    monkeypatch.setattr("sys.stdin", stdin)
    console = Console(stdout=io.StringIO(), stderr=io.StringIO(), environ={})
    try:
        require_confirmation(console, "pr-123", "This deletes all.", yes=yes, no_input=no_input)
        code = ""
    except CliError as error:
        code = f"{error.code} {error.exit_code}"
    asked = console.stderr
    assert isinstance(asked, io.StringIO)
    return code, asked.getvalue()


@pytest.mark.parametrize("answer", ["", "\n", "yes\n", "y\n", "pr-12\n"])
def test_only_the_name_confirms(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    assert ask(monkeypatch, Terminal(answer))[0] == "NOT_CONFIRMED 4"
    code, asked = ask(monkeypatch, Terminal("pr-123\n"))
    assert code == ""
    assert asked == "This deletes all.\nType pr-123 to go on:\n"


def test_nobody_is_asked_without_a_terminal_or_with_a_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, io.StringIO("pr-123\n")) == ("CONFIRMATION_NEEDED 4", "")
    assert ask(monkeypatch, Terminal("pr-123\n"), no_input=True) == ("CONFIRMATION_NEEDED 4", "")
    assert ask(monkeypatch, io.StringIO(), yes=True) == ("", "")
