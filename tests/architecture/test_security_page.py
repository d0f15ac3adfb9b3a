"""docs/security.md says what the code does: its limits, the methods for few, and the roles of the database."""

import importlib
import re
from typing import Any

from ops.database.roles import ROLES
from servicekit.methods import Access, methods_of
from tests.architecture.project import ROOT
from tests.contract.descriptors import own_files
from tools.generate_references import SECURITY, security_page

PAGE = (ROOT / SECURITY).read_text()
_ROW = re.compile(
    r"^\| (?P<limit>[^|]+) \| (?P<value>\d+) \| `(?P<path>[\w.]+)(?:\[(?P<key>[\w.]+)\])?` \|$", re.MULTILINE
)


def value_of(path: str, key: str | None) -> Any:
    """Return a constant by its module and name, or an item of it; a class is a part of the path."""
    module, _, name = path.rpartition(".")
    try:
        holder: Any = importlib.import_module(module)
    except ModuleNotFoundError:
        module, _, owner = module.rpartition(".")
        holder = getattr(importlib.import_module(module), owner)
    found = getattr(holder, name)
    return found if key is None else dict(found)[key]


def wrong_limits(page: str) -> list[str]:
    return [
        f"{each['limit']}: {each['value']}"
        for each in _ROW.finditer(page)
        if float(each["value"]) != value_of(each["path"], each["key"])
    ]


def test_fixed_limits_are_those_of_the_code() -> None:
    section = PAGE.partition("## Limits that are fixed")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(_ROW.findall(section)) == len(rows), "a row has another form"
    assert wrong_limits(PAGE) == []


def test_a_wrong_limit_is_found() -> None:
    page = PAGE.replace("| characters of a token | 4096 |", "| characters of a token | 4097 |")
    assert wrong_limits(page) == ["characters of a token: 4097"]


def test_limits_of_settings_are_up_to_date() -> None:
    assert security_page()[SECURITY] == PAGE, "run: make docs"


def test_methods_for_few_are_named() -> None:
    methods = [
        method
        for file in own_files()
        for service in file.services_by_name.values()
        for method in methods_of(service)
        if method.access not in {Access.USER, Access.SERVICE}
    ]
    assert methods
    assert [each.name for each in methods if f"`{each.name}`" not in PAGE] == []


def test_roles_of_the_database_are_named() -> None:
    assert [each for each in ROLES if f"`{each}`" not in PAGE] == []


def test_the_readme_leads_there() -> None:
    assert SECURITY in (ROOT / "README.md").read_text()
