"""The processes of a suite: started in order, started again after a crash or on request, drained in order."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ops.data_dir import ProcessIdentity
from ops.errors import CliError, Exit
from ops.up.child import Child
from ops.up.child_env import process_environment

if TYPE_CHECKING:
    from ops.reaper import Reaper
    from ops.topology import ProcessSpec
    from ops.up.logs import LogFile
    from ops.up.options import UpOptions
    from ops.up.progress import Progress

_SERVE_SECONDS = 60.0
_PROBE_SECONDS = 0.05
_TAIL_LINES = 30
# A process that was ready and crashes is restarted so often within so many seconds, then left down.
_RESTARTS, _RESTART_WINDOW = 3, 60.0
_FIRST_PAUSE = 0.5
_AT_ONCE = asyncio.Event()
_AT_ONCE.set()


class Services:
    """The children of one run. `on_change` is called when `identities`, `crashes` or `down` have changed.

    Ends with `stop`, after which nothing is started any more.
    """

    def __init__(
        self,
        options: UpOptions,
        progress: Progress,
        reaper: Reaper,
        parent_fd: int,
        on_change: Callable[[], None],
    ) -> None:
        self._options = options
        self._progress = progress
        self._reaper = reaper
        self._parent_fd = parent_fd
        self._on_change = on_change
        self._environ: dict[str, str] = {}
        self._children: dict[str, Child] = {}
        # Held while a child is replaced.
        self._locks: dict[str, asyncio.Lock] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self.identities: dict[str, ProcessIdentity] = {}
        self.crashes: dict[str, int] = {}
        self.down: list[str] = []

    @property
    def logs(self) -> dict[str, LogFile]:
        """The log of each process."""
        return {name: child.log for name, child in self._children.items()}

    async def start(self, processes: tuple[ProcessSpec, ...], environ: Mapping[str, str]) -> None:
        """Start all and return when they serve. Raises CliError SERVICE_DID_NOT_START."""
        self._environ = dict(environ)
        for process in processes:
            child = self._children[process.name] = Child(process, self._options.data_dir.log(process.name))
            self._locks[process.name] = asyncio.Lock()
            await self._start(child)
        serving = [asyncio.create_task(self._wait_until_serving(child)) for child in self._children.values()]
        try:
            await asyncio.gather(*serving)
        finally:
            for task in serving:
                task.cancel()

    def watch(self) -> None:
        """From now on start those again that crash."""
        for child in self._children.values():
            self._watch(child)

    async def restart(self, name: str, force: asyncio.Event) -> float:
        """Drain one process, start it again, and return the seconds until it serves."""
        if name not in self._children:
            raise CliError(
                "UNKNOWN_PROCESS",
                f"There is no process {name}.",
                fix=f"Choose from: {', '.join(self._children)}",
                exit_code=Exit.USAGE,
            )
        began = time.monotonic()
        async with self._locks[name]:
            # Not before: it may just have been replaced.
            child = self._children[name]
            self._watchers[name].cancel()
            await child.stop(force)
            self._reaper.remove(child.pid)
            self.down = [each for each in self.down if each != name]
            await self._start(child)
            self._watch(child)
        await self._wait_until_serving(child)
        seconds = time.monotonic() - began
        self._progress.line(name, f"restarted on request, {seconds:.1f} s")
        return seconds

    async def replace(self, name: str, force: asyncio.Event) -> None:
        """Start a successor of a process beside it, and drain the old one once the new one serves.

        The two share their ports: `UpOptions.reload` must be set. Raises CliError when the new one does not serve, and
        leaves the old one as it is.
        """
        began = time.monotonic()
        async with self._locks[name]:
            if self._stopping:
                return
            old = self._children[name]
            new = Child(old.process, old.log.path)
            reading, writing = os.pipe()
            try:
                await self._launch(new, writing)
            finally:
                os.close(writing)
            try:
                await self._wait_until_ready(new, reading)
            except BaseException:
                await new.stop(_AT_ONCE)
                self._reaper.remove(new.pid)
                raise
            finally:
                os.close(reading)
            self._watchers[name].cancel()
            self._children[name] = new
            self.down = [each for each in self.down if each != name]
            self._adopt(new)
            self._watch(new)
            self._progress.line(name, f"the new one serves after {time.monotonic() - began:.1f} s")
            try:
                await old.stop(force)
            except asyncio.CancelledError:
                await old.stop(_AT_ONCE)
                raise
            finally:
                self._reaper.remove(old.pid)

    async def _wait_until_ready(self, child: Child, ready_fd: int) -> None:
        """Return when the child has written to the pipe that it serves; raise CliError when it ends or takes too long."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(ready_fd, readable.set)
        try:
            async with asyncio.timeout(_SERVE_SECONDS):
                await readable.wait()
                ready = os.read(ready_fd, 1)
                # The end of the pipe is that of the process.
                if not ready:
                    await child.wait()
        except TimeoutError:
            ready = b""
        finally:
            loop.remove_reader(ready_fd)
        if not ready:
            raise await self._not_serving(child)

    async def stop(self, force: asyncio.Event) -> list[tuple[str, float]]:
        """Drain all, the gateway first; return the duration of each step."""
        self._stopping = True
        for watcher in self._watchers.values():
            watcher.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)
        steps: list[tuple[str, float]] = []
        front = [child for child in self._children.values() if child.name == "gateway"]
        behind = [child for child in self._children.values() if child.name != "gateway"]
        for label, group in (("gateway drained", front), ("services drained", behind)):
            began = time.monotonic()
            running = any(child.running for child in group)
            await asyncio.gather(*(self._stop(child, force) for child in group))
            if running:
                steps.append((label, time.monotonic() - began))
        return steps

    async def _stop(self, child: Child, force: asyncio.Event) -> None:
        # A restart that is under way has started the process, or finds that it may not.
        async with self._locks[child.name]:
            await child.stop(force)

    async def _start(self, child: Child) -> None:
        if self._stopping:
            raise CliError("STOPPING", f"{child.name} is not started: the suite is stopping.")
        await self._launch(child)
        self._adopt(child)

    async def _launch(self, child: Child, ready_fd: int | None = None) -> None:
        environ = process_environment(self._environ, self._options, child.process)
        environ["SEDA_PARENT_FD"] = str(self._parent_fd)
        if ready_fd is None:
            await child.start(environ, self._parent_fd)
        else:
            environ["SEDA_READY_FD"] = str(ready_fd)
            await child.start(environ, self._parent_fd, ready_fd)
        self._reaper.add(child.pid)

    def _adopt(self, child: Child) -> None:
        self.identities[child.name] = ProcessIdentity.of(child.pid)
        self._on_change()

    async def _wait_until_serving(self, child: Child) -> None:
        """Return when the child serves; raise CliError, its last lines shown, when it ends or takes too long."""
        from ops.probe import SERVING, check, is_listening

        address = self._options.ports.address(child.process)
        end = time.monotonic() + _SERVE_SECONDS
        while child.running and time.monotonic() < end:
            # A connection attempt is far cheaper than a health check for a process that still loads.
            if await is_listening(address) and (not child.process.grpc or await check(address) == SERVING):
                return
            await asyncio.sleep(_PROBE_SECONDS)
        self._progress.tail(child.name, child.log.tail(_TAIL_LINES))
        raise await self._not_serving(child)

    async def _not_serving(self, child: Child) -> CliError:
        told = child.log.reason() or "its log is empty."
        status = f" (exit status {await child.wait()})" if not child.running else ""
        took = f"it does not serve after {_SERVE_SECONDS:.0f} s; last: " if child.running else ""
        return CliError(
            "SERVICE_DID_NOT_START",
            f"{child.name} did not start{status}: {took}{told}",
            fix=f"Full log: {self._options.data_dir}/log/{child.name}.log",
        )

    def _watch(self, child: Child) -> None:
        task = self._watchers[child.name] = asyncio.create_task(self._start_after_crashes(child))
        task.add_done_callback(self._on_watcher_done)

    def _on_watcher_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._progress.note(f"a background task of seda up failed: {task.exception()}")

    async def _start_after_crashes(self, child: Child) -> None:
        """Start a child again that crashes after it was ready, until it does so too often."""
        crashes: list[float] = []
        while True:
            pid, status = child.pid, await child.wait()
            self._reaper.remove(pid)
            self.crashes[child.name] = self.crashes.get(child.name, 0) + 1
            now = time.monotonic()
            crashes = [*(each for each in crashes if now - each < _RESTART_WINDOW), now]
            if len(crashes) > _RESTARTS:
                self._progress.line(
                    child.name,
                    f"ended {len(crashes)} times within a minute and stays down. "
                    f"Start it: seda restart {child.name}",
                )
                self.down = [*self.down, child.name]
                self._on_change()
                return
            self._on_change()
            pause = _FIRST_PAUSE * 2 ** (len(crashes) - 1)
            self._progress.line(child.name, f"ended (status {status}); starting it again in {pause:.1f} s")
            await asyncio.sleep(pause)
            async with self._locks[child.name]:
                await self._start(child)
