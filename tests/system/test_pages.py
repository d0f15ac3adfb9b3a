"""The commands of the README and of docs/operations.md, run in order beside a suite with demo data."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ops.support.fake_suite import PROJECT, RealSuite, free_base
from tests.ops.support.original import make_original
from tests.postgres import Server, empty_database
from tests.system.support.pages import Example, examples, same_shape
from tests.system.support.up import START_SECONDS, paste

pytestmark = pytest.mark.timeout(600)
_SECONDS = 300.0
README, OPERATIONS = PROJECT / "README.md", PROJECT / "docs" / "operations.md"
# What nobody has here. It must take what it is given.
_KUBECTL = "#!/bin/sh\n[ \"$1\" = apply ] && exec grep -q 'kind: CronJob'\nexit 0\n"


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("pages") / "suite"
    folder.mkdir()
    with free_base() as base, RealSuite(folder, "--port-base", str(base), SEDA_ENRICH="0") as started:
        started.ready(START_SECONDS)
        yield folder


def run(found: list[Example], folder: Path, **environ: str) -> None:
    """Run the commands in one shell, and compare what each block writes."""
    programs = folder.parent / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "kubectl").write_text(_KUBECTL)
    (programs / "kubectl").chmod(0o700)
    (folder / "operations.env").touch()
    blocks = [each.commands.rstrip().replace(".venv/bin/seda", "seda") for each in found]
    given = {"XDG_STATE_HOME": str(folder.parent / "state"), **environ}
    answers = paste(blocks, folder, Path(sys.executable).parent, programs, seconds=_SECONDS, environ=given)
    wrong = [
        f"{example.commands}exit status {answer.status}\n{answer.text}"
        for example, answer in zip(found, answers, strict=True)
        if answer.status != 0
        or not same_shape(answer.text if example.output is None else example.output, answer.text)
    ]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.slow
def test_every_command_of_the_operations_page_runs(suite: Path, original_url: str) -> None:
    found = examples(OPERATIONS.read_text())
    assert len(found) > 15
    run(found, suite, SEDA_IMPORT_URL=original_url)


@pytest.mark.slow
def test_every_command_to_operate_in_the_readme_runs(suite: Path) -> None:
    found = examples(README.read_text(), "Operate it")
    assert found
    run(found, suite)


@pytest.fixture
async def original_url(postgres_server: Server) -> AsyncIterator[str]:
    async with empty_database(postgres_server) as database:
        await make_original(database, users=50, rooms=6, roots=200)
        yield database.admin_dsn


# How outputs are compared


def test_examples_are_commands_with_the_output_below() -> None:
    page = "# A\n```sh\nx 1\ny\n```\n```text\nout\n```\n\n```text\nother\n```\n## B\n```sh\nz\n```\n\n```text\nno\n```\n## C\n"
    assert examples(page) == [("x 1\ny\n", "out\n"), ("z\n", None)]
    assert examples(page, "B") == [("z\n", None)]


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ("a  1.5 MB\n\nb", "a\t12 kB\nb\n", True),
        ("took 35 s", "took 2 min", True),
        ("/backups/20261129T200713Z-87d82c: 2 rows", "/tmp/x/20261130T200713Z-00d82c: 1,200 rows", True),
        ("seda_before_e57d909c", "seda_before_00000000", True),
        ("ok  Rooms, ...", "ok  Rooms, Messages, and more", True),
        ("a\n...\nz", "a\nb\nc\nz", True),
        ("a\n...\nz", "a\nz", True),
        ("a\n...\nz", "a\nb", False),
        ("2 rows", "2 lines", False),
        ("ok  Rooms, ...", "warn  Rooms, Messages", False),
        ("a", "a\nb", False),
        ("a\nb", "a", False),
        ("a", "", False),
    ],
)
def test_outputs_are_compared_by_their_shape(expected: str, found: str, same: bool) -> None:
    assert same_shape(expected, found) is same
