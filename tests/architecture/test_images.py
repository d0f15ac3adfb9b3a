"""Every image of a registry is named by tag and digest, and tools/pin_images.py renews the digests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project import ROOT
from tools.pin_images import FILES, IMAGE

_LINE = re.compile(r"^(?:FROM|\s+image:) .*$", re.MULTILINE)
_DIGEST = "sha256:" + "ab" * 32


def lines(text: str) -> list[str]:
    """Return the lines that name an image which is neither made here nor a stage of the same file."""
    stages = re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE)
    names = "|".join([r"seda(?:-[a-z]+)?:local", *stages])
    ours = re.compile(rf"(?:FROM|\s+image:) (?:{names})(?: AS \S+)?$")
    return [each for each in _LINE.findall(text) if not ours.match(each)]


def unpinned(text: str) -> list[str]:
    return [each for each in lines(text) if not (found := IMAGE.match(each)) or not found["digest"]]


def test_every_image_has_a_digest() -> None:
    found = {name: lines((ROOT / name).read_text()) for name in FILES}
    assert all(found.values())
    assert [each for name in FILES for each in unpinned((ROOT / name).read_text())] == []


@pytest.mark.parametrize("name", ["python", "python:3.11", "python:3.11@sha256:12", "ghcr.io/a/b:1"])
def test_an_image_without_a_digest_is_found(name: str) -> None:
    assert unpinned(f"FROM {name} AS build\n") == [f"FROM {name} AS build"]


def test_without_a_target_the_image_of_the_services_is_made() -> None:
    """Which has no program of PostgreSQL, as the stage that adds it is another one."""
    text = (ROOT / "Dockerfile").read_text()
    *earlier, last = re.split(r"^FROM (?=\S)", text, flags=re.MULTILINE)
    assert last.strip() == "services"
    (services,) = (each for each in earlier if each.splitlines()[0].endswith(" AS services"))
    assert "apt-get" not in services
    assert [each.splitlines()[0] for each in earlier if "postgresql-client" in each] == [
        "services AS operations"
    ]


def test_one_tag_has_one_digest() -> None:
    found = [each for name in FILES for each in IMAGE.finditer((ROOT / name).read_text())]
    assert len({each["tag"] for each in found}) == len({each["digest"] for each in found})


def copy(folder: Path) -> None:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text((ROOT / name).read_text())


def pin(folder: Path, answer: str) -> subprocess.CompletedProcess[str]:
    """Run the tool on copies of the files, with a docker that gives the same answer for every tag."""
    programs = folder / "bin"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\necho "$4" >> "{folder}/asked"\necho "{answer}"\n')
    docker.chmod(0o755)
    script = f"from pathlib import Path; from tools.pin_images import main; main(Path({str(folder)!r}))"
    environ = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environ, check=False
    )


def test_digests_are_renewed_and_nothing_else(tmp_path: Path) -> None:
    originals = {name: (ROOT / name).read_text() for name in FILES}
    copy(tmp_path)
    ended = pin(tmp_path, _DIGEST)
    assert (ended.returncode, ended.stderr) == (0, "")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert sorted(asked) == sorted(set(asked)) != []
    assert ended.stdout.splitlines() == [f"{tag}: now {_DIGEST}" for tag in sorted(asked)]
    for name, text in originals.items():
        assert (tmp_path / name).read_text() == re.sub(r"sha256:[0-9a-f]{64}", _DIGEST, text)


def test_what_is_no_digest_is_not_written(tmp_path: Path) -> None:
    copy(tmp_path)
    assert pin(tmp_path, "no such image").returncode != 0
    assert all((tmp_path / name).read_text() == (ROOT / name).read_text() for name in FILES)
