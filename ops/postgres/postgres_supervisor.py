"""The parent process of a PostgreSQL server: stops it when its own owner is gone, however the owner died.

Run as a script by its path, never imported by the rest of the project, so that it starts in a few
milliseconds:

    python -I -S postgres_supervisor.py PIPE_FD USER REMOVE COMMAND...

PIPE_FD is the read end of a pipe whose only write end is the owner's. The kernel closes that end even after
SIGKILL, which no exit handler survives. What arrives on it decides how the server is stopped:

    b"patient"   the owner wants an orderly stop and waits for it
    b"now"       stop without a checkpoint, for throw-away data
    end of file  the owner died: orderly, but not for long

USER is whom to become before COMMAND is executed, as UID:GID, or "-". REMOVE is a folder that is deleted after the
server has stopped, or "-". The exit status is the server's own.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time

# The server's three kinds of shutdown: fast (roll back, checkpoint), immediate (recover at next start), kill.
_FAST, _IMMEDIATE, _KILL = signal.SIGINT, signal.SIGQUIT, signal.SIGKILL
# Steps of a stop: a signal, and the seconds until the next step is taken.
_PATIENT = ((_FAST, 60.0), (_IMMEDIATE, 5.0), (_KILL, 5.0))
_ORPHANED = ((_FAST, 2.5), (_IMMEDIATE, 1.0), (_KILL, 5.0))
_NOW = ((_IMMEDIATE, 2.0), (_KILL, 5.0))


def main(arguments: list[str]) -> int:
    """Start the server, wait until it ends or its owner does, and return the server's exit status."""
    pipe, user, remove, command = int(arguments[0]), arguments[1], arguments[2], arguments[3:]
    child_ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _noticed)
    server = _start(command, user)
    status = _supervise(server, pipe, child_ended)
    if remove != "-":
        shutil.rmtree(remove, ignore_errors=True)
    return os.waitstatus_to_exitcode(status)


def _noticed(number: int, frame: object) -> None:
    """Let the wake-up descriptor report the signal; the default actions would end this process."""


def _start(command: list[str], user: str) -> int:
    server = os.fork()
    if server:
        return server
    try:
        if user != "-":
            os.setgroups([])
            os.setgid(int(user.partition(":")[2]))
            os.setuid(int(user.partition(":")[0]))
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    finally:
        os._exit(127)


def _supervise(server: int, pipe: int, signals: int) -> int:
    while True:
        readable, _, _ = select.select([pipe, signals], [], [])
        if signals in readable:
            received = os.read(signals, 64)
            ended, status = os.waitpid(server, os.WNOHANG)
            if ended:
                return status
            if signal.SIGTERM in received:
                return _stop(server, _PATIENT)
        if pipe in readable:
            wish = os.read(pipe, 64)
            return _stop(server, {b"patient": _PATIENT, b"now": _NOW}.get(wish, _ORPHANED))


def _stop(server: int, steps: tuple[tuple[int, float], ...]) -> int:
    for number, seconds in steps:
        os.kill(server, number)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended, status = os.waitpid(server, os.WNOHANG)
            if ended:
                return status
            time.sleep(0.01)
    return signal.SIGKILL


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) & 0xFF)
