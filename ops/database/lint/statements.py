"""The statements of a revision as the rules see them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LITERAL = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_CREATED = re.compile(r"CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?([\w.]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """An unsafe statement, and the safe recipe."""

    rule: str
    statement: str
    message: str
    recipe: str


def bare(statement: str) -> str:
    """Return a statement in one line without comments, and with every literal as ''."""
    return " ".join(_LITERAL.sub("''", _COMMENT.sub(" ", statement)).split())


def created_tables(statements: Sequence[str]) -> set[str]:
    """Return the tables that a revision creates: they are empty, and nobody uses them yet."""
    return {match[1].lower() for each in statements if (match := _CREATED.match(bare(each)))}
