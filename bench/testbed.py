"""The environment of a measurement: both databases, Seda's services, the baselines, and the expected replies."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.baseline_contract import BaselineContract
from bench.baseline_servers import (
    Baseline,
    MissingBaselineError,
    build_go,
    build_tinode,
    install_node,
    running,
    tinode,
)
from bench.cluster import SETTINGS
from bench.dataset import Databases
from bench.http2 import bearer
from bench.oracle import Oracle
from bench.overhead import server as empty_server
from bench.processes import PROJECT, SECRET, Server, service
from ops.dev_tokens import development_token

# A few users generate the load of many: each writes far more than a person does.
RAISED_LIMITS = {
    f"SEDA_{kind}_{limit}": "1000000"
    for kind in ("SEND", "ROOM", "ROOM_WRITE", "ARTIST_SEARCH", "WATCH")
    for limit in ("RATE_PER_SECOND", "BURST")
} | {"SEDA_MAX_CALLS_PER_USER": "1000000", "SEDA_MAX_QUEUE_WAIT_MS": "10000"}
RAW, PRISMA, GO = "node-postgres", "Prisma", "Go"
SEDA, SEDA_NATIVE, SEDA_BEFORE = "seda", "seda-native", "seda, before"


@dataclass(frozen=True, slots=True)
class Side:
    """Seda on a transport, of the sources in a folder."""

    transport: str
    tree: Path = PROJECT


class Testbed:
    """The servers, each started when a scenario first asks for it, and all stopped in the end.

    `sides` are Seda's, by the names of their contenders.
    """

    def __init__(
        self,
        work: Path,
        databases: Databases,
        log: Callable[[str], None],
        stack: ExitStack,
        *,
        baselines: bool,
        before: Path | None,
    ) -> None:
        self.sides = {SEDA: Side("grpc"), SEDA_NATIVE: Side("native")}
        if before is not None:
            self.sides[SEDA_BEFORE] = Side("grpc", before)
        self.oracle = Oracle(databases)
        self._databases = databases
        self._logs = work / "log"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._stack = stack
        self._servers: dict[str, Server] = {}
        self._work, self._log, self._with_baselines = work, log, baselines

    @property
    def limits(self) -> list[str]:
        """The settings that differ from production's, for the table."""
        return [
            *(f"{name}={value}" for name, value in RAISED_LIMITS.items()),
            *(f"PostgreSQL {name}={value}" for name, value in SETTINGS.items()),
        ]

    def users(self, side: str, *, cache: bool = True) -> Server:
        """Users; without `cache` it reads at every search."""
        settings = {} if cache else {"SEDA_ARTIST_SEARCH_CACHE_MS": "0"}
        return self._service("users", side, "" if cache else " without cache", settings)

    def chat(self, side: str, replica: int = 1, *, cache: bool = True) -> Server:
        """A replica of chat; without `cache` it has no page cache."""
        settings = {"SEDA_USERS_TARGET": self.users(side).address}
        if not cache:
            settings["SEDA_PAGE_CACHE_MIB"] = "0"
        return self._service("chat", side, f" {replica}" if cache else " without cache", settings)

    def tracks(self, side: str) -> Server:
        """Tracks."""
        settings = {"SEDA_USERS_TARGET": self.users(side).address}
        return self._service("tracks", side, "", settings)

    def gateway(self, side: str) -> Server:
        """The gateway in front of users, tracks and the first replica of chat."""
        targets = {
            "SEDA_USERS_TARGET": self.users(side).address,
            "SEDA_CHAT_TARGET": self.chat(side).address,
            "SEDA_TRACKS_TARGET": self.tracks(side).address,
        }
        return self._service("gateway", side, "", targets)

    def probe(self, kind: str) -> Server:
        """A server of bench.servers."""
        return self._server(kind, lambda: _probe(kind))

    def baseline(self, name: str, workers: int = 1) -> Server | None:
        """A baseline with so many processes; None where it can't be had."""
        found = self._baselines.get(name)
        if found is None:
            return None
        settings = {"WORKERS": str(workers)}
        return self._server(
            f"{name} {workers}", lambda: running(found, self._databases.theirs, self._logs, settings)
        )

    @functools.cached_property
    def tinode(self) -> Server | None:
        """Tinode's server; None where it can't be had. It is built when it is first asked for."""
        if not self._with_baselines:
            return None
        try:
            folder = build_tinode(self._work, self._log)
        except MissingBaselineError as error:
            self._log(f"No Tinode: {error}")
            return None
        return self._stack.enter_context(tinode(folder, self._databases.theirs, self._logs))

    @functools.cached_property
    def _baselines(self) -> dict[str, Baseline]:
        return _baselines(self._work, self._log) if self._with_baselines else {}

    def _service(self, name: str, side: str, instance: str, settings: Mapping[str, str]) -> Server:
        transport, tree = self.sides[side].transport, self.sides[side].tree
        instance = f" {side}{instance}"
        settings = {**RAISED_LIMITS, "SEDA_TRANSPORT": transport, **settings}
        return self._server(
            name + instance,
            lambda: service(name, self._databases.ours, self._logs, settings, instance, tree),
        )

    def _server(self, name: str, start: Callable[[], AbstractContextManager[Server]]) -> Server:
        if name not in self._servers:
            self._servers[name] = self._stack.enter_context(start())
        return self._servers[name]


@contextmanager
def testbed(
    work: Path,
    databases: Databases,
    log: Callable[[str], None],
    *,
    baselines: bool,
    before: Path | None,
) -> Iterator[Testbed]:
    """A testbed without servers; their logs will go below `work`."""
    with ExitStack() as stack:
        yield Testbed(work, databases, log, stack, baselines=baselines, before=before)


@contextmanager
def _probe(kind: str) -> Iterator[Server]:
    with empty_server(kind) as (pid, address):
        yield Server(kind, pid, address)


def _baselines(work: Path, log: Callable[[str], None]) -> dict[str, Baseline]:
    """Those that can be had; a line for each other one."""
    found = {}
    try:
        folder = install_node(work, log)
        found[RAW] = Baseline("server-raw", ["node", "server-raw.mjs"], folder)
        found[PRISMA] = Baseline("server", ["node", "server.mjs"], folder)
    except MissingBaselineError as error:
        log(f"No Node baselines: {error}")
    try:
        folder = build_go(work, log)
        found[GO] = Baseline("go", [str(folder / "server")], folder)
    except MissingBaselineError as error:
        log(f"No Go baseline: {error}")
    return found


@functools.cache
def contract() -> BaselineContract:
    """The baselines' messages."""
    return BaselineContract()


@functools.cache
def token(address: str) -> bytes:
    """The header of a user's token."""
    return bearer(development_token(SECRET.encode(), address))
