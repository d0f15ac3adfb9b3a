"""Start `seda up` with fake services in a separate folder, and follow its output and processes."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

import psutil

from ops.data_dir import DataDir
from ops.proc_info import start_time
from ops.topology import CONSOLE, SUITE, Ports
from ops.up.ports import is_free

PROJECT = Path(__file__).resolve().parents[3]
# Five times what a slow machine takes.
TIMEOUT_SECONDS = 45.0
# Below the ephemeral range and beside the ports of the run's own PostgreSQL.
_BASES = range(10_200, 19_900, 30)
_Value = TypeVar("_Value")


@contextmanager
def free_base() -> Iterator[int]:
    """A port base whose ports are free, locked against other workers until the end."""
    locks = Path(tempfile.gettempdir()) / f"seda-test-ports-{os.getuid()}"
    locks.mkdir(exist_ok=True)
    for base in random.sample(_BASES, len(_BASES)):
        with (locks / str(base)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if all(map(is_free, Ports(base).used((*SUITE, CONSOLE), postgres=True))):
                yield base
                return
    raise AssertionError("no port base is free")


def until(poll: Callable[[], _Value], seconds: float = TIMEOUT_SECONDS) -> _Value:
    """Return the first true value that `poll` gives; fail after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = poll()
        if value:
            return value
        time.sleep(0.02)  # other processes cannot notify this one
    raise AssertionError(f"did not happen within {seconds} s")


def seda(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process in the folder of a suite."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "ops.cli", *arguments],
        cwd=folder,
        env=environment(folder, **environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def command(folder: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start the command as a process in the folder of a suite, and don't wait for its end."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "ops.cli", *arguments],
        cwd=folder,
        env=environment(folder, **environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def environment(folder: Path, **given: str) -> dict[str, str]:
    """Return the environment of a command in the folder of a suite."""
    inherited = {
        name: each for name, each in os.environ.items() if not name.startswith(("SEDA_", "DATABASE_URL"))
    }
    if "SEDA_TEST_PG_BIN" in os.environ:
        inherited["SEDA_PG_BIN"] = os.environ["SEDA_TEST_PG_BIN"]
    # What is known about suites stays beside the folder, whatever the developer has running.
    state = {"XDG_STATE_HOME": str(folder.parent / "state")}
    return {**inherited, **state, "PYTHONPATH": str(PROJECT), **given}


class FakeSuite:
    """One `seda up`. Lines of both streams are collected while it runs."""

    module = "tests.ops.support.fake_suite_up"

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.data_dir = DataDir(folder / ".seda")
        self.process = subprocess.Popen(
            # -P like the installed command: no imports from the working directory.
            [sys.executable, "-P", "-m", self.module, "up", *arguments],
            cwd=folder,
            env=environment(folder, **environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C in the terminal of the test run must not reach it.
            start_new_session=True,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=each, daemon=True)
            for each in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self._finish()

    def ready(self, seconds: float = TIMEOUT_SECONDS) -> Self:
        """Wait until both streams have everything that a start prints."""
        until(lambda: self._is_ready() or self.process.poll() is not None, seconds)
        assert self.process.poll() is None, self.output()
        return self

    def _is_ready(self) -> bool:
        # Two threads read the streams: the last line of one says nothing about the other.
        printed = self._has_line("Ready in") and self._has_line("call GetRoomPage")
        return printed or self._has_line('"event":"ready"')

    def wait_for_line(self, text: str) -> None:
        """Wait until a line with this text comes."""
        until(lambda: self._has_line(text))

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Wait for the end and return the exit status."""
        status = self.process.wait(TIMEOUT_SECONDS)
        self._finish()
        return status

    def pids(self) -> dict[str, int]:
        """Return the children's process ids, PostgreSQL's too."""
        state = self.data_dir.read_state()
        assert state is not None
        server = next(iter(self.data_dir.path.glob("postgres-*/postmaster.pid"))).read_text().splitlines()[0]
        return {**{name: each.pid for name, each in state.children.items()}, "postgres": int(server)}

    def events(self) -> list[dict[str, Any]]:
        """Return stdout of --json."""
        return [json.loads(line) for line in self.out]

    def output(self) -> str:
        return "\n".join([*self.out, *self.err])

    def _has_line(self, text: str) -> bool:
        return any(text in line for line in [*self.out, *self.err])

    def _finish(self) -> None:
        for reader in self._readers:
            reader.join(TIMEOUT_SECONDS)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        # Line by line: the list is polled meanwhile.
        lines.extend(line.rstrip("\n") for line in stream)


def up(folder: Path, base: int, *arguments: str, **environ: str) -> FakeSuite:
    """Start fake services on the ports of `base`."""
    return FakeSuite(folder, "--port-base", str(base), *arguments, **environ)


class RealSuite(FakeSuite):
    """`seda up` of the real suite."""

    module = "ops.cli"


def alive(pids: list[int]) -> list[int]:
    """Return those of the processes that still run."""
    return [pid for pid in pids if start_time(pid) is not None]


def taken(base: int) -> list[int]:
    """Return the ports of a suite that are in use."""
    return [port for port in Ports(base).used((*SUITE, CONSOLE), postgres=True) if not is_free(port)]


def reaper_of(owner: int) -> int:
    """Return the process that ends the owner's children if it dies."""
    return next(
        each.pid for each in psutil.Process(owner).children() if "reaper.py" in " ".join(each.cmdline())
    )


def crash_until_down(running: FakeSuite, name: str) -> None:
    """Kill a process each time that it is started, until it isn't any more."""
    pid = 0
    for told in (
        "again in 0.5 s",
        "again in 1.0 s",
        "again in 2.0 s",
        "4 times within a minute and stays down",
    ):
        pid = _next_pid(running, name, pid)
        os.kill(pid, signal.SIGKILL)
        until(lambda said=told: any(name in line and said in line for line in running.err))  # type: ignore[misc] # a bound default


def _next_pid(running: FakeSuite, name: str, known: int) -> int:
    return until(lambda: pid if (pid := running.pids()[name]) != known else 0)
