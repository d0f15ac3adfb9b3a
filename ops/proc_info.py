"""Start time, memory and command line of processes, and the owners of listening ports."""

from __future__ import annotations

import contextlib
import getpass
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class PortOwner:
    """The process that listens on a port."""

    pid: int
    command: str
    user: str

    @property
    def own(self) -> bool:
        """Whether the process belongs to the current user."""
        return self.user == getpass.getuser()


def start_time(pid: int) -> float | None:
    """Return the start of a process in seconds since the epoch, or None if it does not run."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def memory(pid: int) -> int | None:
    """Return the resident memory of a process in bytes, or None if it does not run."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def command_line(pid: int) -> str:
    """Return the command line of a live process, or an empty text."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def port_owner(port: int) -> PortOwner | None:
    """Return the listener on a TCP port of any address, or None if the system shows none."""
    for process in psutil.process_iter():
        # Other users' processes can't be read without privileges, and any process may end meanwhile.
        with contextlib.suppress(psutil.Error):
            for each in process.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN and each.laddr.port == port:
                    return PortOwner(process.pid, command_line(process.pid), process.username())
    return None
