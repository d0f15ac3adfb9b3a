"""A steady load of sends into several rooms, with a ledger of what was sent and what was acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

import grpc

from seda.chat.v1.membership_service_pb2 import JoinRoomRequest
from seda.chat.v1.membership_service_pb2_grpc import MembershipServiceStub
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, SendMessageRequest, SendMessageResponse
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from tests.services.running import user

_CALL_SECONDS = 5.0
_RETRY_SECONDS = 0.02
_READ_PAUSE_SECONDS = 0.05
# What a call may end in whose server is killed. Everything else is a fault of the server.
TRANSIENT = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}
)


@dataclass(slots=True)
class Entry:
    """One send. `answer` is its acknowledgement; with a `request_id` it was repeated until it had one."""

    room_id: str
    text: str
    request_id: str
    answer: SendMessageResponse | None = None


@dataclass
class Ledger:
    """All sends and joins of a load. `failures` counts the codes of calls that failed."""

    entries: list[Entry] = field(default_factory=list)
    joins: Counter[str] = field(default_factory=Counter)
    failures: Counter[grpc.StatusCode] = field(default_factory=Counter)

    @property
    def acknowledged(self) -> int:
        """How many sends were acknowledged."""
        return sum(entry.answer is not None for entry in self.entries)


class Load:
    """Authors who send into every room, `rate` messages a second in all, until the end of the block.

    Each author has a request id on every second send and repeats that one until it is acknowledged.
    """

    def __init__(self, channel: grpc.aio.Channel, *, rooms: int, authors: int, rate: float) -> None:
        self.ledger = Ledger()
        self.room_ids: list[str] = []
        self.seconds = 0.0
        self._channel = channel
        self._send = MessageServiceStub(channel).SendMessage
        self._rooms, self._authors, self._period = rooms, authors, rooms * authors / rate
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = asyncio.Event()
        self._began = 0.0
        self._awaited: list[tuple[int, Callable[[], None]]] = []
        self._done = 0

    async def __aenter__(self) -> Self:
        room_service = RoomServiceStub(self._channel)
        for number in range(self._rooms):
            created = await room_service.CreateRoom(
                CreateRoomRequest(room=Room(name=f"Room {number}")),
                metadata=user("owner@example.org"),
                timeout=_CALL_SECONDS,
                wait_for_ready=True,
            )
            self.room_ids.append(created.room.id)
        emails = [f"author{number}@example.org" for number in range(self._authors)]
        await asyncio.gather(*(self.join_all(email) for email in emails))
        self._began = time.monotonic()
        self._tasks = [
            asyncio.create_task(self._author(room_id, email)) for room_id in self.room_ids for email in emails
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._began
        self._ending.set()
        # Who still repeats a send does so until it is acknowledged.
        await asyncio.gather(*self._tasks)

    @property
    def rate(self) -> float:
        """Acknowledged sends a second, over the whole block."""
        return self.ledger.acknowledged / self.seconds

    async def join_all(self, email: str) -> None:
        """Let a new user join every room, whatever happens to the servers meanwhile."""
        join = MembershipServiceStub(self._channel).JoinRoom
        for room_id in self.room_ids:
            await self._until_answered(join, JoinRoomRequest(room_id=room_id), email)
            self.ledger.joins[room_id] += 1

    async def acknowledged(self, more: int, then: Callable[[], None]) -> None:
        """Call `then` in the very moment in which so many more sends were acknowledged; return after it."""
        happened = asyncio.Event()

        def happen() -> None:
            then()
            happened.set()

        self._awaited.append((self._done + more, happen))
        await happened.wait()

    async def _author(self, room_id: str, email: str) -> None:
        due = time.monotonic()
        for number in itertools.count():
            # This pause is the rate; it ends early with the load.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), max(0.0, due - time.monotonic()))
            if self._ending.is_set():
                return
            due = max(due + self._period, time.monotonic())
            request_id = str(uuid4()) if number % 2 else ""
            entry = Entry(room_id, f"{email} {number} {uuid4()}", request_id)
            self.ledger.entries.append(entry)
            await self._one(entry, email)

    async def _one(self, entry: Entry, email: str) -> None:
        request = SendMessageRequest(room_id=entry.room_id, text=entry.text, request_id=entry.request_id)
        if entry.request_id:
            entry.answer = await self._until_answered(self._send, request, email)
        else:
            try:
                entry.answer = await self._send(request, metadata=user(email), timeout=_CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                self.ledger.failures[error.code()] += 1
                return
        self._done += 1
        while self._awaited and self._awaited[0][0] <= self._done:
            self._awaited.pop(0)[1]()

    async def _until_answered(self, method: Any, request: Any, email: str) -> Any:
        while True:
            try:
                return await method(request, metadata=user(email), timeout=_CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                self.ledger.failures[error.code()] += 1
                if error.code() not in TRANSIENT:
                    raise
                # A client's back-off.
                await asyncio.sleep(_RETRY_SECONDS)


class Readers:
    """Reads of every room, again and again until the end of the block. Only the channel repeats a call."""

    def __init__(self, channel: grpc.aio.Channel, room_ids: Sequence[str]) -> None:
        self.calls = 0
        self.failures: Counter[str] = Counter()
        self._list = MessageServiceStub(channel).ListMessages
        self._room_ids = room_ids
        self._ending = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._read(room_id)) for room_id in self._room_ids]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending.set()
        await asyncio.gather(*self._tasks)

    async def _read(self, room_id: str) -> None:
        request = ListMessagesRequest(room_id=room_id, page_size=5)
        while not self._ending.is_set():
            self.calls += 1
            try:
                await self._list(request, metadata=user("owner@example.org"), timeout=_CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                self.failures[f"{error.code().name} {error.details()}"] += 1
            # The pause is the rate.
            await asyncio.sleep(_READ_PAUSE_SECONDS)


def faults(ledger: Ledger, rows: Sequence[Any], counters: Sequence[Any]) -> list[str]:
    """Compare what was acknowledged with the tables; return every broken promise, none when all are kept.

    `rows` are all messages of the rooms by (room_id, seq): room_id, seq, rev, id, type, text, request_id.
    `counters` are room_id, last_seq, last_rev.
    """
    return [
        *_lost_or_changed(ledger, rows),
        *_written_twice(rows),
        *_misnumbered(rows, counters),
        *_joins_miscounted(ledger, rows),
    ]


def _lost_or_changed(ledger: Ledger, rows: Sequence[Any]) -> list[str]:
    by_id = {str(row["id"]): row for row in rows}
    found = []
    for entry in ledger.entries:
        if entry.answer is None:
            continue
        told = entry.answer.message
        row = by_id.pop(told.id, None)
        if row is None:
            found.append(f"lost, or told to two callers: {told.id} seq {told.seq}")
        elif (str(row["room_id"]), row["seq"], row["text"]) != (entry.room_id, told.seq, entry.text):
            found.append(f"changed: {told.id} was acknowledged as seq {told.seq} {entry.text!r}, is {row}")
    return found


def _written_twice(rows: Sequence[Any]) -> list[str]:
    texts = Counter(row["text"] for row in rows if row["text"] is not None)
    request_ids = Counter(row["request_id"] for row in rows if row["request_id"] is not None)
    return [f"written {count} times: {key}" for key, count in (texts + request_ids).items() if count > 1]


def _misnumbered(rows: Sequence[Any], counters: Sequence[Any]) -> list[str]:
    found = []
    for counter in counters:
        room = [row for row in rows if row["room_id"] == counter["room_id"]]
        if [row["seq"] for row in room] != list(range(1, counter["last_seq"] + 1)):
            found.append(f"gaps: {counter['room_id']} up to {counter['last_seq']}")
        revs = [row["rev"] for row in room]
        if revs != sorted(set(revs)) or (revs and revs[-1] > counter["last_rev"]):
            found.append(f"revs do not grow: {counter['room_id']}")
    return found


def _joins_miscounted(ledger: Ledger, rows: Sequence[Any]) -> list[str]:
    told = Counter(str(row["room_id"]) for row in rows if row["type"] == "SYSTEM")
    return [f"joins: {told} in the tables, {ledger.joins} made"] if told != ledger.joins else []
