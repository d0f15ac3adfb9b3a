"""The processes of the suite and the ports they take, counted from one base."""

from __future__ import annotations

import functools
import socket
from dataclasses import dataclass

DEFAULT_PORT_BASE = 7400
LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"
POSTGRES = "postgres"

_LOWEST_BASE, _HIGHEST_BASE = 1024, 65535 - 23
_POSTGRES_OFFSET = 5
_ADMIN_OFFSET = 10
_METRICS_OFFSET = 20


@functools.cache
def loopbacks() -> tuple[str, ...]:
    """Return the addresses to listen on: 127.0.0.1, and ::1 where this machine has it.

    Many clients take "localhost" for ::1 first.
    """
    try:
        with socket.create_server((LOOPBACK_6, 0), family=socket.AF_INET6):
            return (LOOPBACK, LOOPBACK_6)
    except OSError:
        return (LOOPBACK,)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process of the suite: `module` is run with `python -m`; `offset` is its place in the port ranges.

    One without gRPC serves HTTP on its one port.
    """

    name: str
    module: str
    offset: int
    grpc: bool = True


GATEWAY = ProcessSpec("gateway", "gateway", 0)
USERS = ProcessSpec("users", "services.users", 1)
CHAT = ProcessSpec("chat", "services.chat", 2)
TRACKS = ProcessSpec("tracks", "services.tracks", 3)
# In the order in which they are started; they are drained the other way round.
SUITE = (USERS, CHAT, TRACKS, GATEWAY)
# Started besides, where its packages are installed.
CONSOLE = ProcessSpec("console", "console", 8, grpc=False)


@dataclass(frozen=True, slots=True)
class Ports:
    """Every port of a suite whose first one is `base`."""

    base: int = DEFAULT_PORT_BASE

    @staticmethod
    def valid(base: int) -> bool:
        """Return whether all ports counted from `base` exist and need no privilege."""
        return _LOWEST_BASE <= base <= _HIGHEST_BASE

    @property
    def postgres(self) -> int:
        """The port of our own PostgreSQL."""
        return self.base + _POSTGRES_OFFSET

    def main(self, process: ProcessSpec) -> int:
        """The port on which the process serves its callers."""
        return self.base + process.offset

    def admin(self, process: ProcessSpec) -> int:
        """The port with health and reflection alone."""
        return self.base + _ADMIN_OFFSET + process.offset

    def metrics(self, process: ProcessSpec) -> int:
        """The HTTP port that Prometheus reads."""
        return self.base + _METRICS_OFFSET + process.offset

    def address(self, process: ProcessSpec) -> str:
        """Where the process is reached from this machine."""
        return f"{LOOPBACK}:{self.main(process)}"

    def used(self, processes: tuple[ProcessSpec, ...], *, postgres: bool) -> dict[int, str]:
        """Return every port taken, in order, with the name of its user."""
        named = {self.main(each): each.name for each in processes}
        if postgres:
            named[self.postgres] = POSTGRES
        with_grpc = [each for each in processes if each.grpc]
        named |= {self.admin(each): f"{each.name} admin" for each in with_grpc}
        named |= {self.metrics(each): f"{each.name} metrics" for each in with_grpc}
        return dict(sorted(named.items()))
