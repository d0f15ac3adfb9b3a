"""One child process: started, watched until it serves, drained."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ops.up.logs import LogFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.topology import ProcessSpec

# The server gives calls in flight 15 s; a longer stop hangs.
_DRAIN_SECONDS = 20.0
_FORCE_SECONDS = 1.0
PROJECT = Path(__file__).resolve().parents[2]
"""Where our packages are imported from."""


class Child:
    """A process of the suite. It has its own session, so that Ctrl-C in the terminal reaches only the supervisor."""

    def __init__(self, process: ProcessSpec, log: Path) -> None:
        self.process = process
        self.log = LogFile(log)
        self._handle: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        """The process's name in the suite."""
        return self.process.name

    @property
    def pid(self) -> int:
        """The process id; only of a started child."""
        if self._handle is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._handle.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._handle is not None and self._handle.returncode is None

    async def start(self, environ: Mapping[str, str], *fds: int) -> None:
        """Start the process, which inherits `fds`.

        It writes its log itself, so that none is lost when the supervisor is slow or gone.
        """
        search = [str(PROJECT), *filter(None, [environ.get("PYTHONPATH", "")])]
        with self.log.path.open("ab") as log:
            self._handle = await asyncio.create_subprocess_exec(
                # -P: a folder named `services` in the working directory must not be taken for ours.
                *(sys.executable, "-P", "-m", self.process.module),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environ, "PYTHONPATH": os.pathsep.join(search)},
                pass_fds=fds,
                start_new_session=True,
            )

    async def wait(self) -> int:
        """Wait for the end and return the exit status, negative for a signal."""
        if self._handle is None:
            raise RuntimeError(f"{self.name} was not started")
        return await self._handle.wait()

    async def stop(self, force: asyncio.Event) -> None:
        """Drain the process; when `at_once` is set meanwhile, or the drain takes too long, kill it."""
        if not self.running:
            return
        self._signal(signal.SIGTERM)
        ended = asyncio.ensure_future(self.wait())
        hurried = asyncio.ensure_future(force.wait())
        try:
            await asyncio.wait({ended, hurried}, timeout=_DRAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                # The second SIGTERM stops without draining.
                self._signal(signal.SIGTERM)
                await asyncio.wait({ended}, timeout=_FORCE_SECONDS)
            if not ended.done():
                self._signal(signal.SIGKILL)
            await ended
        finally:
            hurried.cancel()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
