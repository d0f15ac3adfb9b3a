"""Which of our files a process runs, by the imports that stand in them: nothing is imported to find out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_Stamp = tuple[int, int]


class Imports:
    """Finds the files that modules import, directly or not, among those below `roots`, where imports are looked for."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        # What the file imports, for as long as it is the same.
        self._known: dict[Path, tuple[_Stamp, frozenset[str]]] = {}

    def files(self, module: str) -> set[Path]:
        """Return the files that `python -m module` may run. In one that can't be parsed the last known imports count."""
        found, ahead = set[Path](), [f"{module}.__main__", module]
        seen = set(ahead)
        while ahead:
            for file in self._find(ahead.pop()):
                if file not in found:
                    found.add(file)
                    new = self._imported(file) - seen
                    seen |= new
                    ahead += new
        return found

    def _find(self, name: str) -> Iterator[Path]:
        """Yield the file of a module or package, and those of the packages above it."""
        parts = name.split(".")
        for root in self._roots:
            for length in range(len(parts), 0, -1):
                path = root.joinpath(*parts[:length])
                yield from filter(Path.is_file, (path.with_suffix(".py"), path / "__init__.py"))

    def _imported(self, file: Path) -> frozenset[str]:
        try:
            stamp = read_stamp(file)
            known = self._known.get(file)
            if known is None or known[0] != stamp:
                known = (stamp, frozenset(_names(ast.parse(file.read_bytes()))))
                self._known[file] = known
        except (OSError, SyntaxError, ValueError):
            # What it imported when it was right is the best guess.
            known = self._known.get(file)
        return known[1] if known else frozenset()


def read_stamp(file: Path) -> _Stamp:
    """Return what differs once a file was written. Raises OSError."""
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def syntax_error(files: Iterable[Path]) -> str:
    """Return the first error of syntax, as Python reports it; empty without one."""
    for file in sorted(files):
        try:
            ast.parse(file.read_bytes(), str(file))
        except SyntaxError as error:
            place = f"{file}:{error.lineno}"
            return f"{place}: {type(error).__name__}: {error.msg}\n    {(error.text or '').strip()}".rstrip()
        except (OSError, ValueError):
            # It is gone again, or will tell by itself.
            continue
    return ""


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            # Each may be a module of its own.
            yield from (f"{node.module}.{each.name}" for each in node.names)
