"""One PostgreSQL cluster in a folder: create, start and stop it."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from ops.errors import CliError
from ops.postgres.binaries import Binaries
from ops.postgres.privilege import Privilege, choose_privilege, reachable_binaries, require_reachable
from ops.postgres.stale_server import read_pid_file, stop_stale_server
from ops.reaper import POSTGRES, Reaper
from ops.topology import loopbacks

# For data that may be lost: tests and benchmarks without durability.
THROWAWAY_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
}

_BASE_SETTINGS: Mapping[str, str] = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
}
# 107 bytes is the limit of a socket's address on Linux, 103 on macOS; the file name takes up to 16.
_LONGEST_SOCKET_DIR = 80
_INITDB_SECONDS = 120.0
_START_SECONDS = 60.0
# Steps of a stop: a signal, and the seconds until the next one. Fast rolls back and writes a checkpoint, immediate
# leaves recovery to the next start.
_FAST_STOP = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_IMMEDIATE_STOP = ((signal.SIGQUIT, 2.0), (signal.SIGKILL, 5.0))
_POLL_SECONDS = 0.01
_LOG_LINES = 30


class Cluster:
    """A PostgreSQL server on loopback with its data in `data_dir`.

    A reaper stops the server when this process ends in any way, SIGKILL included: `reaper`, or else one of its
    own, which also deletes the folder `remove_after` once the server has stopped. `settings` are added to
    postgresql.conf's; THROWAWAY_SETTINGS suit tests. Without `socket_dir` there is no unix socket. The caller
    ensures that no other Cluster uses the same folder at the same time.
    """

    def __init__(  # noqa: PLR0913 - everything after the first three is optional and given by keyword
        self,
        data_dir: Path,
        binaries: Binaries,
        port: int,
        *,
        socket_dir: Path | None = None,
        superuser: str = "seda",
        settings: Mapping[str, str] | None = None,
        password_file: Path | None = None,
        log_file: Path | None = None,
        privilege: Privilege | None = None,
        remove_after: Path | None = None,
        reaper: Reaper | None = None,
    ) -> None:
        if socket_dir is not None and len(os.fsencode(socket_dir.absolute())) > _LONGEST_SOCKET_DIR:
            raise ValueError(f"socket_dir is longer than {_LONGEST_SOCKET_DIR} bytes: {socket_dir}")
        self.data_dir = data_dir.absolute()
        self.port = port
        self.superuser = superuser
        self.password_file = password_file or self.data_dir.with_name("postgres.password")
        self.log_file = log_file or self.data_dir.with_name("postgres.log")
        self.privilege = privilege or choose_privilege(data_dir=self.data_dir)
        self.binaries = reachable_binaries(binaries, self.privilege)
        self._socket_dir = socket_dir.absolute() if socket_dir else None
        self._settings = dict(settings or {})
        self._remove_after = remove_after
        self._reaper = reaper
        self._owns_reaper = reaper is None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.ensure()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        found = read_pid_file(self.data_dir)
        return found.pid if found else None

    @property
    def password(self) -> str:
        """The superuser's password, from `password_file`."""
        return self.password_file.read_text().strip()

    def dsn(self, database: str = "postgres") -> str:
        """Return the superuser's URL of one database, with the password."""
        credentials = f"{quote(self.superuser, safe='')}:{quote(self.password, safe='')}"
        return f"postgresql://{credentials}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def ensure(self) -> bool:
        """Create the cluster unless it exists; return whether it was created.

        Raises CliError POSTGRES_MAJOR_DIFFERS when the data were written by another major version, and
        INITDB_FAILED. An interrupted creation leaves no data folder.
        """
        version_file = self.data_dir / "PG_VERSION"
        if version_file.exists():
            self._require_same_major(version_file.read_text().strip())
            return False
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        require_reachable(self.data_dir, self.privilege)
        scratch = self.data_dir.with_name(self.data_dir.name + ".new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        self.privilege.chown(scratch)
        self._write_password()
        self._initdb(scratch)
        with (scratch / "postgresql.conf").open("a") as file:
            file.write("\n# Rewritten at every start.\ninclude_if_exists = 'seda.conf'\n")
        scratch.rename(self.data_dir)
        return True

    def start(self) -> str | None:
        """Start the server and return when it takes connections.

        A server left on the folder by an earlier run is stopped first; the returned line reports it. Raises
        CliError POSTGRES_START_FAILED with the end of its log.
        """
        if self._server is not None:
            return None
        note = stop_stale_server(self.data_dir)
        self._write_settings()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._reaper = self._reaper or Reaper(self._remove_after)
        command = [*self.privilege.prefix, self.binaries.program("postgres"), "-D", str(self.data_dir)]
        self.log_file.touch(mode=0o600)
        with self.log_file.open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._process_options()
            )
        self._reaper.add(self._server.pid, POSTGRES)
        self._wait_until_ready(self._server)
        return note

    def stop(self, *, immediately: bool = False) -> None:
        """Stop the server; `immediately` skips the checkpoint, which the next start makes up for."""
        server, self._server = self._server, None
        if server is None or self._reaper is None:
            return
        for number, seconds in _IMMEDIATE_STOP if immediately else _FAST_STOP:
            server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(seconds)
                break
        self._reaper.remove(server.pid)
        if self._owns_reaper:
            self._reaper.close()
            self._reaper = None

    def wait(self) -> None:
        """Block until the server has ended, for whatever reason."""
        server = self._server
        if server is not None:
            server.wait()

    def log_tail(self, lines: int = _LOG_LINES) -> list[str]:
        """Return the last lines of the server's log."""
        with contextlib.suppress(FileNotFoundError):
            return self.log_file.read_text(errors="replace").splitlines()[-lines:]
        return []

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            # The same condition that pg_ctl waits for; it needs no connection and no password.
            found = read_pid_file(self.data_dir)
            if found is not None and found.ready:
                return
            if server.poll() is not None:
                break
            time.sleep(_POLL_SECONDS)
        self.stop(immediately=True)
        raise CliError(
            "POSTGRES_START_FAILED",
            f"PostgreSQL {self.binaries.version} did not start on port {self.port}.",
            why="\n".join(self.log_tail()) or f"It did not take connections within {_START_SECONDS:.0f} s.",
            fix=f"Full log: {self.log_file}",
        )

    def _require_same_major(self, written: str) -> None:
        if written != str(self.binaries.major):
            raise CliError(
                "POSTGRES_MAJOR_DIFFERS",
                f"The data in {self.data_dir} were written by PostgreSQL {written}.",
                why=f"The server at hand is {self.binaries.version}, which can't read them.",
                fix=f"Set SEDA_PG_BIN to the programs of PostgreSQL {written}, or use another SEDA_HOME.",
            )

    def _initdb(self, target: Path) -> None:
        initdb_password_file = target.with_name(f"{target.name}.password")
        initdb_password_file.touch(mode=0o600)
        initdb_password_file.write_text(self.password)
        self.privilege.chown(initdb_password_file)
        command = [
            *self.privilege.prefix,
            *(self.binaries.program("initdb"), "-D", str(target), "-U", self.superuser),
            *("--encoding=UTF8", f"--locale={_locale()}", "--lc-messages=C", "--locale-provider=libc"),
            *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={initdb_password_file}"),
            *(("--no-sync",) if self._settings.get("fsync") == "off" else ()),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
                command,
                capture_output=True,
                text=True,
                timeout=_INITDB_SECONDS,
                check=False,
                **self._process_options(),
            )
        finally:
            initdb_password_file.unlink()
        if done.returncode != 0:
            raise CliError(
                "INITDB_FAILED",
                f"initdb of PostgreSQL {self.binaries.version} failed in {target.parent}.",
                why=(done.stderr or done.stdout).strip(),
                fix="Free space or correct permissions there, or set SEDA_HOME to another folder.",
            )

    def _write_password(self) -> None:
        if not self.password_file.exists():
            self.password_file.touch(mode=0o600)
            self.password_file.write_text(secrets.token_urlsafe(24) + "\n")

    def _write_settings(self) -> None:
        settings = {
            **_BASE_SETTINGS,
            "listen_addresses": ",".join(loopbacks()),
            "port": str(self.port),
            "unix_socket_directories": "" if self._socket_dir is None else str(self._socket_dir),
            "unix_socket_permissions": "0700",
        }
        if self.binaries.has_library("pg_stat_statements"):
            settings["shared_preload_libraries"] = "pg_stat_statements"
        settings |= self._settings
        if self._socket_dir is not None:
            self._socket_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.privilege.chown(self._socket_dir)
        lines = [f"{name} = '{_quoted(value)}'\n" for name, value in settings.items()]
        target = self.data_dir / "seda.conf"
        target.write_text("".join(lines))
        self.privilege.chown(target)

    def _process_options(self) -> dict[str, Any]:
        return {
            "env": self._environment(),
            "cwd": "/",
            "user": self.privilege.user,
            "group": self.privilege.group,
            "extra_groups": None if self.privilege.user is None else [],
            # Ctrl-C in the terminal must not reach it.
            "start_new_session": True,
        }

    @staticmethod
    def _environment() -> dict[str, str]:
        # PGDATA, PGPORT and their like would override the settings, and a locale that is not installed would
        # stop initdb. On macOS the server dies as "multithreaded" unless LC_ALL names a valid locale.
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))
        }
        return {**kept, "LC_ALL": _locale()}


def _locale() -> str:
    return "en_US.UTF-8" if platform.system() == "Darwin" else "C.UTF-8"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
