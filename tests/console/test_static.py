"""The page's files: small modules that set text as text and ask nobody else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import console

STATIC = Path(console.__file__).parent / "static"
MODULES = sorted(STATIC.rglob("*.js"))
_COMMENT = re.compile(r"^\s*(//|/\*|\*)")


def code_lines(module: Path) -> int:
    """Lines that are neither blank nor comments."""
    return sum(1 for line in module.read_text().splitlines() if line.strip() and not _COMMENT.match(line))


def test_the_page_stays_small() -> None:
    assert {each.name: lines for each in MODULES if (lines := len(each.read_text().splitlines())) > 250} == {}
    assert sum(map(code_lines, MODULES)) <= 1_800


@pytest.mark.parametrize("module", MODULES, ids=lambda each: str(each.relative_to(STATIC)))
def test_no_module_makes_markup_or_code_of_text(module: Path) -> None:
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser",
        module.read_text(),
    )
    assert found == []


def test_nothing_of_another_origin_is_named() -> None:
    texts = {each: each.read_text() for each in STATIC.rglob("*") if each.suffix in {".js", ".css", ".html"}}
    assert {
        each.name: found
        for each, text in texts.items()
        if (found := re.findall(r"(?:https?:)?//[\w.-]+\.\w{2,}/", text))
    } == {}
