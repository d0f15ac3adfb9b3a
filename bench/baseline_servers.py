"""The baselines' servers, installed or built below the data folder, so that the source tree stays unchanged."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import PROJECT, Server, clean_environment, free_port, started, wait_until
from ops.probe import is_listening

_SOURCES = PROJECT / "bench" / "baselines"
_PACKAGE = "baselinev1"
Log = Callable[[str], None]


class MissingBaselineError(Exception):
    """A baseline can't be had here; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A program that serves baseline.proto: `command` runs in `folder`."""

    name: str
    command: Sequence[str]
    folder: Path


@contextmanager
def running(
    baseline: Baseline, database_url: str, logs: Path, settings: Mapping[str, str]
) -> Iterator[Server]:
    """The server of a baseline; `settings` are its variables (baselines/README.md)."""
    port = free_port()
    environ = {
        **clean_environment(),
        "NODE_ENV": "production",
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "EXIT_WITH_STDIN": "1",
        **settings,
    }
    address = f"127.0.0.1:{port}"
    log = logs / f"{baseline.name}-{port}.log"
    with started(baseline.command, environ, log, cwd=baseline.folder) as process:
        wait_until(process, baseline.name, lambda: is_listening(address))
        yield Server(baseline.name, process.pid, address)


def install_node(work: Path, log: Log) -> Path:
    """Install the Node servers below `work` and return their folder. Raises MissingBaselineError."""
    _require("node", "npm")
    folder = _copied(work, "node")
    commands = (
        ["npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"],
        ["npm", "run", "generate"],
    )
    _once(folder, ["package.json", "schema.prisma"], commands, log)
    return folder


def build_go(work: Path, log: Log) -> Path:
    """Build the Go server below `work` and return its folder. Raises MissingBaselineError."""
    _require("go")
    folder = _copied(work, "go")
    (folder / _PACKAGE).mkdir(exist_ok=True)
    plugins = {name: folder / "bin" / f"protoc-gen-{name}" for name in ("go", "go-grpc")}
    generate = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder.parent}"]
    for name, plugin in plugins.items():
        generate += [
            f"--plugin=protoc-gen-{name}={plugin}",
            f"--{name}_out={folder / _PACKAGE}",
            f"--{name}_opt=paths=source_relative,Mbaseline.proto=baseline/{_PACKAGE}",
        ]
    commands = (
        ["go", "build", "-mod=readonly", "-o", f"{folder / 'bin'}/", "tool"],
        [*generate, "baseline.proto"],
        ["go", "build", "-mod=readonly", "-o", "server", "."],
    )
    sources = [path.name for path in (_SOURCES / "go").iterdir()]
    _once(folder, [*sorted(sources), "../baseline.proto"], commands, log)
    return folder


def _require(*programs: str) -> None:
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        raise MissingBaselineError(f"{' and '.join(missing)} not installed here")


def _copied(work: Path, name: str) -> Path:
    target = work / "baselines"
    shutil.copytree(_SOURCES, target, dirs_exist_ok=True)
    return target / name


def _once(folder: Path, sources: Sequence[str], commands: Sequence[Sequence[str]], log: Log) -> None:
    """Run the commands in `folder`, unless they ran there with the same sources."""
    wanted = b"".join((folder / name).read_bytes() for name in sources)
    marker = folder / "installed"
    if marker.exists() and marker.read_bytes() == wanted:
        return
    for command in commands:
        log(f"{' '.join(command)} in {folder}")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - commands of this file
        if done.returncode != 0:
            output = (done.stderr or done.stdout).strip()[-800:]
            raise MissingBaselineError(f"{' '.join(command)} failed:\n{output}")
    marker.write_bytes(wanted)
