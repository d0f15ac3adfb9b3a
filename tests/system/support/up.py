"""The real `seda up` with the real services, and a plain shell to paste its lines into."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ops.data_dir import DataDir
from tests.ops.support.fake_suite import RealSuite

# Five times what a first start takes on two busy cores: initdb, migrations, four services.
START_SECONDS = 90.0
_LINE_SECONDS = 60.0
_GRPCURL_FOLDERS = (Path.home() / "go" / "bin", Path("/usr/local/bin"))
_PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"
_ENDED = "--- line ended with "


class UpElsewhere(RealSuite):
    """`seda up` in the working directory `folder`, with its data in `home`."""

    def __init__(self, folder: Path, data_dir: Path, *arguments: str, **environ: str) -> None:
        super().__init__(folder, *arguments, **{"SEDA_HOME": str(data_dir), "SEDA_ENRICH": "0", **environ})
        self.data_dir = DataDir(data_dir)

    def block(self, title: str) -> list[str]:
        """Return the lines to paste that stand under a title, as they were printed."""
        lines = iter(self.out)
        next(line for line in lines if line.strip().startswith(title))
        block = []
        for line in lines:
            if not line.startswith("    "):
                break
            block.append(line)
        return block


class Answer(NamedTuple):
    """What one pasted line wrote, both streams in one, and its exit status."""

    status: int
    text: str


def paste(
    lines: Sequence[str],
    folder: Path,
    *more_path: Path,
    seconds: float = _LINE_SECONDS,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> list[Answer]:
    """Paste lines into a new shell that knows nothing of this environment, and return each one's answer."""
    script = "".join(f'{line}\nprintf "\\n{_ENDED}%s\\n" "$?"\n' for line in lines)
    done = subprocess.run(
        ["/bin/sh"],
        input=script,
        cwd=folder,
        env={"PATH": ":".join([*map(str, more_path), _PLAIN_PATH]), "HOME": str(folder), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=True,
    )
    answers, text = [], ""
    for line in done.stdout.splitlines(keepends=True):
        if line.startswith(_ENDED):
            answers.append(Answer(int(line.removeprefix(_ENDED)), text.strip()))
            text = ""
        else:
            text += line
    assert len(answers) == len(lines), done.stdout
    return answers


def grpcurl_folder() -> Path | None:
    """Return the folder of grpcurl, on the PATH or where `go install` puts it; None without one."""
    found = shutil.which("grpcurl")
    folders = [Path(found).parent] if found else list(_GRPCURL_FOLDERS)
    return next((folder for folder in folders if (folder / "grpcurl").exists()), None)
