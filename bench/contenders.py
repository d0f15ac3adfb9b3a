"""Contenders of a scenario, and their calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.dataset import uid
from bench.http2 import PreparedCall, message
from bench.oracle import Member
from bench.runner import Contender
from bench.testbed import GO, PRISMA, RAW, SEDA, SEDA_BEFORE, Testbed, token

RAW_TWICE = f"{RAW}, 2 workers"
# The contenders whose figures every other one's are divided by, where they are there.
REFERENCES = (RAW, GO, SEDA, SEDA_BEFORE)
# As many users make the calls, and as many rooms get them.
TOKENS = 200


def chat_contender(
    testbed: Testbed,
    name: str,
    path: str,
    samples: Sequence[PreparedCall],
    read: Callable[[bytes], object],
    replicas: int = 1,
) -> Contender:
    """Chat of the side of this name, with users as its resolver."""
    servers = [testbed.chat(name, replica) for replica in range(1, replicas + 1)]
    named = name if replicas == 1 else f"{name}, {replicas} replicas"
    return Contender(named, servers, [testbed.users(name)], path, samples, read)


def baseline_contenders(
    testbed: Testbed,
    path: str,
    samples: Sequence[PreparedCall],
    read: Callable[[bytes], object],
    *,
    pair: bool = False,
) -> list[Contender]:
    """The baselines that are there; with `pair` also two processes of the one that uses one core."""
    named = [
        (RAW, testbed.baseline(RAW)),
        (RAW_TWICE, testbed.baseline(RAW, workers=2) if pair else None),
        (GO, testbed.baseline(GO)),
        (PRISMA, testbed.baseline(PRISMA)),
    ]
    return [
        Contender(name, [server], [], path, samples, read) for name, server in named if server is not None
    ]


def prepared_call(request: Any, email: str | None, expected: object) -> PreparedCall:
    """A request of the user with this address, or of nobody, with its expected reply."""
    headers = token(email) if email else b""
    return PreparedCall(message(request.SerializeToString()), headers, None, expected)


def public_rooms() -> list[int]:
    """As many public rooms as there are tokens: every tenth of the dataset is private."""
    return [room for room in range(1, 2 * TOKENS) if room % 10][:TOKENS]


def one_member_each(testbed: Testbed, rooms: Sequence[int]) -> list[Member]:
    """A member for each of the rooms, no one twice."""
    members = testbed.oracle.members(sorted({str(uid("r", room)) for room in rooms}))
    taken: set[str] = set()
    callers = []
    for room in rooms:
        member = next(each for each in members[str(uid("r", room))] if each.user_id not in taken)
        taken.add(member.user_id)
        callers.append(member)
    return callers
