"""Everything a measurement stands on: both databases, our services, the peers, and what the replies have to say."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.baseline_contract import PeerContract
from bench.cluster import SETTINGS
from bench.dataset import Databases
from bench.http2 import bearer
from bench.oracle import Truth
from bench.overhead import server as empty_server
from bench.processes import SECRET, Server, install_peers, node_peer, service
from ops.dev_tokens import development_token

EMPTY_SERVERS = {"an empty call of grpc.aio": "bare_uv", "an empty call of servicekit": "kit"}
# One user writes far more than people do, and makes rooms for it, so that few users make the load of many.
RAISED = {f"SEDA_{kind}_{limit}": "1000000" for kind in ("SEND", "ROOM") for limit in ("RATE", "BURST")}


@dataclass(frozen=True, slots=True)
class Stand:
    """The running servers. The peers are None where Node is missing.

    `keepless` is chat without kept pages; the servers of `empty` answer a method that does nothing.
    """

    truth: Truth
    users: Server
    chats: list[Server]
    keepless: Server
    empty: dict[str, Server]
    raw: Server | None
    raw_pair: Server | None
    prisma: Server | None

    @property
    def limits(self) -> list[str]:
        """What was set otherwise than a production process has it, for the table."""
        return [
            *(f"{name}={value}" for name, value in RAISED.items()),
            *(f"PostgreSQL {name}={value}" for name, value in SETTINGS.items()),
        ]


@contextmanager
def stand(work: Path, databases: Databases, say: Callable[[str], None], *, peers: bool) -> Iterator[Stand]:
    """Start all servers; their logs go below `work`."""
    logs = work / "log"
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        users = stack.enter_context(service("users", databases.ours, logs, RAISED))
        settings = {**RAISED, "SEDA_USERS_TARGET": users.address}
        chats = [
            stack.enter_context(service("chat", databases.ours, logs, settings, instance=f" {number}"))
            for number in (1, 2)
        ]
        made_anew = {**settings, "SEDA_KEPT_PAGES_MIB": "0"}
        keepless = stack.enter_context(service("chat", databases.ours, logs, made_anew, instance=" 3"))
        empty = {
            name: Server(name, *stack.enter_context(empty_server(kind)))
            for name, kind in EMPTY_SERVERS.items()
        }
        folder = install_peers(work, say) if peers else None

        def peer(script: str, **given: str) -> Server | None:
            if folder is None:
                return None
            return stack.enter_context(node_peer(script, folder, databases.theirs, logs, given))

        yield Stand(
            truth=Truth(databases),
            users=users,
            chats=chats,
            keepless=keepless,
            empty=empty,
            raw=peer("server-raw.mjs"),
            raw_pair=peer("server-raw.mjs", WORKERS="2"),
            prisma=peer("server.mjs"),
        )


@functools.cache
def contract() -> PeerContract:
    """The peers' messages."""
    return PeerContract()


@functools.cache
def token(address: str) -> bytes:
    """The header of a user's token."""
    return bearer(development_token(SECRET.encode(), address))
