"""The last resort against orphans: a process that ends the registered processes when its owner dies.

A `Reaper` runs this file as a script and holds the write end of a pipe. However the owner ends, SIGKILL included,
the kernel closes the pipe; the script then ends what is still registered, and deletes its folder. The script uses
the standard library alone and is started by its path, so that it is up within milliseconds:

    python -I -S reaper.py REMOVE        (a folder to delete at the end, or "-")

Its stdin has lines: `+ PID KIND` registers a process, the leader of its group, `- PID` unregisters it, `done` all.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SERVICE, POSTGRES = "service", "postgres"
# A service stops by itself when its own pipe closes (SEDA_PARENT_FD), unless it hangs, is stopped or too young to
# listen. PostgreSQL needs a signal: fast shutdown, then immediate, which recovers at the next start.
_STEPS = (
    ({SERVICE: 0, POSTGRES: signal.SIGINT}, 2.5),
    ({SERVICE: signal.SIGKILL, POSTGRES: signal.SIGQUIT}, 1.0),
    ({SERVICE: signal.SIGKILL, POSTGRES: signal.SIGKILL}, 1.0),
)
_POLL_SECONDS = 0.02


class Reaper:
    """The owner's side. The script deletes the folder `remove` at the end in any case."""

    def __init__(self, remove: Path | None = None) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-I", "-S", __file__, "-" if remove is None else str(remove)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )

    def add(self, pid: int, kind: str = SERVICE) -> None:
        """Register a process that leads its own group."""
        self._send(f"+ {pid} {kind}")

    def remove(self, pid: int) -> None:
        """Unregister a process that has ended, before the system reuses its number."""
        self._send(f"- {pid}")

    def close(self) -> None:
        """End the script after all registered processes have ended."""
        self._send("done")
        self._process.communicate()

    def _send(self, line: str) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(f"{line}\n".encode())


def main(remove: str) -> None:
    """Track the registered processes until the owner ends, then terminate them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    registered: dict[int, str] = {}
    for line in sys.stdin:
        word, *fields = line.split()
        if word == "+":
            registered[int(fields[0])] = fields[1]
        elif word == "-":
            registered.pop(int(fields[0]), None)
        else:
            registered.clear()
    _terminate(registered)
    if remove != "-":
        shutil.rmtree(remove, ignore_errors=True)


def _terminate(registered: dict[int, str]) -> None:
    for signals, seconds in _STEPS:
        for pid, kind in registered.items():
            _signal_group(pid, signals[kind])
        end = time.monotonic() + seconds
        while any(_signal_group(pid, 0) for pid in registered) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)


def _signal_group(leader: int, number: int) -> bool:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
