"""Find and stop a PostgreSQL server that an earlier run left on the data folder."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from ops.errors import CliError
from ops.proc_info import command_line

_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.02
_READY_LINE = 7


@dataclass(frozen=True, slots=True)
class PidFile:
    """The used fields of postmaster.pid: the server's process id, and whether it takes connections."""

    pid: int
    ready: bool


def read_pid_file(data_dir: Path) -> PidFile | None:
    """Return the content of postmaster.pid, or None when it is missing or incomplete."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        return PidFile(int(lines[0]), len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready")
    except (FileNotFoundError, IndexError, ValueError):
        return None


def stop_stale_server(data_dir: Path) -> str | None:
    """Stop a server that still runs on `data_dir`, clear a stale pid file; return a line that reports it.

    The caller must hold the lock of the folder. A foreign process that merely got the same number again,
    as happens after a restart of a container, is left alone: PostgreSQL itself would refuse to start
    because of it.
    """
    found = read_pid_file(data_dir)
    if found is None:
        return None
    if not _is_server_of(found.pid, data_dir):
        (data_dir / "postmaster.pid").unlink(missing_ok=True)
        return "removed the pid file of a PostgreSQL that is gone"
    os.kill(found.pid, signal.SIGINT)
    end = time.monotonic() + _STOP_SECONDS
    while _is_server_of(found.pid, data_dir):
        if time.monotonic() > end:
            raise CliError(
                "POSTGRES_STALE",
                f"A PostgreSQL from an earlier run (pid {found.pid}) does not stop.",
                why=f"It works on {data_dir} and did not end within {_STOP_SECONDS:.0f} s.",
                fix=f"Inspect it, then: kill -QUIT {found.pid}",
                retry=True,
            )
        time.sleep(_POLL_SECONDS)
    return f"stopped a PostgreSQL left from an earlier run (pid {found.pid})"


def _is_server_of(pid: int, data_dir: Path) -> bool:
    command = command_line(pid)
    return any(str(path) in command for path in {data_dir, data_dir.resolve()}) and "postgres" in command
