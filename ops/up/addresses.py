"""The block of addresses and commands to paste, of a suite that has started or runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ops.topology import CONSOLE, GATEWAY, POSTGRES, SUITE, Ports
from ops.up.quickstart import quickstart_commands, seda_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.data_dir import DataDir, SuiteState
    from ops.topology import ProcessSpec
    from ops.up.progress import Progress


def print_addresses(
    data_dir: DataDir,
    environ: Mapping[str, str],
    ports: Ports,
    progress: Progress,
    processes: tuple[ProcessSpec, ...],
    database: str,
) -> None:
    """Print the block. `database` says where the database is."""
    lines = quickstart_commands(seda_command(environ), ports.address(GATEWAY), _setting(data_dir, environ))
    console = console_url(data_dir, ports) if CONSOLE in processes else None
    progress.addresses(ports, [each for each in processes if each.grpc], database, lines, console)


def console_url(data_dir: DataDir, ports: Ports) -> str:
    """Return the address of the console with its key, which a browser keeps to itself."""
    key = data_dir.ensure_secret(CONSOLE.name).read_text().strip()
    return f"http://{ports.address(CONSOLE)}/#k={key}"


def running_processes(state: SuiteState) -> tuple[ProcessSpec, ...]:
    """Return the processes of a running suite: the console is not always one."""
    return (*SUITE, CONSOLE) if CONSOLE.name in state.children else SUITE


def _setting(data_dir: DataDir, environ: Mapping[str, str]) -> tuple[str, str] | None:
    name = environ.get("SEDA_NAME")
    if name:
        return ("SEDA_NAME", name)
    return None if data_dir.path == Path.cwd() / ".seda" else ("SEDA_HOME", str(data_dir.path))


def database_text(state: SuiteState, data_dir: DataDir) -> str:
    """Say where the database of a running suite is."""
    if not state.own_postgres:
        return "of DATABASE_URL"
    address = f"127.0.0.1:{Ports(state.port_base).postgres}"
    return f"{address}/seda, password in {data_dir.secret_file(POSTGRES)}"
