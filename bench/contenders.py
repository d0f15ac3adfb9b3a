"""Contenders of a scenario, and their calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.http2 import PreparedCall, message
from bench.processes import Server
from bench.runner import Contender
from bench.testbed import Testbed, token

OURS, OURS_UNCACHED, OURS_TWICE, RAW, RAW_TWICE, PRISMA = (
    "chat",
    "chat, no page cache",
    "chat, 2 replicas",
    "node-postgres",
    "node-postgres, 2 workers",
    "Prisma",
)
TOKENS = 200


def our_contender(
    testbed: Testbed,
    name: str,
    replicas: Sequence[Server],
    path: str,
    samples: Sequence[PreparedCall],
    read: Callable[[bytes], object],
) -> Contender:
    """A contender of chat, with users as its resolver."""
    return Contender(name, replicas, [testbed.users], path, samples, read)


def baseline_contenders(
    testbed: Testbed,
    path: str,
    samples: Sequence[PreparedCall],
    read: Callable[[bytes], object],
    *,
    pair: bool,
) -> list[Contender]:
    """The Node servers that are there; with `pair` also two of them."""
    named = [(RAW, testbed.raw), (RAW_TWICE, testbed.raw_pair if pair else None), (PRISMA, testbed.prisma)]
    return [
        Contender(name, [server], [], path, samples, read) for name, server in named if server is not None
    ]


def prepared_call(request: Any, email: str | None, expected: object) -> PreparedCall:
    """A request of the user with this address, or of nobody, with its expected reply."""
    headers = token(email) if email else b""
    return PreparedCall(message(request.SerializeToString()), headers, None, expected)
