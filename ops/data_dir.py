"""The data folder of a development suite (`.seda`, or SEDA_HOME): its paths, lock and state."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import quote

from ops.env import secret
from ops.errors import CliError, Exit
from ops.proc_info import start_time
from ops.topology import DEFAULT_PORT_BASE, LOOPBACK, Ports

_SECRET_BYTES = 48
_CLOCK_STEP_SECONDS = 2.0
_PASSABLE = 0o710
_INSTANCE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
DATABASE = "seda"
SUPERUSER = "seda"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process by number and start time; the pair survives the reuse of numbers."""

    pid: int
    started: float | None

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Return the process `pid` as it is now."""
        return cls(pid, start_time(pid))

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        now = start_time(self.pid)
        # The start is computed from the time of boot, which moves when the clock is set.
        return self.started is not None and now is not None and abs(now - self.started) < _CLOCK_STEP_SECONDS


@dataclass(frozen=True, slots=True)
class SuiteState:
    """The content of state.json, written by a running `seda up`.

    `since` is RFC 3339 with the local offset. `settings` are those whose change needs a restart. `crashes` counts the
    unexpected ends of each process; those in `down` ended too often and are not started again.
    """

    version: str
    supervisor: ProcessIdentity
    since: str
    port_base: int
    settings: dict[str, str]
    own_postgres: bool
    ready: bool = False
    children: dict[str, ProcessIdentity] = field(default_factory=dict)
    crashes: dict[str, int] = field(default_factory=dict)
    down: list[str] = field(default_factory=list)


class DataDir:
    """Paths and files below one data folder. Nothing is created before it is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "log"
        self.state_file = self.path / "state.json"
        self.control_socket = self.path / "control"
        self.demo_marker = self.path / "demo-data-done"
        self._lock_file = self.path / "lock"

    def __str__(self) -> str:
        """The folder as a person would type it: relative when it lies in the working directory."""
        with contextlib.suppress(ValueError, FileNotFoundError):
            return str(self.path.relative_to(Path.cwd()))
        return str(self.path)

    def create(self) -> None:
        """Make the folder and its log folder, and close both and all logs to other users, also old ones."""
        for folder in (self.path, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
            _make_private(folder)
        for log in self.logs.iterdir():
            _make_private(log)

    def admit(self, group: int) -> None:
        """Let a group through the folder, without a look into it: PostgreSQL's, when it runs as another user."""
        os.chown(self.path, -1, group)
        self.path.chmod(_PASSABLE)

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{name}.log"

    def postgres_data(self, major: int) -> Path:
        """Return the folder of the cluster; data of another major version lie beside it, untouched."""
        return self.path / f"postgres-{major}"

    def postgres_majors(self) -> list[int]:
        """Return the major versions of which there are data here."""
        found = (
            each.parent.name.removeprefix("postgres-") for each in self.path.glob("postgres-*/PG_VERSION")
        )
        return sorted(int(each) for each in found if each.isdigit())

    def secret_file(self, name: str) -> Path:
        """Return the file of a secret, 0600: `jwt`, `service` or `postgres`."""
        return self.path / "secrets" / name

    def ensure_secret(self, name: str) -> Path:
        """Return the file of a secret, generated on first use."""
        target = self.secret_file(name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = target.with_name(f"{name}.{os.getpid()}")
            partial.touch(mode=0o600)
            partial.write_text(secrets.token_urlsafe(_SECRET_BYTES) + "\n")
            partial.rename(target)
        return target

    @contextlib.contextmanager
    def lock(self) -> Iterator[bool]:
        """Hold the folder's lock for one supervisor; yields False when another process has it.

        The kernel releases it with the process, so it is never stale.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = self._lock_file.open("w")
        except OSError as error:
            raise CliError(
                "DATA_FOLDER_UNUSABLE",
                f"Can't write to the data folder {self.path}.",
                why=f"{error.strerror}: {error.filename}",
                fix="Set SEDA_HOME to a folder of your own, or correct its owner and permissions.",
            ) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def read_state(self) -> SuiteState | None:
        """Return the state written by the last `seda up`, running or not; None without one."""
        try:
            raw = json.loads(self.state_file.read_text())
            raw["supervisor"] = ProcessIdentity(**raw["supervisor"])
            raw["children"] = {name: ProcessIdentity(**each) for name, each in raw["children"].items()}
            return SuiteState(**raw)
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None

    def running_state(self) -> SuiteState | None:
        """Return the state of a `seda up` that runs on this folder now."""
        state = self.read_state()
        return state if state is not None and state.supervisor.alive else None

    def write_state(self, state: SuiteState) -> None:
        """Replace the state file as a whole, so that a reader never sees half of it."""
        partial = self.state_file.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(state), indent=2) + "\n")
        partial.rename(self.state_file)

    def made(self) -> list[Path]:
        """Return what was made here and is still there; nothing else in the folder is ours."""
        named = (self.logs, self.state_file, self.demo_marker, self.control_socket, self.path / "secrets")
        clusters = (each for each in self.path.glob("postgres-*") if each.is_dir())
        return [*(each for each in named if each.exists()), *sorted(clusters)]

    def wipe(self) -> None:
        """Delete what was made here, and the folder when nothing else is in it. The caller holds the lock."""
        for each in self.made():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()
        self._lock_file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def clear_state(self) -> None:
        """Forget the state after an orderly stop."""
        self.state_file.unlink(missing_ok=True)

    def size(self) -> int:
        """Return the bytes that all files take."""
        total = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                with contextlib.suppress(OSError):
                    total += (Path(folder) / name).lstat().st_size
        return total


def _make_private(path: Path) -> None:
    """Take every permission from other users. A shared folder such as /tmp stays as it is."""
    status = path.stat()
    if status.st_uid == os.geteuid() and not status.st_mode & stat.S_ISVTX:
        path.chmod(status.st_mode & stat.S_IRWXU)


def find_data_dir(environ: Mapping[str, str] = os.environ) -> DataDir:
    """Return the data folder: SEDA_HOME, else that of the instance SEDA_NAME, else `.seda` in the working directory.

    Raises CliError NAME_INVALID, and SETTING_INVALID when both are set.
    """
    home, name = environ.get("SEDA_HOME"), environ.get("SEDA_NAME")
    if not name:
        return DataDir(Path(home or ".seda").expanduser())
    if home:
        raise CliError(
            "SETTING_INVALID",
            "A named instance has a data folder of its own, and SEDA_HOME names another.",
            fix="unset SEDA_HOME   or use no name",
            exit_code=Exit.USAGE,
        )
    if not _INSTANCE.fullmatch(name):
        raise CliError(
            "NAME_INVALID",
            f"{name!r} can't name an instance.",
            why="A name has up to 40 lower-case letters, digits, '-' and '_', and begins with a letter or digit.",
            fix="For example: seda up --name pr-123",
            exit_code=Exit.USAGE,
        )
    return DataDir(state_home(environ) / "instances" / name)


def state_home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what is known about all suites of this user, named instances among them."""
    base = environ.get("XDG_STATE_HOME") or ""
    # The specification says to ignore a relative one.
    folder = Path(base) if base.startswith("/") else Path("~/.local/state").expanduser()
    return folder / "seda"


def port_base(environ: Mapping[str, str] = os.environ) -> int:
    """Return the port base of the running suite, else SEDA_PORT_BASE, else the default."""
    state = find_data_dir(environ).running_state()
    if state is not None:
        return state.port_base
    try:
        return int(environ.get("SEDA_PORT_BASE") or DEFAULT_PORT_BASE)
    except ValueError:
        raise CliError(
            "SETTING_INVALID", "SEDA_PORT_BASE is not a number.", fix="Unset it, or set it to 7400."
        ) from None


def running_dsn(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the administrator's URL of the PostgreSQL that a running `seda up` started, or None without one."""
    data_dir = find_data_dir(environ)
    state = data_dir.running_state()
    if state is None or not state.own_postgres:
        return None
    password = quote(data_dir.secret_file("postgres").read_text().strip(), safe="")
    return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{Ports(state.port_base).postgres}/{DATABASE}"


def jwt_secret(environ: Mapping[str, str] = os.environ) -> bytes:
    """Return the secret of development tokens: SEDA_JWT_SECRET, its _FILE, else the data folder's own."""
    given = secret(environ, "SEDA_JWT_SECRET")
    if given is not None:
        return given.encode()
    file = find_data_dir(environ).secret_file("jwt")
    try:
        return file.read_text().strip().encode()
    except OSError:
        raise CliError(
            "TOKEN_SECRET_UNKNOWN",
            "There is no secret to sign a development token with.",
            why=f"SEDA_JWT_SECRET is not set and {file} can't be read.",
            fix="Run it where seda up was started, or set SEDA_HOME to that folder's .seda.",
        ) from None
