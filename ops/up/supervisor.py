"""Start the suite in order, follow its logs, stop it in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ops.errors import CliError
from ops.reaper import Reaper
from ops.topology import POSTGRES, SUITE
from ops.up import database
from ops.up.child_env import common_environment, database_passwords
from ops.up.logs import STATEMENT, LogFile, parse, worth_showing
from ops.up.options import ALL_LOGS
from ops.up.reload import Reloader
from ops.up.services import Services

if TYPE_CHECKING:
    from ops.data_dir import SuiteState
    from ops.postgres import Cluster
    from ops.topology import ProcessSpec
    from ops.up.options import UpOptions
    from ops.up.progress import Progress

_FOLLOW_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class NewSettings:
    """What a restart changes."""

    environ: Mapping[str, str] = field(repr=False)
    port_base: int


Prepare = Callable[[str, "Progress", Mapping[str, str]], Awaitable[None]]


class Supervisor:
    """One run of the suite. Call `run` once, in a dedicated event loop, holding the data folder's lock.

    `prepare` makes the database ready for the services; `after_ready` runs when all of them serve for the first
    time, before the run counts as ready.
    """

    def __init__(
        self,
        options: UpOptions,
        progress: Progress,
        state: SuiteState,
        *,
        processes: tuple[ProcessSpec, ...] = SUITE,
        prepare: Prepare = database.prepare,
        after_ready: Callable[[], Awaitable[None]] | None = None,
        on_ready: Callable[[float, str], None] = lambda _seconds, _database: None,
    ) -> None:
        self._options = options
        self._progress = progress
        self._state = state
        self._processes = processes
        self._prepare = prepare
        self._after_ready = after_ready
        self._on_ready = on_ready
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        self._reaper: Reaper
        self._cluster: Cluster | None = None
        self._services: Services
        self._restart: NewSettings | None = None
        self._database = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._reloading: asyncio.Task[None] | None = None
        self._logs = options.logs
        self.steps: list[tuple[str, float]] = []
        """How long each step of the stop took."""

    @property
    def ready(self) -> bool:
        """Whether all of it has started and nothing stops it."""
        return self._state.ready and not self._stop.is_set()

    async def run(self) -> NewSettings | None:
        """Start, serve until a stop is requested or signalled, stop; return the settings with which to start again.

        SIGINT, SIGTERM and SIGHUP request a stop. Raises CliError when the start fails.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.interrupt)
        self._reaper = Reaper(self._options.data_dir.path if self._options.ephemeral else None)
        # Children inherit the read end and stop when the write end closes with this process.
        parent_fd, parent_end = os.pipe()
        self._services = Services(self._options, self._progress, self._reaper, parent_fd, self._write_state)
        try:
            if await self._run_until_stopped(self._start()):
                await self._stop.wait()
        finally:
            if self._stop.is_set():
                self._progress.stopping()
            self.steps = await self._shut_down()
            self._reaper.close()
            os.close(parent_fd)
            os.close(parent_end)
        return self._restart

    def stop(self) -> None:
        """Stop, in order and for good."""
        self._restart = None
        self._stop.set()

    def interrupt(self) -> None:
        """Stop; at once, the second time."""
        if self._stop.is_set():
            self._force.set()
        self.stop()

    def toggle_logs(self) -> None:
        """Show all of the logs, or no more than was asked for at the start."""
        asked = self._options.logs
        everything, less = frozenset({ALL_LOGS}), asked - {ALL_LOGS}
        self._logs = less if ALL_LOGS in self._logs else everything
        shown = "all lines" if self._logs == everything else "warnings and errors"
        self._progress.note(
            f"Logs: {shown}"
            + (f", and all of {', '.join(sorted(less))}" if less and self._logs == less else "")
        )

    def restart(self, settings: NewSettings) -> None:
        """Stop, in order, to start again with other settings."""
        self._restart = settings
        self._stop.set()

    async def restart_service(self, name: str) -> float:
        """Replace one process; see `Services.restart`."""
        return await self._services.restart(name, self._force)

    async def _run_until_stopped(self, work: Coroutine[None, None, None]) -> bool:
        """Complete `work` and return True, or cancel it when a stop is requested."""
        task = asyncio.create_task(work)
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if task.done():
            task.result()
            return True
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, CliError):
            await task
        return False

    async def _start(self) -> None:
        began = time.monotonic()
        self._options.data_dir.create()
        self._write_state()
        dsn = await self._start_database()
        await self._prepare(dsn, self._progress, database_passwords(self._options))
        reloader = await asyncio.to_thread(self._reloader) if self._options.reload else None
        with self._progress.phase("services", "services") as phase:
            await self._services.start(self._processes, common_environment(self._options))
            phase.detail = "  ".join([*(each.name for each in self._processes), "all SERVING"])
        if self._after_ready is not None:
            await self._after_ready()
        self._state = replace(self._state, ready=True)
        self._write_state()
        for name, log in self._services.logs.items():
            if not self._options.shows(name):
                log.skip()
        self._services.watch()
        self._spawn(self._follow_logs())
        if reloader is not None:
            self._reloading = asyncio.create_task(reloader.run())
            self._reloading.add_done_callback(self._on_task_done)
        self._on_ready(time.monotonic() - began, self._database)

    async def _start_database(self) -> str:
        url = self._options.database_url
        if url:
            with self._progress.phase("postgres", "PostgreSQL") as phase:
                self._database = phase.detail = f"{await database.require_reachable(url)} of DATABASE_URL"
            return url
        # Set before the start, so that a concurrent stop includes it.
        self._cluster = database.own_cluster(self._options, self._reaper)
        await database.start_cluster(self._cluster, self._progress)
        self._database = f"127.0.0.1:{self._cluster.port}/seda, password in {self._cluster.password_file}"
        self._spawn(self._watch_postgres(self._cluster))
        return self._cluster.dsn("seda")

    def _reloader(self) -> Reloader:
        return Reloader(
            [each for each in self._processes if each.grpc],
            self._options.environ,
            self._progress,
            lambda name: self._services.replace(name, self._force),
        )

    async def _watch_postgres(self, cluster: Cluster) -> None:
        await asyncio.to_thread(cluster.wait)
        if not self._stop.is_set():
            self._progress.line(POSTGRES, "ended; services wait for it. Start it: seda restart")

    async def _follow_logs(self) -> None:
        files = dict(self._services.logs)
        if self._cluster is not None:
            files[POSTGRES] = LogFile(self._cluster.log_file)
        try:
            while True:
                self._show_new_lines(files)
                await asyncio.sleep(_FOLLOW_SECONDS)
        finally:
            for file in files.values():
                file.close()

    def _show_new_lines(self, files: dict[str, LogFile]) -> None:
        for name, file in files.items():
            shown = name in self._logs or ALL_LOGS in self._logs
            for line in map(parse, file.new_lines()):
                if (shown and line.event != STATEMENT) or (worth_showing(line) and not self._stop.is_set()):
                    self._progress.line(name, line.text)

    async def _shut_down(self) -> list[tuple[str, float]]:
        # A failed start has not set it.
        self._stop.set()
        if self._reloading is not None:
            # It may be waiting for a process that never serves.
            self._reloading.cancel()
            await asyncio.wait([self._reloading])
        steps = await self._services.stop(self._force)
        for task in self._tasks:
            task.cancel()
        if self._cluster is not None:
            began = time.monotonic()
            await self._stop_postgres(self._cluster)
            steps.append(("PostgreSQL stopped", time.monotonic() - began))
        self._options.data_dir.clear_state()
        return steps

    async def _stop_postgres(self, cluster: Cluster) -> None:
        force = self._force.is_set() or self._options.ephemeral
        await database.finish(lambda: cluster.stop(immediately=force))

    def _write_state(self) -> None:
        services = self._services
        state = replace(
            self._state,
            children=dict(services.identities),
            crashes=dict(services.crashes),
            down=list(services.down),
        )
        self._options.data_dir.write_state(state)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._progress.note(f"a background task of seda up failed: {task.exception()}")
