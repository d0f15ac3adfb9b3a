"""Whether SEDA_ENV agrees with the names of the files that settings come from."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ops.findings import Finding, Result
from servicekit.settings import Environment

if TYPE_CHECKING:
    from ops.doctor.surroundings import Surroundings

_ALIASES = {"dev": "development", "prod": "production", "live": "production"}
_WORD = re.compile(r"[a-z]+")
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?SEDA_ENV\s*=\s*[\"']?([a-z]+)", re.MULTILINE)


def check_environment(surroundings: Surroundings) -> list[Finding]:
    """SEDA_ENV is a known environment, and no file that is named after another one is used with it."""
    environment = surroundings.environ.get("SEDA_ENV", Environment.DEVELOPMENT)
    known = ", ".join(Environment)
    if environment not in set(Environment):
        sentence = f"{environment} is none; it is one of {known}."
        return [_finding(Result.CRITICAL, "SEDA_ENV", environment, sentence, "export SEDA_ENV=development")]
    found = [*_secret_files(surroundings, environment), *_environment_files(surroundings)]
    return found or [Finding("environment", Result.OK, "Environment", "SEDA_ENV", environment, known)]


def _secret_files(surroundings: Surroundings, environment: str) -> Iterator[Finding]:
    for name, path in sorted(surroundings.environ.items()):
        if not name.endswith("_FILE") or not name.startswith(("SEDA_", "DATABASE_URL")):
            continue
        named = _named(path)
        if named and environment not in named:
            sentence = (
                f"SEDA_ENV is {environment}, and {name} names a file of {', '.join(sorted(named))}: {path}."
            )
            yield _finding(
                Result.WARN, name, environment, sentence, f"unset {name}   or: export SEDA_ENV={min(named)}"
            )


def _environment_files(surroundings: Surroundings) -> Iterator[Finding]:
    for path in sorted(surroundings.cwd.glob(".env.*")):
        named = _named(path.name)
        assigned = _ASSIGNED.search(path.read_text(errors="replace")) if path.is_file() else None
        if named and assigned and _ALIASES.get(assigned[1], assigned[1]) not in named:
            sentence = f"It sets SEDA_ENV to {assigned[1]}, other than its name says."
            yield _finding(
                Result.WARN, path.name, assigned[1], sentence, f"grep -n SEDA_ENV {shlex.quote(path.name)}"
            )


def _named(path: str) -> set[str]:
    words = {_ALIASES.get(word, word) for word in _WORD.findall(path.lower())}
    return words & set(Environment)


def _finding(result: Result, subject: str, value: str, sentence: str, command: str) -> Finding:
    return Finding("environment", result, "Environment", subject, value, sentence=sentence, command=command)
