"""The supervisor's side of the two pipes that let nothing outlive it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path


class Watchdog:
    """Holds the write ends. Whatever ends this process, the kernel closes them and everybody notices.

    `parent_fd` is the read end that every child inherits. The guard process gets the children's numbers, for
    those that don't notice. `remove` is a folder that the guard deletes at the very end.
    """

    def __init__(self, remove: Path | None = None) -> None:
        self.parent_fd, self._parent_end = os.pipe()
        guard_fd, self._guard_end = os.pipe()
        script = str(Path(__file__).with_name("orphan_reaper.py"))
        target = "-" if remove is None else str(remove)
        try:
            self._guard = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", script, str(guard_fd), target],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(guard_fd,),
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(guard_fd)

    def add(self, pid: int) -> None:
        """Have a child looked after."""
        self._tell(f"+{pid}")

    def remove(self, pid: int) -> None:
        """Forget a child that has ended, before its number is given to somebody else."""
        self._tell(f"-{pid}")

    def close(self) -> None:
        """End the guard; all children have ended in order."""
        self._tell("done")
        for descriptor in (self._guard_end, self._parent_end, self.parent_fd):
            os.close(descriptor)
        self._guard.wait()

    def _tell(self, word: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._guard_end, f"{word}\n".encode())
