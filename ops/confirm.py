"""Ask before what can't be undone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ops.errors import CliError, Exit

if TYPE_CHECKING:
    from ops.console import Console


def require_confirmation(console: Console, name: str, consequence: str, *, yes: bool, no_input: bool) -> None:
    """Return when `yes`, or when a person at a terminal has typed `name`.

    Raises CliError CONFIRMATION_NEEDED where nobody can be asked, and NOT_CONFIRMED for any other answer.
    """
    if yes:
        return
    if no_input or console.json or not sys.stdin.isatty():
        raise CliError(
            "CONFIRMATION_NEEDED",
            f"{consequence} Nobody is here to confirm it.",
            fix="Add --yes. See what it would do: --dry-run",
            exit_code=Exit.UNSAFE,
        )
    console.message(consequence, "yellow")
    console.message(f"Type {name} to go on:")
    if sys.stdin.readline().strip() != name:
        raise CliError("NOT_CONFIRMED", "Not confirmed. Nothing was changed.", exit_code=Exit.UNSAFE)
