"""Steady light traffic of the demo users through the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.errors import CliError
from ops.seed.content import EMOJIS
from ops.seed_data import PEOPLE
from ops.tokens import make_token
from seda.chat.v1.live_service_pb2 import Change
from seda.chat.v1.message_service_pb2 import SendMessageRequest
from seda.chat.v1.reaction_service_pb2 import AddReactionRequest
from seda.chat.v1.room_service_pb2 import ListMyRoomsRequest
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest
from sedaclient import AsyncSeda, SedaError, TokenSource

if TYPE_CHECKING:
    from ops.console import Console

_CALL_SECONDS = 10.0
# More would queue up in front of a suite that is slow or away.
_MOST_IN_FLIGHT = 50
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
    async with contextlib.AsyncExitStack() as clients:
        users = {each: await clients.enter_async_context(_client(load.gateway, each)) for each in PEOPLE}
        traffic = _Traffic(users, load)
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


def _client(gateway: str, name: str) -> AsyncSeda:
    tokens = TokenSource(lambda: make_token(name, hours=1).token, _TOKEN_REST_SECONDS)
    return AsyncSeda(gateway, auth=tokens, plaintext=True)


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

    def __init__(self, users: Mapping[str, AsyncSeda], load: Load) -> None:
        self.counts = Counts()
        self._users, self._load = users, load
        self._chance = random.Random()  # noqa: S311 - traffic, no secret
        self._rooms: dict[str, list[str]] = {}
        self._messages: dict[str, list[str]] = {}

    async def find_rooms(self) -> None:
        """Learn which rooms each user is in, and sign those in who are new."""
        for name, seda in self._users.items():
            try:
                listed = await seda.rooms.ListMyRooms(
                    ListMyRoomsRequest(), timeout=_CALL_SECONDS, retry=False
                )
            except SedaError as error:
                raise CliError(
                    "SUITE_UNREACHABLE",
                    f"The gateway at {self._load.gateway} does not answer.",
                    why=str(error),
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
        """Watch all rooms of a user until cancelled."""
        try:
            async with self._users[name].watch(all_my_rooms=True) as live:
                async for event in live:
                    self.counts.changes += isinstance(event, Change)
        except SedaError as error:
            self.counts.failed[error.code.name] += 1

    async def call(self) -> None:
        """Make one call and count it."""
        name = self._chance.choice(self.people)
        room = self._chance.choice(self._rooms[name])
        kinds: tuple[Callable[[AsyncSeda, str], Awaitable[None]], ...] = (
            *(self._read_page,) * 4,
            *(self._read_rooms,) * 2,
            *(self._send_message,) * 2,
            *(self._add_reaction,) * 2,
        )
        try:
            await self._chance.choice(kinds)(self._users[name], room)
        except SedaError as error:
            self.counts.failed[error.code.name] += 1

    async def _read_page(self, seda: AsyncSeda, room: str) -> None:
        page = await seda.gateway.GetRoomPage(GetRoomPageRequest(room_id=room, page_size=20))
        self._messages[room] = [each.id for each in page.messages if not each.HasField("delete_time")]
        self.counts.reads += 1

    async def _read_rooms(self, seda: AsyncSeda, _room: str) -> None:
        await seda.rooms.ListMyRooms(ListMyRoomsRequest())
        self.counts.reads += 1

    async def _send_message(self, seda: AsyncSeda, room: str) -> None:
        await seda.messages.SendMessage(SendMessageRequest(room_id=room, text=self._chance.choice(_TEXTS)))
        self.counts.sent += 1

    async def _add_reaction(self, seda: AsyncSeda, room: str) -> None:
        known = self._messages.get(room)
        if not known:
            await self._read_page(seda, room)
            return
        message_id, emoji = self._chance.choice(known), self._chance.choice(EMOJIS)
        await seda.reactions.AddReaction(AddReactionRequest(room_id=room, message_id=message_id, emoji=emoji))
        self.counts.reactions += 1
