"""`seda console`: the web page for any gRPC server with reflection, or the address of a running suite's own."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops.errors import CliError, Exit
from ops.topology import CONSOLE, GATEWAY, LOOPBACK, Ports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.console import Console

_MODULES = ("starlette", "uvicorn")
# What the address of the page ends in to show tables first.
_TABLES = "/tables"


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """`target` is the server's host:port, None for the suite that runs here; `port` is where the page is served."""

    target: str | None = None
    port: int | None = None
    tls: bool = False
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


def is_installed() -> bool:
    """Return whether the packages of the console are here."""
    return all(importlib.util.find_spec(each) is not None for each in _MODULES)


def run(options: ConsoleOptions, console: Console) -> None:
    """Print the address of the page, and serve it until Ctrl-C unless the suite that runs here does."""
    environ = _environment(options, os.environ)
    if environ is None:
        from ops.data_dir import find_data_dir, port_base
        from ops.up.addresses import console_url

        url = console_url(find_data_dir(), Ports(port_base()))
        console.result({"url": url}, url)
        return
    _serve(environ, console, f"For {environ['SEDA_CONSOLE_TARGETS']}.")


def run_studio(port: int | None, console: Console, *, allow_production: bool) -> None:
    """Print the address of the page's tables, and serve it until Ctrl-C unless the suite that runs here does."""
    from ops.data_dir import find_data_dir, port_base
    from ops.diagnose.shell import reading_login
    from ops.env import database_url
    from ops.up.addresses import console_url

    home = find_data_dir(os.environ)
    state = home.running_state()
    if state is not None and CONSOLE.name in state.children and database_url(os.environ) is None:
        url = console_url(home, Ports(port_base())) + _TABLES
        console.result({"url": url}, url)
        return
    if os.environ.get("SEDA_ENV") == "production" and not allow_production:
        raise CliError(
            "PRODUCTION",
            "With SEDA_ENV=production the tables hold what people wrote.",
            fix="seda studio --allow-production",
            exit_code=Exit.UNSAFE,
        )
    reading_login(os.environ)
    environ = _process(os.environ, port) | {"SEDA_CONSOLE_TARGETS": ""}
    if state is not None:
        environ["SEDA_CONSOLE_HOME"] = str(home.path)
    if allow_production:
        environ["SEDA_CONSOLE_ALLOW_PRODUCTION"] = "1"
    _serve(environ, console, "For the tables alone.", _TABLES)


def _serve(environ: Mapping[str, str], console: Console, told: str, view: str = "") -> None:
    if not is_installed():
        raise CliError(
            "CONSOLE_NOT_INSTALLED",
            "The packages of the console are missing.",
            fix="pip install 'seda-backend[console]'",
        )
    url = f"http://{LOOPBACK}:{environ['SEDA_PORT']}/#k={environ['SEDA_CONSOLE_KEY']}{view}"
    console.result({"url": url}, url)
    console.message(f"{told} Ctrl-C ends it.")
    sys.stdout.flush()
    # -P: a folder named `console` in the working directory must not be taken for ours.
    os.execve(sys.executable, [sys.executable, "-P", "-m", CONSOLE.module], environ)  # noqa: S606 - no shell


def _process(given: Mapping[str, str], port: int | None) -> dict[str, str]:
    """Return the environment that any process of the console needs."""
    own = str(Path(__file__).resolve().parents[1])
    return {
        **given,
        "SEDA_PORT": str(port or _free_port()),
        "SEDA_CONSOLE_KEY": secrets.token_urlsafe(24),
        "PYTHONPATH": os.pathsep.join([own, *filter(None, [given.get("PYTHONPATH", "")])]),
    }


def _environment(options: ConsoleOptions, given: Mapping[str, str]) -> dict[str, str] | None:
    """Return the environment of the process to start; None where a running suite serves the page."""
    from ops.data_dir import find_data_dir

    home = find_data_dir(given)
    state = home.running_state()
    if options.target is None:
        if given.get("SEDA_ENV") == "production":
            raise CliError(
                "TARGET_NEEDED",
                "With SEDA_ENV=production the console needs an explicit target.",
                fix="seda console --target HOST:PORT",
                exit_code=Exit.UNSAFE,
            )
        if state is None:
            raise CliError(
                "NOT_RUNNING",
                f"Nothing runs on {home}.",
                fix="Start it: seda up   Or name a server: seda console --target HOST:PORT",
            )
        if CONSOLE.name in state.children:
            return None
    target = options.target or Ports(state.port_base if state else 0).address(GATEWAY)
    environ = _process(given, options.port) | {"SEDA_CONSOLE_TARGETS": _checked(target)}
    if options.target is None:
        environ["SEDA_CONSOLE_HOME"] = str(home.path)
    if options.tls or options.ca or options.cert:
        files = {"CA": options.ca, "CERT": options.cert, "KEY": options.key}
        environ |= {f"SEDA_CONSOLE_{name}": str(file.resolve()) for name, file in files.items() if file}
        environ["SEDA_CONSOLE_TLS"] = "1"
    return environ


def _checked(target: str) -> str:
    host, _, port = target.rpartition(":")
    if not host or not port.isdecimal() or any(each in target for each in ",= /"):
        raise CliError(
            "ADDRESS_INVALID", f"{target!r} is no address.", fix="It is HOST:PORT.", exit_code=Exit.USAGE
        )
    return target


def _free_port() -> int:
    import socket

    with socket.create_server((LOOPBACK, 0)) as found:
        return int(found.getsockname()[1])
