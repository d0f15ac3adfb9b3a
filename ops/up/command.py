"""The steps of `seda up` around the supervisor: options, lock, cleanup, ports and the printed addresses."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ops.data_dir import DataDir, ProcessIdentity, SuiteState, find_data_dir
from ops.env import database_url
from ops.errors import CliError, Exit
from ops.topology import DEFAULT_PORT_BASE, POSTGRES, SUITE, Ports
from ops.up import database
from ops.up.addresses import database_text, print_addresses
from ops.up.options import ALL_LOGS, UpOptions
from ops.up.ports import is_free, require_free
from ops.up.progress import Progress
from ops.up.supervisor import Prepare, Supervisor
from ops.version import VERSION

if TYPE_CHECKING:
    from ops.console import Console
    from ops.topology import ProcessSpec

# Orphans of a killed supervisor end within this time; later ones hang.
_ORPHAN_SECONDS = 6.0
_POLL_SECONDS = 0.05


def make_options(
    environ: Mapping[str, str], port_base: int | None, *, ephemeral: bool, demo: bool, logs: str | None
) -> UpOptions:
    """Validate the options. Raises CliError with exit code 2 for invalid values."""
    base = port_base or DEFAULT_PORT_BASE
    if not Ports.valid(base):
        raise CliError(
            "PORT_BASE_INVALID",
            f"{base} can't be the first of 24 ports.",
            fix="Choose one from 1024 to 65512, for example: seda up --port-base 8400",
            exit_code=Exit.USAGE,
        )
    if environ.get("SEDA_ENV", "development") == "production":
        raise CliError(
            "NOT_FOR_PRODUCTION",
            "seda up is for development and SEDA_ENV is production.",
            why="It generates secrets, accepts development tokens and fills in demo data.",
            fix="In production run the four processes themselves: see docker-compose.yml.",
            exit_code=Exit.UNSAFE,
        )
    shown = frozenset(filter(None, (logs or "").split(",")))
    known = {ALL_LOGS, POSTGRES, *(each.name for each in SUITE)}
    if shown - known:
        raise CliError(
            "UNKNOWN_PROCESS",
            f"--logs: there is no process {', '.join(sorted(shown - known))}.",
            fix=f"Choose from: {', '.join(sorted(known))}",
            exit_code=Exit.USAGE,
        )
    # The processes are given the value, and refuse a variable that comes twice.
    rest = {
        name: value for name, value in environ.items() if name not in {"DATABASE_URL", "DATABASE_URL_FILE"}
    }
    own = database_url(environ)
    environ = rest if own is None else {**rest, "DATABASE_URL": own}
    return UpOptions(find_data_dir(environ), environ, base, ephemeral, demo, shown)


def run(
    options: UpOptions,
    console: Console,
    *,
    port_base_given: bool,
    processes: tuple[ProcessSpec, ...] = SUITE,
    prepare: Prepare = database.prepare,
    demo: bool = True,
) -> None:
    """Run the suite until it is interrupted; print the addresses if it already runs here.

    `processes`, `prepare` and `demo` are replaced by tests of the supervision alone.
    """
    if options.ephemeral:
        options = replace(options, data_dir=DataDir(Path(tempfile.mkdtemp(prefix="seda-"))))
    progress = Progress(console)
    console.ignore_broken_pipe = True
    with options.data_dir.lock() as locked:
        if not locked:
            _already_running(options, console, progress, port_base_given=port_base_given)
            return
        _cleanup_stale(options.data_dir, progress)
        require_free(options.ports, processes, postgres=not options.database_url)
        where = f"data in {options.data_dir} " + (
            "(deleted at the end)" if options.ephemeral else "(kept between runs)"
        )
        progress.title(VERSION, where)
        supervisor = Supervisor(
            options,
            progress,
            _state(options),
            processes=processes,
            prepare=prepare,
            after_ready=_seed_data(options, progress) if demo and options.demo else None,
            on_ready=_print_ready(options, console, progress, processes),
        )
        asyncio.run(supervisor.run())


def _state(options: UpOptions) -> SuiteState:
    return SuiteState(
        version=VERSION,
        supervisor=ProcessIdentity.of(os.getpid()),
        since=datetime.now().astimezone().isoformat(timespec="seconds"),
        port_base=options.port_base,
        settings=options.restart_settings(),
        own_postgres=not options.database_url,
    )


def _seed_data(options: UpOptions, progress: Progress) -> Callable[[], Awaitable[None]] | None:
    if options.data_dir.demo_marker.exists():
        return None

    async def make() -> None:
        import grpc.aio

        from ops import seed_data
        from ops.data_dir import jwt_secret

        environ = {**options.environ, "SEDA_HOME": str(options.data_dir.path)}
        audience = environ.get("SEDA_JWT_AUDIENCE", "authenticated")
        gateway = next(options.ports.address(each) for each in SUITE if each.name == "gateway")
        try:
            with progress.phase("demo", "demo data") as phase:
                phase.detail = str(await seed_data.load(gateway, jwt_secret(environ), audience))
            options.data_dir.demo_marker.touch()
        except grpc.aio.AioRpcError as error:
            # The suite works without; the next start tries again.
            progress.note(f"demo data could not be made: {error.code().name} {error.details()}")

    return make


def _print_ready(
    options: UpOptions, console: Console, progress: Progress, processes: tuple[ProcessSpec, ...]
) -> Callable[[float, str], None]:
    def announce(seconds: float, database: str) -> None:
        print_addresses(options.data_dir, options.environ, options.ports, progress, processes, database)
        farewell = "deletes the data" if options.ephemeral else "keeps the data"
        progress.ready(options.data_dir, seconds, farewell)
        addresses = {each.name: options.ports.address(each) for each in processes}
        console.event("ready", ms=round(seconds * 1000), data=options.data_dir.path, **addresses)

    return announce


def _already_running(
    options: UpOptions, console: Console, progress: Progress, *, port_base_given: bool
) -> None:
    state = options.data_dir.running_state()
    if state is None or not state.ready:
        raise CliError(
            "STARTING",
            f"Another seda up is starting or stopping on {options.data_dir}.",
            fix="Wait a moment, then try again.",
            retry=True,
            exit_code=Exit.LOCK_BUSY,
        )
    wanted = options.restart_settings()
    if not port_base_given:
        wanted["port base"] = state.settings["port base"]
    differing = [name for name in wanted if wanted[name] != state.settings.get(name)]
    if differing:
        raise CliError(
            "RUNNING_DIFFERENTLY",
            "; ".join(
                f"Running with {name} {state.settings.get(name)}, you asked for {wanted[name]}"
                for name in differing
            )
            + ".",
            fix=f"Stop it first (Ctrl-C there, or: kill -INT {state.supervisor.pid}), "
            "or use another SEDA_HOME for a second copy.",
        )
    since = datetime.fromisoformat(state.since).strftime("%H:%M")
    pid = state.supervisor.pid
    if not console.json:
        console.print(f"Already running since {since} (pid {pid}), started from this folder.")
    options = replace(options, port_base=state.port_base)
    addresses = {each.name: options.ports.address(each) for each in SUITE}
    console.event("running", pid=pid, since=state.since, data=options.data_dir.path, **addresses)
    where = database_text(state, options.data_dir)
    print_addresses(options.data_dir, options.environ, options.ports, progress, SUITE, where)


def _cleanup_stale(data_dir: DataDir, progress: Progress) -> None:
    """Clean up after a supervisor that was killed: wait for its children to end, kill those that hang."""
    from ops.postgres.stale_server import stop_stale_server

    state = data_dir.read_state()
    if state is None:
        return
    orphans = [each for each in state.children.values() if each.alive]
    _wait_until(lambda: not any(each.alive for each in orphans))
    for each in orphans:
        if each.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGKILL)
    for major in data_dir.postgres_majors():
        stop_stale_server(data_dir.postgres_data(major))
    # A killed process keeps its sockets until its last thread has ended.
    ports = Ports(state.port_base).used(SUITE, postgres=state.own_postgres)
    _wait_until(lambda: all(map(is_free, ports)))
    data_dir.clear_state()
    progress.note(f"The last seda up (pid {state.supervisor.pid}) did not end in order; cleaned up after it.")


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _ORPHAN_SECONDS
    while not condition() and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
