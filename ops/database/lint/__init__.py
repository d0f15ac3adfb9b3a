"""Find what is unsafe in the statements of a revision while services run: our own rules, and those of Squawk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.database.lint.rules import own_problems
from ops.database.lint.squawk import squawk_problems
from ops.database.lint.statements import Problem

_IGNORED = re.compile(r"^# lint: ignore ([a-z-]+): \S.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LintFinding:
    """An unsafe statement of a revision, by the rule's name, with the safe way to do the same."""

    file: str
    rule: str
    statement: str
    message: str
    recipe: str


def lint_revision(path: Path, statements: Sequence[str]) -> Iterator[LintFinding]:
    """Yield the findings in a revision's statements.

    A rule is excepted by a line of the file with a reason: `# lint: ignore ban-drop-column: unused since 1.4`.
    """
    ignored = set(_IGNORED.findall(path.read_text(encoding="utf-8")))
    for problem in lint_statements(statements):
        if problem.rule not in ignored:
            shortened = " ".join(problem.statement.split())
            yield LintFinding(path.stem, problem.rule, shortened, problem.message, problem.recipe)


def lint_statements(statements: Sequence[str]) -> list[Problem]:
    """Return the problems of one revision's statements, in their order, one for each rule and statement."""
    found = {(each.statement, each.rule): each for each in squawk_problems(statements)}
    found |= {(each.statement, each.rule): each for each in own_problems(statements)}
    return sorted(found.values(), key=lambda each: (statements.index(each.statement), each.rule))
