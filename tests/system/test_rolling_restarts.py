"""Rolling restarts of two replicas of chat under a steady load of reads and sends: no call fails."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import grpc
import pytest

from seda.chat.v1 import message_service_pb2, room_service_pb2
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest, GetRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from sedaclient.channels import open_channel
from servicekit.methods import Method, methods_of
from tests.postgres import Database
from tests.services.running import user
from tests.system.support.load import Load
from tests.system.support.processes import RealProcess, real_suite

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(400)]
RESTARTS = 5
"""Of each replica."""
LEAST_RATE = 300.0
"""Calls a second that must be achieved over the whole test, for it to mean anything."""
_AIMED_RATE = 380.0
_SHARE = 0.6
_CALLERS = 16
_SECONDS = 5.0
_CALIBRATION_SECONDS = 1.5
_CALM_SECONDS = 0.2
_SEND_RATE = 40.0
_METHODS = [
    method
    for file, service in ((room_service_pb2, "RoomService"), (message_service_pb2, "MessageService"))
    for method in methods_of(file.DESCRIPTOR.services_by_name[service])
]


class RoomReads:
    """GetRoom, `rate` times a second, until the end of the block; as often as possible without a rate."""

    def __init__(self, channel: grpc.aio.Channel, room_id: str, rate: float | None = None) -> None:
        self.calls = 0
        self.failures: Counter[str] = Counter()
        self.seconds = 0.0
        self._get_room = RoomServiceStub(channel).GetRoom
        self._request = GetRoomRequest(room_id=room_id)
        self._period = _CALLERS / rate if rate else 0.0
        self._ending = False
        self._tasks: list[asyncio.Task[None]] = []
        self._began = 0.0

    async def __aenter__(self) -> Self:
        self._began = time.monotonic()
        self._tasks = [asyncio.create_task(self._call()) for _ in range(_CALLERS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending = True
        await asyncio.gather(*self._tasks)
        self.seconds = time.monotonic() - self._began

    @property
    def rate(self) -> float:
        """Answered calls a second, over the whole block."""
        return (self.calls - self.failures.total()) / self.seconds

    async def _call(self) -> None:
        due = time.monotonic()
        metadata = user("reader@example.org")
        while not self._ending:
            self.calls += 1
            try:
                await self._get_room(self._request, metadata=metadata, timeout=_SECONDS)
            except grpc.aio.AioRpcError as error:
                self.failures[f"{error.code().name} {error.details()}"] += 1
            due += self._period
            # The pause is the rate; who is late catches up.
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def new_room(channel: grpc.aio.Channel) -> str:
    created = await RoomServiceStub(channel).CreateRoom(
        CreateRoomRequest(room=Room(name="A room")),
        metadata=user("reader@example.org"),
        timeout=_SECONDS,
        wait_for_ready=True,
    )
    return created.room.id


async def demanded_rate(channel: grpc.aio.Channel, room_id: str) -> float:
    """The rate that is worth a verdict: less on a machine that can't serve it while a process starts beside it."""
    async with RoomReads(channel, room_id) as load:
        # The measurement lasts so long.
        await asyncio.sleep(_CALIBRATION_SECONDS)
    assert not load.failures, load.failures
    return min(LEAST_RATE, load.rate * _SHARE)


async def restart(leaving: RealProcess) -> None:
    """Tell a replica to leave, start it again, and wait until the load has found it."""
    leaving.terminate()
    assert await leaving.ended() == 0
    leaving.launch()
    # Before the client has found it again the other one must not leave.
    await leaving.logged("RoomService.GetRoom")
    # A little of the load on both.
    await asyncio.sleep(_CALM_SECONDS)


async def restarted(
    folder: Path, database: Database, methods: Iterable[Method], drain_seconds: float, *, until_failure: bool
) -> tuple[RoomReads, float, Load]:
    """Restart both replicas in turn under load; return the load and the rate that it had to have."""
    with real_suite(folder, database.environ) as suite:
        chats = await suite.add_chat(SEDA_DRAIN_SECONDS=str(drain_seconds))
        async with open_channel(",".join(each.address for each in chats), methods) as channel:
            room_id = await new_room(channel)
            demanded = await demanded_rate(channel, room_id)
            sends = Load(channel, rooms=2, authors=2, rate=_SEND_RATE)
            async with sends, RoomReads(channel, room_id, _AIMED_RATE) as load:
                for leaving in chats * RESTARTS:
                    await restart(leaving)
                    if until_failure and load.failures:
                        break
    return load, demanded, sends


async def test_rolling_restarts_under_load_lose_no_call(
    tmp_path: Path, fresh_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    load, demanded, sends = await restarted(tmp_path, fresh_database, _METHODS, 1.0, until_failure=False)
    assert load.rate >= demanded, f"void: only {load.rate:.0f} calls/s were answered, not {demanded:.0f}"
    if load.rate < LEAST_RATE:
        with capsys.disabled():
            told = (
                f"{load.rate:.0f} calls/s instead of {LEAST_RATE:.0f}: this machine is too slow or too busy"
            )
            sys.stdout.write(f"\n{told}\n")
    assert not load.failures, f"{load.failures} of {load.calls} calls"
    # The drain wait covers sends without a request id, which nothing retries.
    assert not sends.ledger.failures
    assert sends.ledger.acknowledged > RESTARTS


async def test_leaving_at_once_without_retries_would_be_found(
    tmp_path: Path, fresh_database: Database
) -> None:
    load, *_ = await restarted(tmp_path, fresh_database, (), 0.0, until_failure=True)
    assert load.failures, f"void: {load.calls} calls, and none failed"
