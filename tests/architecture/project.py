"""The project as text: its hand-written Python files, and which names a file defines."""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The folders that hold hand-written Python; seda/ and buf/ are generated.
HAND_WRITTEN = (
    "search_text",
    "sedaclient",
    "servicekit",
    "services",
    "gateway",
    "ops",
    "console",
    "migrations",
    "tools",
    "bench",
    "tests",
)


def python_files(*folders: str) -> list[Path]:
    """Return every hand-written Python file below `folders`, or below all of them, sorted."""
    return sorted(path for folder in folders or HAND_WRITTEN for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    """Return the path as people write it, from the root of the project."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(), filename=str(path))


def comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and the text of every comment of a Python source."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def calls(tree: ast.AST) -> Iterator[tuple[int, str, ast.Call]]:
    """Yield the line, the dotted name as written and the node of every call that has such a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            if name:
                yield node.lineno, name, node


def defines(path: Path, name: str) -> bool:
    """Tell whether a Python file defines `name`, or a proto file the RPC, message or enum of that name.

    `Class.method` looks inside the class.
    """
    if path.suffix == ".proto":
        return (
            re.search(rf"^\s*(rpc|message|enum|service)\s+{name}\b", path.read_text(), re.MULTILINE)
            is not None
        )
    body: list[ast.stmt] = parsed(path).body
    for part in name.split("."):
        found = next((node for node in body if part in _bound(node)), None)
        if found is None:
            return False
        body = found.body if isinstance(found, ast.ClassDef) else []
    return True


def _bound(node: ast.stmt) -> set[str]:
    """Return the names that a statement binds in its scope."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        # The object may be any expression; the attribute alone is what callers look for then.
        return f"{_dotted(node.value) or '?'}.{node.attr}"
    return ""
