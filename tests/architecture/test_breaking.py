"""`make breaking` refuses a change of the contract that clients of the last release would notice."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.project import ROOT

FOLDER = Path("protos/seda/users/v1")
_ETAG = "  string etag = 9 [(buf.validate.field).string.max_len = 64];\n"


def breaking(project: Path) -> subprocess.CompletedProcess[str]:
    """Run the target, without its set-up, with the programs of this environment."""
    command = ["make", "-o", "setup", f"BIN={ROOT / '.venv/bin'}", "breaking"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose only commit is tagged as a release."""
    project = tmp_path_factory.mktemp("released")
    for name in ("Makefile", "buf.yaml"):
        shutil.copy(ROOT / name, project)
    shutil.copytree(ROOT / "protos", project / "protos")
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org"}
    who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org"}
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "release"], ["tag", "v0.1.0"]):
        subprocess.run(["git", *command], cwd=project, check=True, env=os.environ | who, timeout=60)
    return project


class Change(NamedTuple):
    """What is put in place of a text in a file, and whether clients of the release would notice."""

    file: str
    old: str
    new: str
    breaks: bool


CHANGES = {
    "nothing": Change("user.proto", "message User {", "message User {", False),
    "a new message": Change("user.proto", "message User {", "message Another {}\n\nmessage User {", False),
    "a reserved field": Change("user.proto", _ETAG, 'reserved 9;\n  reserved "etag";\n', False),
    "a removed field": Change("user.proto", _ETAG, "", True),
    "a renamed field": Change("user.proto", "string etag = 9", "string tag = 9", True),
    "another type": Change("user.proto", "string etag = 9", "int64 etag = 9", True),
    "another number": Change("user.proto", "string etag = 9", "string etag = 10", True),
    "a renamed message": Change("user.proto", "message UserSummary {", "message Person {", True),
    "a renamed method": Change("user_service.proto", "rpc LookupUsers(", "rpc FindUsers(", True),
    "a renamed service": Change(
        "user_service.proto", "service UserService {", "service PeopleService {", True
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_are_compared_with_the_release(released: Path, change: Change) -> None:
    file = released / FOLDER / change.file
    before = file.read_text()
    assert before.count(change.old) == 1
    try:
        file.write_text(before.replace(change.old, change.new))
        ended = breaking(released)
    finally:
        file.write_text(before)
    assert "against v0.1.0" in ended.stdout
    assert (ended.returncode != 0) is change.breaks, ended.stdout + ended.stderr
