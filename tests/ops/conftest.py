"""Fixtures of the command line's tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.support.command import Seda
from tests.ops.support.fake_gateway import FakeGateway, fake_gateway
from tests.ops.support.fake_suite import free_base


@pytest.fixture
def seda(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Seda:
    """The command in an empty folder, without the environment's Seda settings."""
    for name in list(os.environ):
        if name.startswith(("SEDA_", "DATABASE_URL", "CLICOLOR", "NO_COLOR")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return Seda(tmp_path, capsys, monkeypatch)


@pytest.fixture
def base() -> Iterator[int]:
    """The first port for a `seda up` of one test."""
    with free_base() as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory for a `seda up`, with a space in its path."""
    made = tmp_path / "my music"
    made.mkdir()
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[FakeGateway]:
    """A server with canned answers."""
    with fake_gateway() as made:
        yield made
