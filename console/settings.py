"""The settings of the console's process: `seda up` and `seda console` set them in its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """How to connect to a server with TLS: its authority (None: the system's), and our own certificate and key."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """`targets` are the addresses of servers by their names, the default one first.

    `key` opens the API of this process. `home` is the data folder of the suite that the targets belong to, None for
    any other server. `environ` is what the commands of `ops` find that suite by.
    """

    port: int
    key: str = field(repr=False)
    targets: Mapping[str, str]
    home: Path | None = None
    tls: TlsFiles | None = None
    parent_fd: int | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """The address to open in a browser; the key stands in the fragment, which no browser sends anywhere."""
        return f"http://127.0.0.1:{self.port}/#k={self.key}"

    @property
    def mints_tokens(self) -> bool:
        """Whether calls may be made as demo people: in a development suite alone."""
        return self.home is not None and self.environ.get("SEDA_ENV", "development") == "development"


def load(environ: Mapping[str, str] = os.environ) -> ConsoleSettings:
    """Read the settings. Raises KeyError or ValueError when a variable that the parent sets is missing or malformed."""
    home = environ.get("SEDA_CONSOLE_HOME")
    named = (each.rpartition("=") for each in environ["SEDA_CONSOLE_TARGETS"].split(",") if each)
    parent_fd = environ.get("SEDA_PARENT_FD")
    return ConsoleSettings(
        port=int(environ["SEDA_PORT"]),
        key=environ.get("SEDA_CONSOLE_KEY") or Path(environ["SEDA_CONSOLE_KEY_FILE"]).read_text().strip(),
        targets={name or address: address for name, _, address in named},
        home=Path(home) if home else None,
        tls=_tls(environ),
        parent_fd=int(parent_fd) if parent_fd else None,
        # The folder of the suite is known by its path alone.
        environ={name: value for name, value in environ.items() if name != "SEDA_NAME"}
        | ({"SEDA_HOME": home} if home else {}),
    )


def _tls(environ: Mapping[str, str]) -> TlsFiles | None:
    if not environ.get("SEDA_CONSOLE_TLS"):
        return None
    return TlsFiles(*(_path(environ.get(f"SEDA_CONSOLE_{name}")) for name in ("CA", "CERT", "KEY")))


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
