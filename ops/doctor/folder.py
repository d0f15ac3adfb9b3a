"""Whether the data folder, its disk and the ports are as a suite needs them."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from ops.data_dir import port_base
from ops.errors import CliError
from ops.findings import Finding, Result
from ops.topology import CONSOLE, SUITE, Ports

if TYPE_CHECKING:
    from ops.doctor.surroundings import Surroundings

# A new cluster takes 40 MB, the demo data little; a full disk stops PostgreSQL in the middle of a write.
_CRITICAL_BYTES, _WARN_BYTES = 200_000_000, 1_000_000_000
_MEGABYTE = 1_000_000
_FOR_OTHERS = 0o077
# The group of PostgreSQL's user passes through.
_FOLDER_FOR_OTHERS = 0o067


def check_ports(surroundings: Surroundings) -> list[Finding]:
    """Every port is free, or taken by the suite of this folder."""
    from ops.env import database_url
    from ops.up.ports import require_free

    try:
        base = port_base(surroundings.environ)
    except CliError as error:
        return [Finding("ports", Result.CRITICAL, "Ports", sentence=error.message, command=error.fix)]
    shown = f"{base} to {base + 23}"
    if not Ports.valid(base):
        sentence = f"SEDA_PORT_BASE is {base}, and must be from 1024 to 65512."
        return [
            Finding(
                "ports", Result.CRITICAL, "Ports", shown, sentence=sentence, command="unset SEDA_PORT_BASE"
            )
        ]
    if surroundings.data_dir.running_state() is not None:
        return [Finding("ports", Result.OK, "Ports", shown, "taken by the suite that runs here")]
    try:
        require_free(Ports(base), (*SUITE, CONSOLE), postgres=not database_url(surroundings.environ))
    except CliError as error:
        sentence = "Taken: " + "; ".join(line.strip() for line in error.why.splitlines())
        return [Finding("ports", Result.CRITICAL, "Ports", shown, sentence=sentence, command=error.fix)]
    return [Finding("ports", Result.OK, "Ports", shown, "free")]


def check_disk(surroundings: Surroundings) -> list[Finding]:
    """There is room for the data."""
    free = surroundings.free_space()
    result = Result.CRITICAL if free < _CRITICAL_BYTES else Result.WARN if free < _WARN_BYTES else Result.OK
    least = _CRITICAL_BYTES if result is Result.CRITICAL else _WARN_BYTES
    value, threshold = f"{free / _MEGABYTE:.0f} MB", f"{least / _MEGABYTE:.0f} MB"
    where = str(surroundings.data_dir)
    if result is Result.OK:
        return [Finding("disk", result, "Disk", where, value, threshold)]
    sentence = f"{value} are free and {threshold} should be: free some, or set SEDA_HOME to a folder on another disk."
    return [
        Finding(
            "disk",
            result,
            "Disk",
            where,
            value,
            threshold,
            sentence,
            f"df -h {_quoted(_existing(surroundings))}",
        )
    ]


def check_permissions(surroundings: Surroundings) -> list[Finding]:
    """The data folder can be written, and other users read neither logs nor secrets."""
    path = surroundings.data_dir.path
    if not path.exists():
        return _check_new(surroundings)
    if not path.is_dir() or not os.access(path, os.W_OK | os.X_OK):
        return [
            _unusable(
                path,
                f"mv {_quoted(path)} {_quoted(path)}.old"
                if not path.is_dir()
                else f"chown $USER {_quoted(path)}",
            )
        ]
    open_ones = [each for each in _private(surroundings) if each.stat().st_mode & _mask(each, path)]
    return [
        Finding(
            "permissions",
            Result.CRITICAL if each.parent.name == "secrets" else Result.WARN,
            "Permissions",
            str(each),
            oct(each.stat().st_mode & 0o777),
            sentence="Other users of this machine can read it.",
            command=f"chmod go= {_quoted(each)}",
        )
        for each in open_ones
    ] or [Finding("permissions", Result.OK, "Permissions", str(surroundings.data_dir))]


def _check_new(surroundings: Surroundings) -> list[Finding]:
    parent = _existing(surroundings)
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return [Finding("permissions", Result.OK, "Permissions", str(surroundings.data_dir), "new")]
    return [_unusable(parent, "export SEDA_HOME=$HOME/.seda")]


def _unusable(path: Path, command: str) -> Finding:
    sentence = "The data folder can't be written: correct it, or set SEDA_HOME to a folder of your own."
    return Finding(
        "permissions", Result.CRITICAL, "Permissions", str(path), sentence=sentence, command=command
    )


def _private(surroundings: Surroundings) -> list[Path]:
    data_dir = surroundings.data_dir
    folders = (data_dir.logs, data_dir.path / "secrets")
    return [data_dir.path, *(each for folder in folders for each in sorted(folder.glob("*")))]


def _mask(path: Path, folder: Path) -> int:
    return _FOLDER_FOR_OTHERS if path == folder else _FOR_OTHERS


def _existing(surroundings: Surroundings) -> Path:
    path = surroundings.data_dir.path
    return next(each for each in (path, *path.parents) if each.exists())


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
