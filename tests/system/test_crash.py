"""What was acknowledged survives every crash of chat, once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from seda.chat.v1 import membership_service_pb2, message_service_pb2, room_service_pb2
from sedaclient.channels import open_channel
from servicekit.methods import methods_of
from tests.effort import tries
from tests.postgres import Database, administrator
from tests.system.support.load import TRANSIENT, Ledger, Load, faults
from tests.system.support.processes import RealProcess, RealSuite, real_suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOMS = 8
LEAST_RATE = 100.0
AIMED_RATE = 300.0
METHODS = [
    method
    for file in (message_service_pb2, membership_service_pb2, room_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in methods_of(service)
]
_MORE_CRASHES = 15
_CALM = 150
"""How many sends must be acknowledged after a restart before the next crash."""


async def crash_under_load(chats: list[RealProcess], crashes: int) -> Load:
    """Kill one replica and then the other while both are sent to; return the load after its end.

    On a fast machine a crash may find no call in flight: then there are some more.
    """
    target = ",".join(each.address for each in chats)
    # Repeats what the contract says may be repeated: not the sends, a half of which have no request id.
    async with open_channel(target, METHODS) as channel:
        load = Load(channel, rooms=ROOMS, authors=4, rate=AIMED_RATE)
        async with load:
            for number in range(crashes + _MORE_CRASHES):
                if number >= crashes and load.ledger.failures:
                    break
                victim = chats[number % len(chats)]
                # SYSTEM messages are numbered like all others, so joins go on through the crash.
                joining = asyncio.create_task(load.join_all(f"latecomer{number}@example.org"))
                await load.acknowledged(_CALM, victim.kill)
                victim.launch()
                await victim.serving()
                await joining
            await load.acknowledged(_CALM, lambda: None)
    return load


async def broken_promises(database: Database, ledger: Ledger) -> list[str]:
    async with administrator(database.server, database.name) as connection:
        rows = await connection.fetch(
            "SELECT room_id, seq, rev, id, type, text, request_id FROM chat.messages ORDER BY room_id, seq"
        )
        counters = await connection.fetch("SELECT room_id, last_seq, last_rev FROM chat.room_counters")
    assert len(counters) == ROOMS
    return faults(ledger, rows, counters)


@pytest.fixture
def suite(tmp_path: Path, fresh_database: Database) -> Iterator[RealSuite]:
    with real_suite(tmp_path, fresh_database.environ) as running:
        yield running


async def test_acknowledged_messages_survive_crashes(suite: RealSuite, fresh_database: Database) -> None:
    load = await crash_under_load(await suite.add_chat(), crashes=tries(2, 5))
    ledger = load.ledger
    assert load.rate >= LEAST_RATE, f"void: only {load.rate:.0f} sends/s were acknowledged"
    assert set(ledger.failures) <= TRANSIENT
    assert ledger.failures, "void: no call was hit by a crash"
    repeated = [entry for entry in ledger.entries if entry.request_id]
    assert abs(2 * len(repeated) - len(ledger.entries)) <= 4 * ROOMS
    assert all(entry.answer is not None for entry in repeated)
    assert await broken_promises(fresh_database, ledger) == []


async def test_acknowledging_before_the_commit_would_be_found(
    suite: RealSuite, fresh_database: Database
) -> None:
    chats = await suite.add_chat(module="tests.system.support.early_chat")
    load = await crash_under_load(chats, crashes=2)
    assert load.rate >= LEAST_RATE, f"void: only {load.rate:.0f} sends/s were acknowledged"
    found = await broken_promises(fresh_database, load.ledger)
    assert any(each.startswith("lost") for each in found), found
