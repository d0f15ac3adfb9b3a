"""`seda migrate lint`: unsafe statements are found with a safe recipe, safe ones are left alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.database.lint import lint_revision, lint_statements
from tests.architecture.project import ROOT

_SNIPPETS = ROOT / "tests/data/migration_sql"


def snippets(kind: str) -> dict[str, list[str]]:
    """Return the statements of each snippet by its name, which is the comment before it."""
    parts = re.split(r"^-- (.*)\n", (_SNIPPETS / f"{kind}.sql").read_text(), flags=re.MULTILINE)
    return {
        name: [each.strip() for each in text.split(";\n")]
        for name, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_unsafe_snippets_are_found_with_a_recipe() -> None:
    found = {name: lint_statements(statements) for name, statements in snippets("unsafe").items()}

    assert len(found) >= 40
    assert [name for name, problems in found.items() if not problems] == []
    assert all(each.recipe for problems in found.values() for each in problems)


def test_safe_snippets_are_left_alone() -> None:
    found = {name: lint_statements(statements) for name, statements in snippets("safe").items()}

    assert len(found) >= 40
    assert {name: [each.rule for each in problems] for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize(
    ("comment", "rules"),
    [
        ("", ["ban-drop-column"]),
        ("# lint: ignore ban-drop-column: unused since 1.4\n", []),
        # A reason is needed, and it counts for one rule.
        ("# lint: ignore ban-drop-column:\n", ["ban-drop-column"]),
        ("# lint: ignore ban-drop-table: unused\n", ["ban-drop-column"]),
    ],
)
def test_a_file_may_except_a_rule_with_a_reason(comment: str, rules: list[str], tmp_path: Path) -> None:
    path = tmp_path / "29990101_0900_next.py"
    path.write_text(comment)

    found = lint_revision(path, ["ALTER TABLE chat.rooms DROP COLUMN description"])

    assert [each.rule for each in found] == rules
