"""What a check has found, for every command that examines something: one model, one form on the screen."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ops.console import Console


class Result(enum.StrEnum):
    """The worst comes first. `skipped` is what could not be examined, `error` a check that failed itself."""

    CRITICAL = "critical"
    ERROR = "error"
    WARN = "warn"
    INFO = "info"
    SKIPPED = "skipped"
    OK = "ok"


_ORDER = tuple(Result)
_STYLES = {Result.CRITICAL: "red", Result.ERROR: "red", Result.WARN: "yellow", Result.SKIPPED: "dim"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of the check `id`: about which object, its value and the threshold, what to do, and the command."""

    id: str
    result: Result
    title: str
    object: str = ""
    value: str = ""
    threshold: str = ""
    sentence: str = ""
    command: str = ""

    @property
    def key(self) -> str:
        """The same for the same fault at the next run."""
        return f"{self.id}:{self.object}" if self.object else self.id


def fails(findings: Sequence[Finding], fail_on: Result = Result.WARN) -> bool:
    """Return whether anything is as bad as `fail_on`, or worse."""
    return any(_ORDER.index(each.result) <= _ORDER.index(fail_on) for each in findings)


def show(console: Console, findings: Sequence[Finding]) -> None:
    """Print the findings, the worst first, those that are ok in one line; with --json all of them as one object."""
    ordered = sorted(findings, key=lambda each: _ORDER.index(each.result))
    if console.json:
        console.result({"findings": [_fields(each) for each in ordered]})
        return
    for each in ordered:
        if each.result is not Result.OK:
            _print(console, each)
    fine = [each.title for each in ordered if each.result is Result.OK]
    if fine:
        console.print(f"{console.style('ok', 'green', console.stdout):<8}  {', '.join(fine)}")


def _print(console: Console, finding: Finding) -> None:
    result = console.style(f"{finding.result:<8}", _STYLES.get(finding.result, ""), console.stdout)
    about = ": ".join(filter(None, (finding.title, finding.object)))
    console.print(f"{result}  {about}. {finding.sentence}".rstrip())
    for line in finding.command.splitlines():
        console.print(f"            {line}")


def _fields(finding: Finding) -> dict[str, object]:
    values = {
        "id": finding.id,
        "result": finding.result,
        "title": finding.title,
        "object": finding.object,
        "value": finding.value,
        "threshold": finding.threshold,
        "sentence": finding.sentence,
        "command": finding.command,
        "key": finding.key,
    }
    return {name: value or None for name, value in values.items()}
