"""Start the suite in order, restart crashed processes, stop the suite in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ops.data_dir import ProcessIdentity
from ops.errors import CliError
from ops.reaper import Reaper
from ops.topology import POSTGRES, SUITE
from ops.up import database
from ops.up.child import Child
from ops.up.child_env import common_environment, database_passwords, process_environment
from ops.up.logs import LogFile, parse, worth_showing
from ops.up.quickstart import seda_command

if TYPE_CHECKING:
    from ops.data_dir import SuiteState
    from ops.postgres import Cluster
    from ops.topology import ProcessSpec
    from ops.up.options import UpOptions
    from ops.up.progress import Progress

_SERVE_SECONDS = 60.0
_PROBE_SECONDS = 0.05
_FOLLOW_SECONDS = 0.1
_TAIL_LINES = 30
# A process that was ready and crashes is restarted so often within so many seconds, then left down.
_RESTARTS, _RESTART_WINDOW = 3, 60.0

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
        self._parent_fd: int
        self._cluster: Cluster | None = None
        self._children: dict[str, Child] = {}
        self._environ: dict[str, str] = {}
        self._database = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Start, serve until SIGINT, SIGTERM or SIGHUP, stop. Raises CliError when the start fails."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_stop_signal)
        self._reaper = Reaper(self._options.data_dir.path if self._options.ephemeral else None)
        # Children inherit the read end and stop when the write end closes with this process.
        self._parent_fd, parent_end = os.pipe()
        try:
            if await self._run_until_stopped(self._start()):
                await self._stop.wait()
        finally:
            if self._stop.is_set():
                self._progress.stopping()
            steps = await self._shut_down()
            self._reaper.close()
            os.close(self._parent_fd)
            os.close(parent_end)
        restart = f"{seda_command(self._options.environ)} up"
        self._progress.stopped(steps, self._options.data_dir, restart, kept=not self._options.ephemeral)

    def _on_stop_signal(self) -> None:
        (self._force if self._stop.is_set() else self._stop).set()

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
        self._environ = common_environment(self._options)
        with self._progress.phase("services", "services") as phase:
            await self._start_children()
            await self._wait_until_serving()
            phase.detail = "  ".join([*(each.name for each in self._processes), "all SERVING"])
        if self._after_ready is not None:
            await self._after_ready()
        self._state = replace(self._state, ready=True)
        self._write_state()
        for child in self._children.values():
            if not self._options.shows(child.name):
                child.log.skip()
            self._spawn(self._restart_on_crash(child))
        self._spawn(self._follow_logs())
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

    async def _start_children(self) -> None:
        for process in self._processes:
            child = self._children[process.name] = Child(process, self._options.data_dir.log(process.name))
            await self._start_child(child)
        self._write_state()

    async def _start_child(self, child: Child) -> None:
        environ = process_environment(self._environ, self._options, child.process)
        await child.start(environ, self._parent_fd)
        self._reaper.add(child.pid)
        running = {name: each for name, each in self._state.children.items() if name != child.name}
        self._state = replace(self._state, children={**running, child.name: ProcessIdentity.of(child.pid)})

    async def _wait_until_serving(self) -> None:
        serving = [asyncio.create_task(self._wait_for_child(child)) for child in self._children.values()]
        try:
            await asyncio.gather(*serving)
        finally:
            for task in serving:
                task.cancel()

    async def _wait_for_child(self, child: Child) -> None:
        """Return when the child serves; raise CliError, its last lines shown, when it ends or takes too long."""
        from ops.probe import SERVING, check, is_listening

        address = self._options.ports.address(child.process)
        end = time.monotonic() + _SERVE_SECONDS
        while child.running and time.monotonic() < end:
            # A connection attempt is far cheaper than a health check for a process that still loads.
            if await is_listening(address) and await check(address) == SERVING:
                return
            await asyncio.sleep(_PROBE_SECONDS)
        self._progress.tail(child.name, child.log.tail(_TAIL_LINES))
        told = child.log.reason() or "its log is empty."
        status = f" (exit status {await child.wait()})" if not child.running else ""
        took = f"it does not serve after {_SERVE_SECONDS:.0f} s; last: " if child.running else ""
        raise CliError(
            "SERVICE_DID_NOT_START",
            f"{child.name} did not start{status}: {took}{told}",
            fix=f"Full log: {self._options.data_dir}/log/{child.name}.log",
        )

    async def _restart_on_crash(self, child: Child) -> None:
        """Restart a child that crashes after it was ready, until it does so too often."""
        crashes: list[float] = []
        while True:
            pid, status = child.pid, await child.wait()
            self._reaper.remove(pid)
            if self._stop.is_set():
                return
            self._note_crash(child.name)
            now = time.monotonic()
            crashes = [*(each for each in crashes if now - each < _RESTART_WINDOW), now]
            if len(crashes) > _RESTARTS:
                self._progress.line(child.name, f"ended {len(crashes)} times within a minute and stays down")
                self._state = replace(self._state, down=[*self._state.down, child.name])
                self._write_state()
                return
            pause = 0.5 * 2 ** (len(crashes) - 1)
            self._progress.line(child.name, f"ended (status {status}); starting it again in {pause:.1f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
                return
            await self._start_child(child)
            self._write_state()

    def _note_crash(self, name: str) -> None:
        crashes = self._state.crashes
        self._state = replace(self._state, crashes={**crashes, name: crashes.get(name, 0) + 1})
        self._write_state()

    async def _watch_postgres(self, cluster: Cluster) -> None:
        await asyncio.to_thread(cluster.wait)
        if not self._stop.is_set():
            self._progress.line(
                POSTGRES, "ended; services wait for it. Ctrl-C, then seda up starts it again."
            )

    async def _follow_logs(self) -> None:
        files = {child.name: child.log for child in self._children.values()}
        if self._cluster is not None:
            files[POSTGRES] = LogFile(self._cluster.log_file)
        while True:
            self._show_new_lines(files)
            await asyncio.sleep(_FOLLOW_SECONDS)

    def _show_new_lines(self, files: dict[str, LogFile]) -> None:
        for name, file in files.items():
            for line in map(parse, file.new_lines()):
                if self._options.shows(name) or (worth_showing(line) and not self._stop.is_set()):
                    self._progress.line(name, line.text)

    async def _shut_down(self) -> list[tuple[str, float]]:
        # A failed start has not set it; it keeps stopped children from being restarted.
        self._stop.set()
        steps: list[tuple[str, float]] = []
        began = time.monotonic()
        front = [child for child in self._children.values() if child.name == "gateway"]
        behind = [child for child in self._children.values() if child.name != "gateway"]
        for label, group in (("gateway drained", front), ("services drained", behind)):
            if any(child.running for child in group):
                await asyncio.gather(*(child.stop(self._force) for child in group))
                steps.append((label, time.monotonic() - began))
                began = time.monotonic()
        for task in self._tasks:
            task.cancel()
        if self._cluster is not None:
            await self._stop_postgres(self._cluster)
            steps.append(("PostgreSQL stopped", time.monotonic() - began))
        self._options.data_dir.clear_state()
        return steps

    async def _stop_postgres(self, cluster: Cluster) -> None:
        force = self._force.is_set() or self._options.ephemeral
        await database.finish(lambda: cluster.stop(immediately=force))

    def _write_state(self) -> None:
        self._options.data_dir.write_state(self._state)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._progress.note(f"a background task of seda up failed: {task.exception()}")
