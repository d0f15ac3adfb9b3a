"""`seda up -d`: the suite goes on in a process of its own session when the command has ended."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

from ops.errors import Exit

_ROTATE_BYTES = 20_000_000


class EndedError(Exception):
    """The command is done; `status` is its exit code."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def detach() -> Callable[[Path], None]:
    """Return in a new process, which prints where this one did; call it before any thread is started.

    What is returned redirects its output to a file and ends the old process with success. That one otherwise ends
    as the new one does, by EndedError, and passes Ctrl-C on to it.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child:
        os.close(write_end)
        raise EndedError(_wait(child, read_end))
    os.close(read_end)
    os.setsid()
    _replace(os.devnull, os.O_RDONLY, 0)

    def release(log: Path) -> None:
        if log.exists() and log.stat().st_size > _ROTATE_BYTES:
            log.replace(log.with_suffix(".log.1"))
        _replace(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 1, 2)
        with contextlib.suppress(BrokenPipeError):
            os.write(write_end, b"x")
        os.close(write_end)

    return release


def _wait(child: int, read_end: int) -> int:
    """Wait until the child releases this process or ends, and return the exit status for this one."""
    interrupted = False
    while True:
        try:
            if os.read(read_end, 1):
                return Exit.OK
            _, status = os.waitpid(child, 0)
        except KeyboardInterrupt:
            interrupted = True
            os.kill(child, signal.SIGINT)
            continue
        ended = os.waitstatus_to_exitcode(status)
        return Exit.INTERRUPTED if interrupted else ended if ended >= 0 else Exit.ACTION_NEEDED


def _replace(path: Path | str, flags: int, *descriptors: int) -> None:
    opened = os.open(path, flags, 0o600)
    for each in descriptors:
        os.dup2(opened, each)
    os.close(opened)
