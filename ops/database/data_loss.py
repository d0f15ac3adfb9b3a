"""Tell by its text whether a revision drops or changes what is stored: then a backup comes first.

Nothing is executed, so that it takes no time, no lock and no privileges. What can't be told counts as a loss: a
backup too many costs less than one too few.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from migrations.heads import Revision

# Dropping these loses no rows: they are made again from the revisions.
_HARMLESS = "INDEX|CONSTRAINT|TRIGGER|FUNCTION|PROCEDURE|VIEW|POLICY|RULE|STATISTICS|COLLATION|NOT NULL|DEFAULT|EXPRESSION|IDENTITY"
_LOSSES = (
    ("drops", re.compile(rf"\bDROP (?!(?:{_HARMLESS})\b)")),
    ("drops", re.compile(r"\bTRUNCATE\b")),
    ("changes", re.compile(r"\b(?:ALTER|COLUMN) [\w\"]+ (?:SET DATA )?TYPE\b")),
    ("changes", re.compile(r"\bUPDATE (?:ONLY )?[\w.\"]+(?: AS)?(?: [\w\"]+)? SET\b")),
    ("changes", re.compile(r"\b(?:DELETE FROM|MERGE INTO)\b")),
)
_CALLS = {"drop_table": "drops", "drop_column": "drops", "update": "changes", "delete": "changes"}


def data_loss(revision: Revision) -> str | None:
    """Return "drops" or "changes" for a revision that does so to rows, columns or tables; None for others."""
    tree = ast.parse(revision.path.read_text(encoding="utf-8"))
    found = {*_losses_of_calls(tree), *_losses_of_statements(tree)}
    return "drops" if "drops" in found else next(iter(found), None)


def _losses_of_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = node.func.attr
        if name in _CALLS:
            yield _CALLS[name]
        elif name == "alter_column" and any(each.arg == "type_" for each in node.keywords):
            yield "changes"


def _losses_of_statements(tree: ast.Module) -> Iterator[str]:
    for text in _texts(tree):
        bare = " ".join(text.split()).upper()
        for loss, pattern in _LOSSES:
            if pattern.search(bare):
                yield loss


def _texts(tree: ast.Module) -> Iterator[str]:
    """Yield every text of a module but docstrings; what is put into a text at run time is a word of its own."""
    described: list[ast.Module | ast.FunctionDef] = [tree]
    described += (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))
    first = (each.body[0] for each in described if each.body)
    skipped = {id(each.value) for each in first if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(each) for each in node.values}
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "x" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value
