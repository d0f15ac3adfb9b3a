"""The environment of a measurement: both databases, Seda's services, the baselines, and the expected replies."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.baseline_contract import BaselineContract
from bench.cluster import SETTINGS
from bench.dataset import Databases
from bench.http2 import bearer
from bench.oracle import Oracle
from bench.overhead import server as empty_server
from bench.processes import SECRET, Server, install_baselines, node_baseline, service
from ops.dev_tokens import development_token

EMPTY_SERVERS = {"an empty call of grpc.aio": "bare_uv", "an empty call of servicekit": "kit"}
FAN_OUT_SERVERS = {"grpc.aio, a write each": "fan_out", "grpc.aio, joined writes": "fan_out_joined"}
# A few users generate the load of many: each writes far more than a person does.
RAISED_LIMITS = {
    f"SEDA_{kind}_{limit}": "1000000"
    for kind in ("SEND", "ROOM", "ROOM_WRITE", "ARTIST_SEARCH", "WATCH")
    for limit in ("RATE_PER_SECOND", "BURST")
} | {"SEDA_MAX_CALLS_PER_USER": "1000000", "SEDA_MAX_QUEUE_WAIT_MS": "10000"}


@dataclass(frozen=True, slots=True)
class Testbed:
    """The running servers. The baselines are None where Node is missing.

    `chat_without_cache` is chat without a page cache, `users_without_cache` users that read at every search; the servers of `empty` answer a method that does nothing,
    those of `fan_out` hand messages to streams.
    """

    oracle: Oracle
    users: Server
    users_without_cache: Server
    chats: list[Server]
    chat_without_cache: Server
    empty: dict[str, Server]
    fan_out: dict[str, Server]
    raw: Server | None
    raw_pair: Server | None
    prisma: Server | None

    @property
    def limits(self) -> list[str]:
        """The settings that differ from production's, for the table."""
        return [
            *(f"{name}={value}" for name, value in RAISED_LIMITS.items()),
            *(f"PostgreSQL {name}={value}" for name, value in SETTINGS.items()),
        ]


@contextmanager
def testbed(
    work: Path, databases: Databases, log: Callable[[str], None], *, baselines: bool
) -> Iterator[Testbed]:
    """Start all servers; their logs go below `work`."""
    logs = work / "log"
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        users = stack.enter_context(service("users", databases.ours, logs, RAISED_LIMITS))
        unreused = {**RAISED_LIMITS, "SEDA_ARTIST_SEARCH_CACHE_MS": "0"}
        users_without_cache = stack.enter_context(
            service("users", databases.ours, logs, unreused, instance=" 2")
        )
        settings = {**RAISED_LIMITS, "SEDA_USERS_TARGET": users.address}
        chats = [
            stack.enter_context(service("chat", databases.ours, logs, settings, instance=f" {number}"))
            for number in (1, 2)
        ]
        uncached = {**settings, "SEDA_PAGE_CACHE_MIB": "0"}
        chat_without_cache = stack.enter_context(
            service("chat", databases.ours, logs, uncached, instance=" 3")
        )
        empty, fan_out = (
            {name: Server(name, *stack.enter_context(empty_server(kind))) for name, kind in kinds.items()}
            for kinds in (EMPTY_SERVERS, FAN_OUT_SERVERS)
        )
        folder = install_baselines(work, log) if baselines else None

        def baseline(script: str, **given: str) -> Server | None:
            if folder is None:
                return None
            return stack.enter_context(node_baseline(script, folder, databases.theirs, logs, given))

        yield Testbed(
            oracle=Oracle(databases),
            users=users,
            users_without_cache=users_without_cache,
            chats=chats,
            chat_without_cache=chat_without_cache,
            empty=empty,
            fan_out=fan_out,
            raw=baseline("server-raw.mjs"),
            raw_pair=baseline("server-raw.mjs", WORKERS="2"),
            prisma=baseline("server.mjs"),
        )


@functools.cache
def contract() -> BaselineContract:
    """The baselines' messages."""
    return BaselineContract()


@functools.cache
def token(address: str) -> bytes:
    """The header of a user's token."""
    return bearer(development_token(SECRET.encode(), address))
