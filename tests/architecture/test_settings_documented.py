"""Every variable that a process or the `seda` command reads stands in README.md and in .env.example, and no other."""

import ast
import enum
import importlib
import re
from typing import get_args

import pytest

from ops.env import SecretName
from servicekit.settings import ServiceSettings, is_secret, variable
from tests.architecture.project import ROOT, parsed, python_files

PROCESSES = ("services.users", "services.chat", "services.tracks", "gateway")

_VARIABLE = re.compile(r"(?:SEDA_[A-Z0-9_]*[A-Z0-9]|(?:DIRECT_)?DATABASE_URL)(?<!_FILE)")
_ROW = re.compile(
    r"^\| `(?P<name>[A-Z0-9_]+)` \| (?P<default>[^|]*?) ?\| (?P<meaning>[^|]*) \|$", re.MULTILINE
)
_EXAMPLE = re.compile(r"^(?:# )?(?P<name>[A-Z][A-Z0-9_]+)=", re.MULTILINE)

# They pass between our own processes, or belong to the shell alone; nobody sets them by hand.
_INTERNAL = {"SEDA_PARENT_FD"}


def settings_classes() -> list[type[ServiceSettings]]:
    """Return the settings class of each process."""
    found = []
    for process in PROCESSES:
        module = importlib.import_module(f"{process}.config")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, ServiceSettings)
            and value.__module__ == module.__name__
        ]
    return found


def fields() -> dict[str, list[tuple[type[ServiceSettings], str]]]:
    """Return the variables of all processes, each with the classes that have it and the field that it fills."""
    found: dict[str, list[tuple[type[ServiceSettings], str]]] = {}
    for settings in settings_classes():
        for field in settings.model_fields:
            found.setdefault(variable(settings, field), []).append((settings, field))
    return found


def read_by_the_command() -> set[str]:
    """Return the variables whose names stand as whole strings in ops/."""
    return {
        node.value
        for path in python_files("ops")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.fullmatch(node.value)
    }


def readme_rows() -> dict[str, re.Match[str]]:
    """Return the rows of the README's table of settings by variable."""
    return {row["name"]: row for row in _ROW.finditer((ROOT / "README.md").read_text())}


def shown(value: object) -> str:
    """Return a default as the README writes it."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bool):
        value = int(value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def test_each_process_has_one_settings_class() -> None:
    assert sorted(each.process for each in settings_classes()) == ["chat", "gateway", "tracks", "users"]


@pytest.mark.parametrize("document", ["README.md", ".env.example"])
def test_every_variable_is_documented_and_no_other(document: str) -> None:
    text = (ROOT / document).read_text()
    pattern = _ROW if document == "README.md" else _EXAMPLE
    names = [match["name"] for match in pattern.finditer(text)]
    assert len(names) == len(set(names))
    assert set(names) == (set(fields()) | read_by_the_command()) - _INTERNAL


def test_the_readme_gives_the_defaults() -> None:
    rows = readme_rows()
    wrong = {}
    for name, owners in fields().items():
        defaults = {shown(settings.model_fields[field].default) for settings, field in owners}
        # What is derived, or differs from process to process, is explained in words.
        if (
            name in rows
            and len(defaults) == 1
            and defaults != {"`None`"}
            and rows[name]["default"].strip() not in defaults
        ):
            wrong[name] = defaults
    assert wrong == {}


def test_the_readme_marks_what_can_come_from_a_file() -> None:
    rows = readme_rows()
    secret = {name for name, owners in fields().items() if is_secret(*owners[0])} | set(get_args(SecretName))
    marked = {name for name, row in rows.items() if "`_FILE`" in row["meaning"]}
    assert marked == secret
