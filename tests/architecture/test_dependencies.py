"""What the code imports is what pyproject.toml declares: nothing comes along by accident of another package."""

import ast
import functools
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.project import HAND_WRITTEN, ROOT, parsed, python_files, relative

RUNTIME = ("search_text", "sedaclient", "servicekit", "services", "gateway", "ops", "console", "migrations")
DEVELOPMENT = ("bench", "tools", "tests")

_OWN = {*HAND_WRITTEN, "seda", "buf"}


def declared(*extras: str) -> set[str]:
    """Return the names of the distributions that pyproject.toml asks for, with the named extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [
        *project["dependencies"],
        *(text for extra in extras for text in project["optional-dependencies"][extra]),
    ]
    return {canonicalize_name(Requirement(text).name) for text in texts}


def imported(tree: ast.AST) -> set[str]:
    """Return the full names of the foreign modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.partition(".")[0] not in _OWN | sys.stdlib_module_names}


def providers(module: str) -> set[str]:
    """Return the distributions that ship a module's top-level package; google/ is shared by several."""
    if module.startswith("google.protobuf"):
        return {"protobuf"}
    if module.startswith("google.rpc"):
        return {"googleapis-common-protos"}
    return _shipped_by().get(module.partition(".")[0], set())


@functools.cache
def _shipped_by() -> dict[str, set[str]]:
    """Return the distributions of every installed top-level package."""
    found = packages_distributions()
    return {package: {canonicalize_name(name) for name in names} for package, names in found.items()}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (RUNTIME, ("backup", "console", "embedded", "native", "nats", "otel")),
        (DEVELOPMENT, ("backup", "console", "embedded", "native", "nats", "otel", "dev")),
    ],
    ids=["runtime", "development"],
)
def test_every_import_is_declared(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    allowed = declared(*extras)
    found = {
        f"{relative(path)}: {module}"
        for path in python_files(*folders)
        for module in imported(parsed(path))
        if not providers(module) & allowed
    }
    assert found == set(), "add the package to pyproject.toml, then: make lock"


def test_every_runtime_dependency_is_imported() -> None:
    used = {
        name
        for path in python_files(*RUNTIME)
        for module in imported(parsed(path))
        for name in providers(module)
    }
    assert declared() - used == set(), "remove the package from pyproject.toml, then: make lock"
