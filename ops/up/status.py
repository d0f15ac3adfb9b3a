"""`seda status`: what runs on the data folder, and whether all of it serves."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypedDict
from urllib.parse import quote

from ops.data_dir import DATABASE, DataDir, ProcessIdentity, SuiteState, find_data_dir
from ops.env import READER
from ops.errors import CliError
from ops.probe import SERVING, UNREACHABLE, check
from ops.proc_info import memory
from ops.topology import GATEWAY, LOOPBACK, POSTGRES, SUITE, Ports
from ops.up.addresses import database_text, print_addresses, running_processes
from ops.up.progress import Progress

if TYPE_CHECKING:
    from ops.console import Console
    from ops.database.migrate import SchemaStatus
    from ops.topology import ProcessSpec

Output = Literal["text", "json", "env", "url"]

DOWN = "DOWN"
"""The state of a process that crashed too often and is not started again."""

_CHECK_SECONDS = 2.0
_DATABASE_SECONDS = 5.0
_TOKEN_EMAIL, _TOKEN_HOURS = "ada@demo.seda.fm", 12.0
_MEGABYTE = 1_000_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process. `crashes` counts its unexpected ends; without a process, `pid` and what depends on it are None."""

    name: str
    status: str
    pid: int | None
    uptime_seconds: int | None
    rss_bytes: int | None
    address: str
    crashes: int = 0
    health_port: int | None = None
    metrics_port: int | None = None


@dataclass(frozen=True, slots=True)
class SuiteStatus:
    """The suite of one data folder. `migrations` is empty, with the reason in `problems`, when they can't be read."""

    version: str
    pid: int
    since: str
    data: str
    serving: bool
    processes: tuple[ProcessStatus, ...]
    migrations: tuple[SchemaStatus, ...]
    problems: tuple[str, ...]


def show(console: Console, output: Output) -> bool:
    """Print the status in the requested form; return whether everything serves.

    Raises CliError NOT_RUNNING, and DATABASE_NOT_OURS where `output` needs a database that `seda up` has made.
    """
    console.json = console.json or output == "json"
    data_dir = find_data_dir()
    state = require_running(data_dir)
    if output == "url" and not console.json:
        console.print(reader_url(data_dir, state))
        return True
    report = asyncio.run(_collect(data_dir, state))
    if console.json:
        console.result(report)
    elif output == "env":
        for line in _exports(data_dir, state):
            console.print(line)
    else:
        _print(console, report, data_dir, state)
    for problem in () if console.json else report.problems:
        console.message(problem, "yellow")
    return report.serving


def require_running(data_dir: DataDir) -> SuiteState:
    """Return the state of the suite that runs on the folder, or raise CliError NOT_RUNNING."""
    state = data_dir.running_state()
    if state is None:
        raise CliError("NOT_RUNNING", f"Nothing runs on {data_dir}.", fix="Start it: seda up")
    return state


def reader_url(data_dir: DataDir, state: SuiteState) -> str:
    """Return the URL of the suite's own database for the role that only reads."""
    if not state.own_postgres:
        raise CliError(
            "DATABASE_NOT_OURS",
            "The suite runs on your own database, for which there is no read-only login.",
            fix=f"Give {READER} one: ALTER ROLE {READER} LOGIN PASSWORD '...'",
        )
    password = quote(data_dir.secret_file(READER).read_text().strip(), safe="")
    return f"postgresql://{READER}:{password}@{LOOPBACK}:{Ports(state.port_base).postgres}/{DATABASE}"


async def _collect(data_dir: DataDir, state: SuiteState) -> SuiteStatus:
    ports = Ports(state.port_base)
    checks = asyncio.gather(*(check(ports.address(each), timeout=_CHECK_SECONDS) for each in SUITE))
    (migrations, unreachable, note), answers = await asyncio.gather(_migrations(), checks)
    processes = [_process(state, each, ports, answer) for each, answer in zip(SUITE, answers, strict=True)]
    processes.reverse()
    if state.own_postgres:
        processes.append(_postgres(data_dir, ports, UNREACHABLE if unreachable else SERVING))
    problems = [f"{each.name} {_explained(each)}" for each in processes if each.status != SERVING]
    return SuiteStatus(
        version=state.version,
        pid=state.supervisor.pid,
        since=state.since,
        data=str(data_dir.path),
        serving=not problems,
        processes=tuple(processes),
        migrations=migrations,
        problems=(*problems, *([note] if note else [])),
    )


async def _migrations() -> tuple[tuple[SchemaStatus, ...], bool, str]:
    """Return the state of each schema, whether the database is out of reach, and why there is no state."""
    from ops.database.connection import admin_dsn
    from ops.database.migrate import status

    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            return await status(admin_dsn()), False, ""
    except TimeoutError:
        return (), True, f"The database did not answer within {_DATABASE_SECONDS:.0f} s."
    except CliError as error:
        note = f"Migrations are unknown: {error.message} {error.why}"
        return (), error.code == "DATABASE_UNREACHABLE", note


def _process(state: SuiteState, process: ProcessSpec, ports: Ports, answer: str) -> ProcessStatus:
    identity = state.children.get(process.name)
    return ProcessStatus(
        name=process.name,
        status=DOWN if process.name in state.down else answer,
        crashes=state.crashes.get(process.name, 0),
        address=ports.address(process),
        health_port=ports.admin(process),
        metrics_port=ports.metrics(process),
        **_usage(identity),
    )


def _postgres(data_dir: DataDir, ports: Ports, status: str) -> ProcessStatus:
    from ops.postgres.stale_server import read_pid_file

    found = [read_pid_file(data_dir.postgres_data(major)) for major in data_dir.postgres_majors()]
    pid = next((each.pid for each in found if each is not None), None)
    usage = _usage(None if pid is None else ProcessIdentity.of(pid))
    return ProcessStatus(POSTGRES, status, address=f"{LOOPBACK}:{ports.postgres}", **usage)


class _Usage(TypedDict):
    pid: int | None
    uptime_seconds: int | None
    rss_bytes: int | None


def _usage(identity: ProcessIdentity | None) -> _Usage:
    if identity is None or identity.started is None or not identity.alive:
        return {"pid": None, "uptime_seconds": None, "rss_bytes": None}
    uptime = max(0, round(time.time() - identity.started))
    return {"pid": identity.pid, "uptime_seconds": uptime, "rss_bytes": memory(identity.pid)}


def _explained(process: ProcessStatus) -> str:
    if process.status == DOWN:
        return f"crashed too often and stays down. Why: seda logs {process.name}"
    return f"is {process.status}." + ("" if process.pid else " It has no process.")


def _exports(data_dir: DataDir, state: SuiteState) -> list[str]:
    from ops.tokens import make_token

    values = {
        "SEDA_GATEWAY": Ports(state.port_base).address(GATEWAY),
        "SEDA_TOKEN": make_token(_TOKEN_EMAIL, _TOKEN_HOURS).token,
    }
    if state.own_postgres:
        values["DATABASE_URL"] = reader_url(data_dir, state)
    return [f"export {name}={shlex.quote(value)}" for name, value in sorted(values.items())]


def _print(console: Console, report: SuiteStatus, data_dir: DataDir, state: SuiteState) -> None:
    since = datetime.fromisoformat(report.since).strftime("%Y-%m-%d %H:%M")
    console.print(f"Seda {report.version}, runs since {since} (pid {report.pid}), data in {data_dir}\n")
    console.table(
        ("process", "status", "pid", "uptime", "memory", "crashes"),
        [
            (
                each.name,
                each.status,
                each.pid,
                _span(each.uptime_seconds),
                _size(each.rss_bytes),
                each.crashes,
            )
            for each in report.processes
        ],
    )
    ports, where = Ports(state.port_base), database_text(state, data_dir)
    print_addresses(data_dir, os.environ, ports, Progress(console), running_processes(state), where)
    console.print()
    for schema in report.migrations:
        pending = f", {len(schema.pending)} pending: seda migrate deploy" if schema.pending else ""
        console.print(f"  Schema {schema.schema:<7} at {schema.current or 'the beginning'}{pending}")


def _span(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return next((f"{seconds // size} {unit}" for size, unit in _UNITS if seconds >= size), f"{seconds} s")


def _size(size: int | None) -> str | None:
    return None if size is None else f"{size / _MEGABYTE:.0f} MB"
