"""What the system knows about processes and listening ports, read from /proc or asked of ps and lsof."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_LISTEN = "0A"
_ASK_SECONDS = 10.0
# Fields of /proc/PID/stat after the command in brackets: the state, and the start in ticks since boot.
_STATE, _START = 0, 19


@dataclass(frozen=True, slots=True)
class PortOwner:
    """Who listens on a port. `pid` and `command` are None where the system doesn't tell us."""

    pid: int | None = None
    command: str | None = None
    user: str | None = None
    own: bool = False


def start_time(pid: int) -> str | None:
    """Return a text that names the moment at which `pid` started, or None when no such process runs."""
    if (_PROC / "self" / "stat").exists():
        try:
            # The command may hold spaces and brackets itself; what counts stands after the last one.
            fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[_STATE] in "ZX" else fields[_START]
    return _run("/bin/ps", "-o", "lstart=", "-p", str(pid)) or None


def command_line(pid: int) -> str:
    """Return the command line of a live process, or an empty text (a zombie has none)."""
    if (_PROC / "self" / "cmdline").exists():
        try:
            raw = (_PROC / str(pid) / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return ""
        return raw.replace(b"\0", b" ").decode(errors="replace").strip()
    return _run("/bin/ps", "-ww", "-o", "command=", "-p", str(pid))


def port_owner(port: int) -> PortOwner | None:
    """Return who listens on a TCP port, on whatever address, or None when nobody is found."""
    if (_PROC / "net" / "tcp").exists():
        return _owner_from_proc(port)
    reported = _run("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fp")
    pids = [int(line[1:]) for line in reported.splitlines() if line.startswith("p")]
    if not pids:
        return None
    user = _run("/bin/ps", "-o", "user=", "-p", str(pids[0])) or None
    return PortOwner(pids[0], command_line(pids[0]), user, user == pwd.getpwuid(os.geteuid()).pw_name)


def _owner_from_proc(port: int) -> PortOwner | None:
    for uid, inode in _listening_sockets(port):
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = str(uid)
        pid = _process_of_socket(inode)
        return PortOwner(pid, command_line(pid) if pid else None, user, uid == os.geteuid())
    return None


def _listening_sockets(port: int) -> Iterator[tuple[int, str]]:
    for table in ("tcp", "tcp6"):
        try:
            lines = (_PROC / "net" / table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield int(fields[7]), fields[9]


def _process_of_socket(inode: str) -> int | None:
    wanted = f"socket:[{inode}]"
    for process in _PROC.iterdir():
        if process.name.isdigit() and wanted in _open_files(process):
            return int(process.name)
    return None


def _open_files(process: Path) -> Iterator[str]:
    # Other users' processes and those that end meanwhile can't be read; they own none of the answers then.
    try:
        for entry in (process / "fd").iterdir():
            yield str(entry.readlink())
    except OSError:
        return


def _run(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands of the system with numbers
            command, capture_output=True, text=True, timeout=_ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
