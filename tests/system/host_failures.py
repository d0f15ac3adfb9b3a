"""The suite on several hosts: one is cut off, the primary dies. Run by test_hosts.py on a network of its own.

Who sends and who watches has both gateways in its list, as a client in production has. The tests follow each other
on the same hosts: each begins and ends with everything running.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable

import grpc
import pytest

from seda.chat.v1 import live_service_pb2 as live
from seda.chat.v1 import membership_service_pb2, message_service_pb2, room_service_pb2
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import ListMessagesRequest
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from servicekit.methods import methods_of
from tests.services.running import user
from tests.support.live_client import LiveClient, LiveRoom
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


class Watcher(LiveClient):
    """A client that loads rooms from pages, and takes a stream that was silent for two heartbeats for dead."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(LiveServiceStub(channel), lambda: user(OWNER), all_my_rooms=True)
        self._list = MessageServiceStub(channel).ListMessages
        self.on_reset = self._load
        self.silences = 0
        self._heard = time.monotonic()

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """As the base class, and listens for silence."""
        listening = asyncio.create_task(self._listen())
        try:
            async with super().watching():
                yield
        finally:
            listening.cancel()

    async def take(self, frame: live.Frame) -> None:
        """As the base class."""
        self._heard = time.monotonic()
        await super().take(frame)

    async def _listen(self) -> None:
        while True:
            # Silence is what has to pass.
            await asyncio.sleep(HEARTBEAT_SECONDS / 2)
            if time.monotonic() > self._heard + 2 * HEARTBEAT_SECONDS + 1:
                self.silences += 1
                self._heard = time.monotonic()
                self.disconnect()

    async def _load(self, room_id: str, room: LiveRoom) -> None:
        """Fill a room from pages: what changed after its rev comes again."""
        found: dict[str, Message] = {}
        token: str | None = None
        while token != "":
            request = ListMessagesRequest(room_id=room_id, page_size=100, page_token=token or "")
            try:
                page = await self._list(request, metadata=user(OWNER), timeout=_SECONDS)
            except grpc.aio.AioRpcError:
                # A client's back-off.
                await asyncio.sleep(HEARTBEAT_SECONDS / 2)
                continue
            found |= {each.id: each for each in page.messages}
            token = page.next_page_token
            self._heard = time.monotonic()
        room.messages = found


def shown(room: LiveRoom) -> dict[str, tuple[int, str]]:
    """What a client shows of a room."""
    return {each.id: (each.seq, each.text) for each in room.messages.values()}


@pytest.fixture(scope="module")
async def center() -> AsyncIterator[DataCenter]:
    async with data_center() as made:
        yield made


@contextlib.asynccontextmanager
async def using(center: DataCenter) -> AsyncIterator[tuple[Load, list[Watcher]]]:
    """Authors who send, and watchers of all their rooms."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            channels = [await stack.enter_async_context(center.channel(METHODS)) for _ in range(5)]
            await asyncio.wait_for(channels[0].channel_ready(), 60)
            load = Load(channels[0], rooms=ROOMS, authors=3, rate=100)
            async with contextlib.AsyncExitStack() as sending:
                await sending.enter_async_context(load)
                watchers = [Watcher(each) for each in channels[1:]]
                for each in watchers:
                    await stack.enter_async_context(each.watching())
                    await asyncio.wait_for(each.caught_up.wait(), _SECONDS)
                yield load, watchers
        except BaseException:
            print(center.logs())  # noqa: T201 - what the outer test shows
            raise


async def enter(watchers: Iterable[Watcher], room_ids: Iterable[str], epoch: str) -> None:
    """Require that each watcher comes to another epoch and loads each room again."""
    room_ids = list(room_ids)
    ends = time.monotonic() + 2 * _SECONDS
    for each in watchers:
        while each.epoch != epoch or not all(each.rooms[room_id].reset for room_id in room_ids):
            known = [(each.rooms[room_id].rev, each.rooms[room_id].reset) for room_id in room_ids]
            assert time.monotonic() < ends, (
                each.epoch,
                epoch,
                known,
                each.errors,
                each.closings,
                each.silences,
            )
            # The client tells nobody of it.
            await asyncio.sleep(0.1)


async def stored(primary: Database, room_id: str) -> tuple[dict[str, tuple[int, str]], int]:
    """The messages of a room in the tables, and its last rev."""
    rows = await primary.rows(
        f"SELECT id::text, seq, coalesce(text, '') AS text FROM chat.messages WHERE room_id = '{room_id}'"
    )
    (counter,) = await primary.rows(f"SELECT last_rev FROM chat.room_counters WHERE room_id = '{room_id}'")
    return {row["id"]: (row["seq"], row["text"]) for row in rows}, counter["last_rev"]


async def broken_promises(primary: Database, load: Load) -> list[str]:
    """What of the ledger is not so in the tables."""
    rooms = ",".join(f"'{each}'" for each in load.room_ids)
    rows = await primary.rows(
        "SELECT room_id, seq, rev, id, type, text, request_id FROM chat.messages"
        f" WHERE room_id IN ({rooms}) ORDER BY room_id, seq"
    )
    counters = await primary.rows(
        f"SELECT room_id, last_seq, last_rev FROM chat.room_counters WHERE room_id IN ({rooms})"
    )
    assert len(counters) == ROOMS
    return faults(load.ledger, rows, counters)


def epochs(ledger: Ledger) -> list[str]:
    """The epochs that the acknowledgements named, in the order of the sends."""
    return list(dict.fromkeys(each.answer.position.epoch for each in ledger.entries if each.answer))


async def test_a_cut_host_costs_some_seconds_and_no_message(center: DataCenter) -> None:
    edge = center.hosts["edge2"]
    async with using(center) as (load, watchers):
        await load.acknowledged(_BEFORE, lambda: center.network.cut(edge))
        failed = -1
        async with asyncio.timeout(BOUND_SECONDS):
            while failed != load.ledger.failures.total():
                failed = load.ledger.failures.total()
                await load.acknowledged(_AFTER, lambda: None)
        assert failed > 0, "void: nobody noticed"
        assert sum(each.silences for each in watchers) > 0
        center.network.heal(edge)
    assert set(load.ledger.failures) <= TRANSIENT
    assert len(epochs(load.ledger)) == 1
    assert await broken_promises(center.primary, load) == []


async def test_a_synchronous_standby_has_all_that_was_acknowledged(center: DataCenter) -> None:
    standby = await center.add_standby(center.spare, synchronous=True)
    former = center.primary
    async with using(center) as (load, watchers):
        await load.acknowledged(_BEFORE, former.host.kill)
        await center.fail_over(standby)
        await load.acknowledged(_AFTER, lambda: None)
        await enter(watchers, load.room_ids, epochs(load.ledger)[-1])
    assert set(load.ledger.failures) <= TRANSIENT
    assert await broken_promises(standby, load) == []
    assert len(epochs(load.ledger)) == 2


async def test_what_an_asynchronous_standby_lost_is_another_epoch(center: DataCenter) -> None:
    standby = await center.add_standby(center.spare, synchronous=False)
    former = center.primary
    ignorant: dict[str, LiveRoom] = {}
    async with using(center) as (load, watchers):
        await load.acknowledged(_BEFORE, lambda: center.network.cut(standby.host))
        # Acknowledged by the primary alone.
        await load.acknowledged(_AFTER, former.host.kill)
        ignorant = {room_id: copied(room) for room_id, room in watchers[0].rooms.items()}
        center.network.heal(standby.host)
        await center.fail_over(standby)
        # Until the rooms have gone beyond the revs that were lost.
        await load.acknowledged(3 * _AFTER, lambda: None)
    lost = [each for each in await broken_promises(standby, load) if each.startswith("lost")]
    assert lost, "void: the standby had everything"
    former_epoch, present = epochs(load.ledger)
    told = {each.answer.message.id: each.answer.position.epoch for each in load.ledger.entries if each.answer}
    ids = {row["id"] for row in await standby.rows("SELECT id::text FROM chat.messages")}
    assert {told[each] for each in told if each not in ids} == {former_epoch}

    # The control: who does not compare epochs is told nothing, and stays wrong.
    control = LiveClient(LiveServiceStub(center.channel(METHODS)), lambda: user(OWNER))
    for room_id in load.room_ids:
        control.know_room(room_id, ignorant[room_id], present)
    async with control.watching():
        await asyncio.wait_for(control.caught_up.wait(), _SECONDS)
        differing = [
            room_id
            for room_id in load.room_ids
            if shown(control.rooms[room_id]) != (await stored(standby, room_id))[0]
        ]
        assert differing
        assert not any(room.reset for room in control.rooms.values())


def copied(room: LiveRoom) -> LiveRoom:
    """What a client knew of a room."""
    return LiveRoom(rev=room.rev, messages=dict(room.messages))
