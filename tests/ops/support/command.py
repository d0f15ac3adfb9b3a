"""Run `seda` inside the test's process, with captured streams and a separate working directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops import cli
from ops.console import console


@dataclass(frozen=True)
class CliResult:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Seda:
    """`seda(*arguments)` runs the command and returns its exit code and output."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str) -> CliResult:
        self._monkeypatch.setattr("sys.argv", ["seda", *arguments])
        for name in ("json", "no_color", "debug"):
            self._monkeypatch.setattr(console, name, False)
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = self._capsys.readouterr()
        assert isinstance(left.value.code, int)
        return CliResult(int(left.value.code), captured.out, captured.err)
