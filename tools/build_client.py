"""Builds the wheel `seda-client` into dist/: the typed client and the generated code, without anything of the servers.

`seda-backend` has the same packages inside, so that one checkout and one lock file hold all; install one of the two.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("buf", "seda", "sedaclient")
_NEEDED = ("googleapis-common-protos", "grpcio", "grpcio-status", "protobuf")
_KEYS = "cryptography"
"""For services that sign with a key instead of a secret."""


def main(out: Path) -> None:
    """Build the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        for each in _PACKAGES:
            shutil.copytree(_ROOT / each, source / each, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(_ROOT / "docs/client.md", source / "README.md")
        (source / "pyproject.toml").write_text(_project(), encoding="utf-8")
        command = [sys.executable, "-m", "uv", "build", "-q", "--wheel", "--no-build-isolation"]
        subprocess.run([*command, "--out-dir", str(out.resolve()), str(source)], check=True)  # noqa: S603 - our own arguments


def _project() -> str:
    own = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ranges = {_name(each): each for each in own["project"]["dependencies"]}
    packages = [f'"{each}*"' for each in _PACKAGES]
    return f"""\
[build-system]
requires = {own["build-system"]["requires"]!r}
build-backend = "{own["build-system"]["build-backend"]}"

[project]
name = "seda-client"
version = "{own["project"]["version"]}"
description = "The typed Python client of Seda"
readme = "README.md"
requires-python = "{own["project"]["requires-python"]}"
dependencies = {[ranges[each] for each in _NEEDED]!r}
optional-dependencies = {{ keys = [{ranges[_KEYS]!r}] }}

[tool.setuptools.packages.find]
include = [{", ".join(packages)}]

[tool.setuptools.package-data]
"*" = ["py.typed", "*.pyi"]
"""


def _name(requirement: str) -> str:
    return requirement.partition(">")[0].partition("[")[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
