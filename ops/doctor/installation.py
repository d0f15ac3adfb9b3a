"""Whether Python, its packages and PostgreSQL's programs are those that this version needs."""

from __future__ import annotations

import importlib
import re
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING

from ops.errors import CliError
from ops.findings import Finding, Result

if TYPE_CHECKING:
    from ops.doctor.surroundings import Surroundings

_OLDEST_PYTHON = (3, 11)
_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*([^;]*)(?:;\s*(.*))?$")
_BOUND = re.compile(r"(>=|<|==)\s*([0-9.]+)")
_NUMBER = re.compile(r"\d+")
# Compiled: a wheel for another machine is found only by loading it.
_COMPILED = ("grpc", "google.protobuf", "asyncpg", "pydantic_core", "psutil", "uuid_utils")


def check_python(surroundings: Surroundings) -> list[Finding]:
    """The interpreter is not older than the oldest supported one."""
    title, value = "Python", ".".join(map(str, surroundings.python))
    threshold = ".".join(map(str, _OLDEST_PYTHON))
    if surroundings.python >= _OLDEST_PYTHON:
        return [Finding("python", Result.OK, title, value=value, threshold=threshold)]
    sentence = (
        f"This is {value}, and {threshold} is the oldest that works: install a newer one and set up again."
    )
    command = "rm -r .venv && make setup PYTHON=python3.11"
    return [Finding("python", Result.CRITICAL, title, "", value, threshold, sentence, command)]


def check_packages(surroundings: Surroundings) -> list[Finding]:
    """Every required package is installed in a version that fits, and the compiled ones load."""
    found = [each for text in surroundings.requirements if (each := _unfit(text, surroundings)) is not None]
    for name in _COMPILED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            found.append(_package(name, sentence=f"It can't be loaded here: {error}."))
    return found or [Finding("packages", Result.OK, "Packages", value=str(len(surroundings.requirements)))]


def _unfit(requirement: str, surroundings: Surroundings) -> Finding | None:
    match = _REQUIREMENT.match(requirement)
    # Those with a marker belong to an extra.
    if match is None or match[3]:
        return None
    name, wanted = match[1], match[2].strip()
    try:
        installed = surroundings.installed(name)
    except PackageNotFoundError:
        return _package(name, "none", wanted, "It is not installed.")
    if all(_fits(installed, sign, bound) for sign, bound in _BOUND.findall(wanted)):
        return None
    return _package(name, installed, wanted, f"It is {installed}, and this version of Seda needs {wanted}.")


def _fits(installed: str, sign: str, bound: str) -> bool:
    # Only the numbers count: no requirement of ours names a pre-release.
    have, want = _numbers(installed), _numbers(bound)
    if sign == ">=":
        return have >= want
    return have < want if sign == "<" else have == want


def _numbers(version: str) -> tuple[int, ...]:
    numbers = list(map(int, _NUMBER.findall(re.split(r"[a-z+]", version)[0])))
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _package(name: str, value: str = "", threshold: str = "", sentence: str = "") -> Finding:
    command = "make setup   (or: pip install --force-reinstall seda-backend)"
    return Finding("packages", Result.CRITICAL, "Packages", name, value, threshold, sentence, command)


def check_postgres(surroundings: Surroundings) -> list[Finding]:
    """There are programs of a PostgreSQL server, unless a database is given; and the data are of their version."""
    from ops.env import database_url
    from ops.postgres import find_binaries

    id_, title = "postgres-programs", "PostgreSQL's programs"
    if database_url(surroundings.environ):
        return [Finding(id_, Result.SKIPPED, title, sentence="DATABASE_URL names a server.")]
    try:
        binaries = find_binaries(surroundings.environ)
    except CliError as error:
        sentence = f"{error.message} {error.why}"
        return [Finding(id_, Result.CRITICAL, title, sentence=sentence, command=error.fix)]
    majors = surroundings.data_dir.postgres_majors()
    if majors and binaries.major not in majors:
        return [
            Finding(
                id_,
                Result.CRITICAL,
                title,
                str(binaries.bin_dir),
                str(binaries.major),
                str(majors[-1]),
                f"The data in {surroundings.data_dir} are of PostgreSQL {majors[-1]}, and these are of {binaries.major}.",
                "seda up   (refuses, and prints the commands that carry the data over)",
            )
        ]
    return [Finding(id_, Result.OK, title, str(binaries.bin_dir), binaries.version)]
