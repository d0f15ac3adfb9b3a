"""Steady light traffic of the demo users through the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc.aio

from ops.errors import CliError
from ops.seed.content import EMOJIS
from ops.seed_data import PEOPLE
from ops.tokens import make_token
from seda.chat.v1 import (
    live_service_pb2,
    live_service_pb2_grpc,
    message_service_pb2,
    message_service_pb2_grpc,
    reaction_service_pb2,
    reaction_service_pb2_grpc,
    room_service_pb2,
    room_service_pb2_grpc,
)
from seda.gateway.v1 import gateway_service_pb2, gateway_service_pb2_grpc

if TYPE_CHECKING:
    from ops.console import Console

_CALL_SECONDS = 10.0
# More would queue up in front of a suite that is slow or away.
_MOST_IN_FLIGHT = 50
_WATCH_PAUSE_SECONDS = 1.0
# Before the hour of the tokens is over.
_TOKEN_REST_SECONDS = 3_000.0
_STATUS_SECONDS, _LINE_SECONDS = 0.5, 10.0
_TEXTS = (
    "Has anyone heard the new one?",
    "This one again, on repeat.",
    "Side B is better.",
    "Found it in a box of old tapes.",
    "Who made the cover?",
    "Turn it up.",
)


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` is in calls a second; `seconds` is how long, None: until a signal."""

    gateway: str
    rate: float
    seconds: float | None


@dataclass(slots=True)
class Counts:
    """What was done: calls that succeeded by kind, calls that failed by code; `skipped` had too many before them.

    `changes` are those that the streams of all users have brought.
    """

    sent: int = 0
    reactions: int = 0
    reads: int = 0
    changes: int = 0
    skipped: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def succeeded(self) -> int:
        """How many calls succeeded."""
        return self.sent + self.reactions + self.reads

    def __str__(self) -> str:
        """Return the counts as a line."""
        failed = "".join(f", {count} {code}" for code, count in sorted(self.failed.items()))
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.reads} reads, {self.sent} messages, {self.reactions} reactions, {self.changes} changes watched{failed}{skipped}"


async def run(load: Load, console: Console) -> Counts:
    """Make calls until the time is over, or SIGINT or SIGTERM comes; let those in flight end.

    Raises CliError DEMO_DATA_MISSING and SUITE_UNREACHABLE.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with grpc.aio.insecure_channel(load.gateway, options=(("grpc.enable_http_proxy", 0),)) as channel:
        traffic = _Traffic(channel, load)
        await traffic.find_rooms()
        background = [
            asyncio.create_task(_show_status(traffic.counts, load, console)),
            *(asyncio.create_task(traffic.watch(name)) for name in traffic.people),
        ]
        try:
            await _make_calls(traffic, load, stop)
        finally:
            for task in background:
                task.cancel()
            await asyncio.wait(background)
            if console.animated and not console.json:
                console.status_line("")
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
    return traffic.counts


async def _make_calls(traffic: _Traffic, load: Load, stop: asyncio.Event) -> None:
    began, calls = time.monotonic(), set[asyncio.Task[None]]()
    number = 0
    while load.seconds is None or number < load.seconds * load.rate:
        # By the clock, so that slow calls don't lower the rate.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), max(0.0, began + number / load.rate - time.monotonic()))
        if stop.is_set():
            break
        number += 1
        if len(calls) >= _MOST_IN_FLIGHT:
            traffic.counts.skipped += 1
            continue
        call = asyncio.create_task(traffic.call())
        calls.add(call)
        call.add_done_callback(calls.discard)
    await asyncio.gather(*calls)


async def _show_status(counts: Counts, load: Load, console: Console) -> None:
    moving = console.animated and not console.json
    before, at = 0, time.monotonic()
    while True:
        await asyncio.sleep(_STATUS_SECONDS if moving or console.json else _LINE_SECONDS)
        now = time.monotonic()
        rate, before, at = (counts.succeeded - before) / (now - at), counts.succeeded, now
        console.event("load", rate=round(rate, 1), counts=counts)
        if not console.json:
            (console.status_line if moving else console.message)(
                f"{rate:5.1f} of {load.rate:g} calls/s   {counts}"
            )


class _Traffic:
    """The calls, each of a demo user by chance."""

    def __init__(self, channel: grpc.aio.Channel, load: Load) -> None:
        self.counts = Counts()
        self._load = load
        self._chance = random.Random()  # noqa: S311 - traffic, no secret
        self._tokens: dict[str, str] = {}
        self._sign_at = 0.0
        self._rooms: dict[str, list[str]] = {}
        self._messages: dict[str, list[str]] = {}
        self._list_rooms = room_service_pb2_grpc.RoomServiceStub(channel).ListMyRooms
        self._send = message_service_pb2_grpc.MessageServiceStub(channel).SendMessage
        self._react = reaction_service_pb2_grpc.ReactionServiceStub(channel).AddReaction
        self._watch = live_service_pb2_grpc.LiveServiceStub(channel).Watch
        self._page = gateway_service_pb2_grpc.GatewayServiceStub(channel).GetRoomPage

    async def find_rooms(self) -> None:
        """Learn which rooms each user is in, and sign those in who are new."""
        for name in PEOPLE:
            try:
                listed = await self._list_rooms(
                    room_service_pb2.ListMyRoomsRequest(), timeout=_CALL_SECONDS, metadata=self._as(name)
                )
            except grpc.aio.AioRpcError as error:
                raise CliError(
                    "SUITE_UNREACHABLE",
                    f"The gateway at {self._load.gateway} does not answer.",
                    why=f"{error.code().name}: {error.details()}",
                    fix="Start it: seda up   Or: seda demo load --address HOST:PORT",
                ) from error
            self._rooms[name] = [each.room.id for each in listed.rooms]
        self._rooms = {name: rooms for name, rooms in self._rooms.items() if rooms}
        if not self._rooms:
            raise CliError(
                "DEMO_DATA_MISSING",
                "The demo users are in no room.",
                fix="Start a suite without --no-demo: seda up",
            )

    @property
    def people(self) -> list[str]:
        """The users who are in a room."""
        return list(self._rooms)

    async def watch(self, name: str) -> None:
        """Watch all rooms of a user until cancelled; a stream that ends is opened again."""
        request = live_service_pb2.WatchRequest(all_my_rooms=True)
        while True:
            try:
                async for response in self._watch(request, metadata=self._as(name)):
                    self.counts.changes += sum(each.HasField("change") for each in response.frames)
            except grpc.aio.AioRpcError as error:
                # A process that is drained ends its streams so.
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    self.counts.failed[error.code().name] += 1
            await asyncio.sleep(_WATCH_PAUSE_SECONDS)

    async def call(self) -> None:
        """Make one call and count it."""
        name = self._chance.choice(self.people)
        room = self._chance.choice(self._rooms[name])
        kinds: tuple[Callable[[str, str], Awaitable[None]], ...] = (
            *(self._read_page,) * 4,
            *(self._read_rooms,) * 2,
            *(self._send_message,) * 2,
            *(self._add_reaction,) * 2,
        )
        try:
            await self._chance.choice(kinds)(name, room)
        except grpc.aio.AioRpcError as error:
            self.counts.failed[error.code().name] += 1

    async def _read_page(self, name: str, room: str) -> None:
        request = gateway_service_pb2.GetRoomPageRequest(room_id=room, page_size=20)
        page = await self._page(request, timeout=_CALL_SECONDS, metadata=self._as(name))
        self._messages[room] = [each.id for each in page.messages if not each.HasField("delete_time")]
        self.counts.reads += 1

    async def _read_rooms(self, name: str, _room: str) -> None:
        request = room_service_pb2.ListMyRoomsRequest()
        await self._list_rooms(request, timeout=_CALL_SECONDS, metadata=self._as(name))
        self.counts.reads += 1

    async def _send_message(self, name: str, room: str) -> None:
        text = self._chance.choice(_TEXTS)
        request = message_service_pb2.SendMessageRequest(room_id=room, text=text)
        await self._send(request, timeout=_CALL_SECONDS, metadata=self._as(name))
        self.counts.sent += 1

    async def _add_reaction(self, name: str, room: str) -> None:
        known = self._messages.get(room)
        if not known:
            await self._read_page(name, room)
            return
        request = reaction_service_pb2.AddReactionRequest(
            room_id=room,
            message_id=self._chance.choice(known),
            emoji=self._chance.choice(EMOJIS),
        )
        await self._react(request, timeout=_CALL_SECONDS, metadata=self._as(name))
        self.counts.reactions += 1

    def _as(self, name: str) -> tuple[tuple[str, str], ...]:
        if time.monotonic() >= self._sign_at:
            self._sign_at = time.monotonic() + _TOKEN_REST_SECONDS
            self._tokens = {each: make_token(each, hours=1).token for each in PEOPLE}
        return (("authorization", f"Bearer {self._tokens[name]}"),)
