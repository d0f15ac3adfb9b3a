"""The servers of a measurement: started on loopback, and stopped with their parent process."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ops.probe import SERVING, check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

PROJECT = Path(__file__).resolve().parents[1]
SECRET = "signs tokens for measurements only, nothing else"  # noqa: S105 - no secret of anybody
# Below the ephemeral range, so that no outgoing connection takes a port first.
_PORTS = range(20_000, 30_000)
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `metrics` is the port of its Prometheus metrics, 0 for none."""

    name: str
    pid: int
    address: str
    metrics: int = 0

    def counter(self, sample: str) -> float:
        """The present value of one sample of its metrics, spelled with its labels; 0 when there is none yet."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(sample):
                    return float(line.rpartition(" ")[2])
        return 0.0


@contextmanager
def service(
    name: str,
    database_url: str,
    logs: Path,
    settings: Mapping[str, str],
    instance: str = "",
    tree: Path = PROJECT,
) -> Iterator[Server]:
    """One of our own services, of the sources in `tree`; `settings` are its SEDA_ variables.

    Its log goes to a file, as it would be kept.
    """
    port, admin, metrics = free_port(), free_port(), free_port()
    environ = {
        **clean_environment(),
        "DATABASE_URL": database_url,
        "SEDA_JWT_SECRET": SECRET,
        "SEDA_SERVICE_SECRET": SECRET,
        "SEDA_LOG_FORMAT": "json",
        "SEDA_DRAIN_SECONDS": "0",
        "SEDA_PORT": str(port),
        "SEDA_ADMIN_PORT": str(admin),
        "SEDA_METRICS_PORT": str(metrics),
        **settings,
    }
    address = f"127.0.0.1:{port}"
    command = [sys.executable, "-P", "-m", "gateway" if name == "gateway" else f"services.{name}"]
    # A service leaves when this pipe closes, so that none outlives a measurement that was killed.
    reading, writing = os.pipe()
    environ["SEDA_PARENT_FD"] = str(reading)
    environ["PYTHONPATH"] = str(tree)
    try:
        with started(command, environ, logs / f"{name}{instance}.log", pass_fds=(reading,)) as process:

            async def ready() -> bool:
                return await check(f"127.0.0.1:{admin}") == SERVING

            wait_until(process, name, ready)
            yield Server(name + instance, process.pid, address, metrics)
    finally:
        os.close(reading)
        os.close(writing)


def free_port() -> int:
    """A free port of 127.0.0.1."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - a port is no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def clean_environment() -> dict[str, str]:
    """This process's environment without what would configure a server."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("SEDA_", "PG", "NODE_"))
    }


@contextmanager
def started(
    command: Sequence[str],
    environ: Mapping[str, str],
    log: Path,
    *,
    cwd: Path | None = None,
    pass_fds: tuple[int, ...] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that logs into a file, and ends with this block or when its stdin closes."""
    with log.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603 - our own modules and scripts
            command,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            cwd=cwd,
            pass_fds=pass_fds,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()


def wait_until(process: subprocess.Popen[bytes], name: str, ready: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a started process is ready; raises RuntimeError if it ends or takes too long."""
    end = time.monotonic() + _START_SECONDS

    async def asked() -> bool:
        return await ready()

    while not asyncio.run(asked()):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{name} did not start; see its log")
        # The starting process cannot notify this one.
        time.sleep(_POLL_SECONDS)
