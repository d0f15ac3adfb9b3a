"""The baselines' servers, installed or built below the data folder, so that the source tree stays unchanged."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

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


@contextmanager
def tinode(folder: Path, database_url: str, logs: Path) -> Iterator[Server]:
    """Tinode's server with an empty database `tinode` beside that of the URL."""
    http, port = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    config = folder / "tinode.conf"
    # Keys are made for this run. What is not here has the server's own default.
    adapter = {"dsn": tinode_url(database_url), "max_open_conns": 50, "max_idle_conns": 50, "sql_timeout": 10}
    settings = {
        "listen": f"127.0.0.1:{http}",
        "grpc_listen": address,
        "api_key_salt": _key(32),
        "push": [],
        "auth_config": {
            "basic": {"min_login_length": 4, "min_password_length": 6},
            "token": {"expire_in": 86_400, "serial_num": 1, "key": _key(32)},
        },
        "store_config": {"uid_key": _key(16), "use_adapter": "postgres", "adapters": {"postgres": adapter}},
    }
    config.touch(mode=0o600)
    config.write_text(json.dumps(settings), encoding="utf-8")
    asyncio.run(_make_room_for_tinode(database_url))
    make = [str(folder / "bin" / "tinode-db"), "-reset", f"-config={config}"]
    subprocess.run(make, capture_output=True, check=True)  # noqa: S603 - built by build_tinode
    # It has no way of its own to notice that the bench was killed.
    command = ["setpriv", "--pdeathsig", "TERM", str(folder / "bin" / "server")]
    command += [f"-config={config}", "-static_data=-"]
    log = logs / "tinode.log"
    with started(command, clean_environment(), log, cwd=folder) as process:
        wait_until(process, "tinode", lambda: is_listening(address))
        yield Server("tinode", process.pid, address)


async def _make_room_for_tinode(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("DROP DATABASE IF EXISTS tinode WITH (FORCE)")
        # Its maker connects to the database of the user's name while its own is missing.
        missing = "SELECT format('CREATE DATABASE %I', current_user) WHERE current_user NOT IN (SELECT datname FROM pg_database)"
        for statement in await connection.fetch(missing):
            await connection.execute(statement[0])
    finally:
        await connection.close()


def tinode_url(database_url: str) -> str:
    """Tinode's database on the same PostgreSQL."""
    return urlsplit(database_url)._replace(path="/tinode").geturl()


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


def build_tinode(work: Path, log: Log) -> Path:
    """Build Tinode's server and its database's maker below `work`, return their folder. Raises MissingBaselineError."""
    _require("go", "setpriv")
    folder = _copied(work, "tinode")
    packages = [f"github.com/tinode/chat/{name}" for name in ("server", "tinode-db")]
    build = ["go", "build", "-mod=readonly", "-tags", "postgres", "-o", f"{folder / 'bin'}/", *packages]
    _once(folder, ["go.mod", "go.sum"], [build], log)
    return folder


def _key(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode()


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
