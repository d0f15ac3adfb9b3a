"""Real processes of the suite without a supervisor, so that a test can kill and start each of them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from ops.topology import CHAT, LOOPBACK, SUITE, USERS, Ports, ProcessSpec
from tests.ops.support.fake_suite import PROJECT, free_base, until
from tests.services.running import JWT_SECRET, SERVICE_SECRET
from tests.support.transports import NATIVE
from tests.system.support.health import becomes, open_health

SECOND_CHAT = ProcessSpec("chat", "services.chat", 4)
SECOND_USERS = ProcessSpec("users", "services.users", 6)
"""Second replicas, on ports that no other process of the suite takes."""

# Five times what a process takes to serve on two busy cores.
START_SECONDS = 40.0
_END_SECONDS = 25.0
_LOG_LINES = 30


@dataclass
class RealProcess:
    """One process. `module` is what `python -m` runs, so a test may run a variant in its place."""

    process: ProcessSpec
    module: str
    base: int
    environ: Mapping[str, str]
    log: Path
    _handle: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _logged_before: int = field(default=0, init=False)

    @property
    def address(self) -> str:
        """Where it serves its callers."""
        return Ports(self.base).address(self.process)

    @property
    def admin_address(self) -> str:
        """Where it serves health and reflection alone."""
        return f"{LOOPBACK}:{Ports(self.base).admin(self.process)}"

    @property
    def pid(self) -> int:
        """Its process id; only while it was started."""
        assert self._handle is not None
        return self._handle.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._handle is not None and self._handle.poll() is None

    def launch(self) -> None:
        """Start it, on the ports it always had."""
        assert not self.running
        parent_fd = int(self.environ["SEDA_PARENT_FD"])
        with self.log.open("ab") as log:
            self._logged_before = log.tell()
            self._handle = subprocess.Popen(
                [sys.executable, "-P", "-m", self.module],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(parent_fd,),
                start_new_session=True,
            )

    async def serving(self, seconds: float = START_SECONDS) -> Self:
        """Wait until it is ready."""
        async with open_health(self.address) as health:
            served = await becomes(health, "SERVING", within=seconds, while_true=lambda: self.running)
            assert served, "\n".join(self.log.read_text().splitlines()[-_LOG_LINES:])
        return self

    async def logged(self, text: str) -> None:
        """Wait until its log has this text, written since it was started last."""

        def found() -> bool:
            with self.log.open("rb") as log:
                log.seek(self._logged_before)
                return text.encode() in log.read()

        await asyncio.to_thread(until, found, START_SECONDS)

    def kill(self) -> None:
        """Kill it with SIGKILL, at once."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._handle is not None
        self._handle.wait(_END_SECONDS)

    def terminate(self) -> None:
        """Ask it to leave."""
        os.kill(self.pid, signal.SIGTERM)

    async def ended(self) -> int:
        """Wait until it has left and return its exit status."""
        assert self._handle is not None
        return await asyncio.to_thread(self._handle.wait, _END_SECONDS)


class RealSuite:
    """Processes on one database and one port base. All of them end with the test, or with whoever runs it."""

    def __init__(self, folder: Path, base: int, database: Mapping[str, str], parent_fd: int) -> None:
        self._folder = folder
        self._base = base
        inherited = {
            name: each
            for name, each in os.environ.items()
            if not name.startswith(("SEDA_", "DATABASE_URL", "GRPC_"))
        }
        self._environ = {
            **inherited,
            **database,
            "PYTHONPATH": str(PROJECT),
            "SEDA_JWT_SECRET": JWT_SECRET,
            "SEDA_SERVICE_SECRET": SERVICE_SECRET,
            "SEDA_LOG_FORMAT": "json",
            # A few users make the load of many.
            **{
                f"SEDA_{kind}_{limit}": "100000"
                for kind in ("SEND", "ROOM", "JOIN")
                for limit in ("RATE_PER_SECOND", "BURST")
            },
            # The providers of invented tracks are left alone.
            "SEDA_MAX_CALLS_PER_USER": "100000",
            "SEDA_ENRICH": "0",
            "SEDA_PARENT_FD": str(parent_fd),
            **({"SEDA_TRANSPORT": "native"} if NATIVE else {}),
            **{f"SEDA_{each.name.upper()}_TARGET": Ports(base).address(each) for each in SUITE},
        }
        self.processes: list[RealProcess] = []

    def add(self, process: ProcessSpec, module: str | None = None, **environ: str) -> RealProcess:
        """Start a process, or a variant of it."""
        ports = Ports(self._base)
        added = RealProcess(
            process,
            module or process.module,
            self._base,
            {
                **self._environ,
                "SEDA_PORT": str(ports.main(process)),
                "SEDA_ADMIN_PORT": str(ports.admin(process)),
                "SEDA_METRICS_PORT": str(ports.metrics(process)),
                **environ,
            },
            self._folder / f"{process.name}{process.offset}.log",
        )
        self.processes.append(added)
        added.launch()
        return added

    async def add_chat(self, module: str | None = None, **environ: str) -> list[RealProcess]:
        """Start users and two replicas of chat, or of a variant of it; return these two once all serve."""
        users = self.add(USERS)
        unlimited = {"SEDA_SEND_RATE_PER_SECOND": "1000000", "SEDA_SEND_BURST": "1000000"}
        chats = [self.add(each, module, **{**unlimited, **environ}) for each in (CHAT, SECOND_CHAT)]
        await asyncio.gather(*(each.serving() for each in (users, *chats)))
        return chats

    def stop(self) -> None:
        """Kill what still runs."""
        for each in self.processes:
            if each.running:
                each.kill()


@contextmanager
def real_suite(folder: Path, database: Mapping[str, str]) -> Iterator[RealSuite]:
    """An empty suite with its log files in `folder`; `database` holds the variables that name the database."""
    parent_fd, own_end = os.pipe()
    try:
        with free_base() as base:
            suite = RealSuite(folder, base, database, parent_fd)
            try:
                yield suite
            finally:
                suite.stop()
    finally:
        os.close(own_end)
        os.close(parent_fd)
