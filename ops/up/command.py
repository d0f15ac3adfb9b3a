"""The steps of `seda up` before the suite: options, lock, cleanup, ports; and what it says when one already runs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ops.console_command import is_installed
from ops.data_dir import DataDir, find_data_dir
from ops.env import database_url
from ops.errors import CliError, Exit
from ops.topology import CONSOLE, DEFAULT_PORT_BASE, POSTGRES, SUITE, Ports
from ops.up import database
from ops.up.addresses import database_text, print_addresses, running_processes
from ops.up.control import listen
from ops.up.options import ALL_LOGS, UpOptions
from ops.up.ports import require_free
from ops.up.progress import Progress
from ops.up.stale import cleanup_stale
from ops.up.suite_run import SuiteRun
from ops.version import VERSION

if TYPE_CHECKING:
    from ops.console import Console
    from ops.topology import ProcessSpec
    from ops.up.supervisor import Prepare


def make_options(
    environ: Mapping[str, str],
    port_base: int | None,
    *,
    ephemeral: bool,
    demo: bool,
    logs: str | None,
    reload: bool = False,
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
    known = {ALL_LOGS, POSTGRES, *(each.name for each in (*SUITE, CONSOLE))}
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
    return UpOptions(find_data_dir(environ), environ, base, ephemeral, demo, shown, reload)


def run(
    options: UpOptions,
    console: Console,
    *,
    port_base_given: bool,
    release: Callable[[Path], None] | None = None,
    processes: tuple[ProcessSpec, ...] | None = None,
    prepare: Prepare = database.prepare,
    demo: bool = True,
) -> None:
    """Run the suite until it is stopped; print the addresses if it already runs here.

    With `release` it goes on in the background once it serves, with the given file for its output. `processes`,
    `prepare` and `demo` are replaced by tests of the supervision alone.
    """
    if options.ephemeral:
        options = replace(options, data_dir=DataDir(Path(tempfile.mkdtemp(prefix="seda-"))))
    data_dir, progress = options.data_dir, Progress(console)
    processes = processes or installed_processes()
    console.ignore_broken_pipe = True
    with data_dir.lock() as locked:
        if not locked:
            _already_running(options, console, progress, port_base_given=port_base_given)
            return
        cleanup_stale(data_dir, progress)
        require_free(options.ports, processes, postgres=not options.database_url)
        where = f"data in {data_dir} " + (
            "(deleted at the end)" if options.ephemeral else "(kept between runs)"
        )
        progress.title(VERSION, where)
        if processes == SUITE:
            progress.note(
                "No console: its packages are missing. Install the extra: pip install 'seda-backend[console]'"
            )
        with listen(data_dir) as listener:
            suite = SuiteRun(
                options,
                console,
                progress,
                processes=processes,
                prepare=prepare,
                demo=demo,
                listener=listener,
                release=None if release is None else lambda: release(data_dir.log("up")),
            )
            asyncio.run(suite.run())


def installed_processes() -> tuple[ProcessSpec, ...]:
    """Return the processes of a suite here: the console needs packages that not every installation has."""
    return (*SUITE, CONSOLE) if is_installed() else SUITE


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
            fix="seda restart"
            + (f" --port-base {options.port_base}" if port_base_given else "")
            + " applies the new settings; or use another SEDA_HOME for a second copy.",
        )
    since = datetime.fromisoformat(state.since).strftime("%H:%M")
    pid = state.supervisor.pid
    if not console.json:
        console.print(f"Already running since {since} (pid {pid}), started from this folder.")
    options = replace(options, port_base=state.port_base)
    addresses = {each.name: options.ports.address(each) for each in SUITE}
    console.event("running", pid=pid, since=state.since, data=options.data_dir.path, **addresses)
    where = database_text(state, options.data_dir)
    print_addresses(
        options.data_dir, options.environ, options.ports, progress, running_processes(state), where
    )
