"""The suite on several hosts: one is cut off, the primary dies. Run by test_hosts.py on a network of its own.

Who sends and who watches has both gateways in its list, as a client in production has. The tests follow each other
on the same hosts: each begins and ends with everything running.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from functools import partial

import pytest

from seda.chat.v1 import membership_service_pb2, message_service_pb2, room_service_pb2
from sedaclient import Positions
from servicekit.methods import methods_of
from tests.support.viewer import Shown, ShownRoom, Viewer
from tests.system.support.data_center import HEARTBEAT_SECONDS, Database, DataCenter, data_center
from tests.system.support.load import TRANSIENT, Ledger, Load, faults
from tests.system.support.network import is_inside

pytestmark = [
    pytest.mark.timeout(280),
    pytest.mark.skipif(not is_inside(), reason="test_hosts.py runs this"),
]
OWNER = "owner@example.org"
ROOMS = 4
METHODS = [
    method
    for file in (message_service_pb2, membership_service_pb2, room_service_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in methods_of(service)
]
_SECONDS = 20.0
_BEFORE, _AFTER = 100, 150
BOUND_SECONDS = 75.0
"""Five times the time after which a host that is cut off costs nobody a call: data that nobody confirms ends a connection
after ten seconds, and a call of before takes five."""


@pytest.fixture(scope="module")
async def center() -> AsyncIterator[DataCenter]:
    async with data_center() as made:
        yield made


@contextlib.asynccontextmanager
async def using(center: DataCenter) -> AsyncIterator[tuple[Load, list[Viewer]]]:
    """Authors who send, and viewers of all their rooms, who show what the tables have once the authors are done."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            channel = await stack.enter_async_context(center.channel(METHODS))
            await asyncio.wait_for(channel.channel_ready(), 60)
            load = Load(channel, rooms=ROOMS, authors=3, rate=100)
            async with load:
                viewers = [Viewer(await stack.enter_async_context(center.client(OWNER))) for _ in range(4)]
                for each in viewers:
                    await stack.enter_async_context(each.watching())
                    await asyncio.wait_for(each.caught_up.wait(), _SECONDS)
                yield load, viewers
            await agree(viewers, center.primary, load.room_ids)
        except BaseException:
            print(center.logs())  # noqa: T201 - what the outer test shows
            raise


async def agree(viewers: Iterable[Viewer], primary: Database, room_ids: Iterable[str]) -> None:
    """Require that each viewer comes to show what the tables have."""
    for room_id in room_ids:
        for each in viewers:
            # A send that nobody waits for any more may come late, from a host that was cut off.
            await each.until(room_id, partial(stored, primary, room_id), 2 * _SECONDS)


async def stored(primary: Database, room_id: str) -> Shown:
    """The messages of a room in the tables."""
    rows = await primary.rows(
        f"SELECT id::text, seq, coalesce(text, '') AS text FROM chat.messages WHERE room_id = '{room_id}'"
    )
    return {row["id"]: (row["seq"], row["text"]) for row in rows}


async def broken_promises(primary: Database, load: Load) -> list[str]:
    """What of the ledger is not so in the tables."""
    rooms = ",".join(f"'{each}'" for each in load.room_ids)
    # By one statement, as a late send may come between two.
    rows = await primary.rows(
        "SELECT m.room_id, m.seq, m.rev, m.id, m.type, m.text, m.request_id, c.last_seq, c.last_rev"
        f" FROM chat.messages m JOIN chat.room_counters c ON c.room_id = m.room_id WHERE m.room_id IN ({rooms})"
        " ORDER BY m.room_id, m.seq"
    )
    counters = list({row["room_id"]: row for row in rows}.values())
    assert len(counters) == ROOMS
    return faults(load.ledger, rows, counters)


def epochs(ledger: Ledger) -> list[str]:
    """The epochs that the acknowledgements named, in the order of the sends."""
    return list(dict.fromkeys(each.answer.position.epoch for each in ledger.entries if each.answer))


async def test_a_cut_host_costs_some_seconds_and_no_message(center: DataCenter) -> None:
    edge = center.hosts["edge2"]
    async with using(center) as (load, viewers):
        await load.acknowledged(_BEFORE, lambda: center.network.cut(edge))
        failed = -1
        async with asyncio.timeout(BOUND_SECONDS):
            while failed != load.ledger.failures.total():
                failed = load.ledger.failures.total()
                await load.acknowledged(_AFTER, lambda: None)
        assert failed > 0, "void: nobody noticed"
        assert max(each.longest_pause for each in viewers) >= 2 * HEARTBEAT_SECONDS
        center.network.heal(edge)
    assert set(load.ledger.failures) <= TRANSIENT
    assert len(epochs(load.ledger)) == 1
    assert await broken_promises(center.primary, load) == []


async def test_a_synchronous_standby_has_all_that_was_acknowledged(center: DataCenter) -> None:
    standby = await center.add_standby(center.spare, synchronous=True)
    former = center.primary
    async with using(center) as (load, viewers):
        await load.acknowledged(_BEFORE, former.host.kill)
        await center.fail_over(standby)
        await load.acknowledged(_AFTER, lambda: None)
    assert set(load.ledger.failures) <= TRANSIENT
    assert await broken_promises(standby, load) == []
    require_reset(load, viewers)


def require_reset(load: Load, viewers: Iterable[Viewer]) -> None:
    """Require that each viewer came to the second of two epochs, and was told of it for every room."""
    _, present = epochs(load.ledger)
    for each in viewers:
        assert each.positions.epoch == present
        assert all(each.rooms[room_id].resets for room_id in load.room_ids)


async def test_what_an_asynchronous_standby_lost_is_another_epoch(center: DataCenter) -> None:
    standby = await center.add_standby(center.spare, synchronous=False)
    former = center.primary
    async with using(center) as (load, viewers):
        await load.acknowledged(_BEFORE, lambda: center.network.cut(standby.host))
        # Acknowledged by the primary alone.
        await load.acknowledged(_AFTER, former.host.kill)
        ignorant = viewers[0].positions.revs
        known = {each: ShownRoom(dict(viewers[0].rooms[each].messages)) for each in load.room_ids}
        center.network.heal(standby.host)
        await center.fail_over(standby)
        # Until the rooms have gone beyond the revs that were lost.
        await load.acknowledged(3 * _AFTER, lambda: None)
    require_reset(load, viewers)
    lost = [each for each in await broken_promises(standby, load) if each.startswith("lost")]
    assert lost, "void: the standby had everything"
    former_epoch, present = epochs(load.ledger)
    told = {each.answer.message.id: each.answer.position.epoch for each in load.ledger.entries if each.answer}
    ids = {row["id"] for row in await standby.rows("SELECT id::text FROM chat.messages")}
    assert {told[each] for each in told if each not in ids} == {former_epoch}

    # The control: who does not compare epochs is told nothing, and stays wrong.
    async with center.client(OWNER) as seda:
        control = Viewer(seda, known, Positions(present, ignorant))
        async with control.watching():
            await asyncio.wait_for(control.caught_up.wait(), _SECONDS)
            wanted = {each: await stored(standby, each) for each in load.room_ids}
            assert any(control.rooms[each].shown != wanted[each] for each in load.room_ids)
            assert not any(room.resets for room in control.rooms.values())
