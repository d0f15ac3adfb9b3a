"""Commands of a page of Markdown and what they are said to write, which is compared by its shape."""

from __future__ import annotations

import re
from typing import NamedTuple

_BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
# In this order: an id has digits, and so has a path.
_MASKS = (
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+Z?"), "TIME"),
    (re.compile(r"\b20\d{6}_\d{4}\b"), "REVISION"),
    (re.compile(r"_[0-9a-f]{8}\b"), "_ID"),
    (re.compile(r"(?<![\w.])/[\w./-]+"), "PATH"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "N"),
    (re.compile(r"\bN (?:B|kB|MB|GB)\b"), "SIZE"),
    (re.compile(r"\bN (?:ms|s|min|h|d)\b"), "SPAN"),
    # Columns are as wide as what is in them, and separated by a tab where nobody looks.
    (re.compile(r"\s+"), " "),
    (re.compile(r"-{3,}"), "---"),
)
_ANYTHING = "..."


class Example(NamedTuple):
    """A block of commands, and the output below it, if any."""

    commands: str
    output: str | None


def examples(markdown: str, heading: str = "") -> list[Example]:
    """Return the examples of a page, or of the chapter below a heading of the second level."""
    if heading:
        _, found, rest = markdown.partition(f"\n## {heading}\n")
        assert found, f"no chapter {heading}"
        markdown = rest.partition("\n## ")[0]
    return [Example(*match.groups()) for match in _BLOCK.finditer(markdown)]


def same_shape(expected: str, found: str) -> bool:
    """Return whether a text is as expected but for numbers, times, ids and paths.

    `...` stands for any text of a line; a line of its own for any number of lines.
    """
    pattern = ""
    for line in _lines(expected):
        if line == _ANYTHING:
            pattern += r"(?:.*\n)*"
        else:
            pattern += ".*".join(map(re.escape, line.split(_ANYTHING))) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(found))) is not None


def _lines(text: str) -> list[str]:
    return [_masked(line).strip() for line in text.strip().splitlines() if line.strip()]


def _masked(line: str) -> str:
    for pattern, mask in _MASKS:
        line = pattern.sub(mask, line)
    return line
