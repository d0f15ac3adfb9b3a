"""A program that shows rooms, written with the client: pages, then what its watch yields.

    viewer = Viewer(seda)
    async with viewer.watching():
        await viewer.until(room_id, read_from_the_tables, 20.0)

A room's pages are read beside its changes, until they are of the stream's copy of the database and not older than the
room's state in the stream, as `docs/live.md` asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from seda.chat.v1.live_service_pb2 import CaughtUp, Change
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import ListMessagesRequest
from sedaclient import AsyncSeda, AsyncWatch, Entered, Positions, Reset, SedaError, paginate

_PAUSE_SECONDS = 0.2
Shown = dict[str, tuple[int, str]]


@dataclass
class ShownRoom:
    """One room, entered at a rev. `posted` counts the changes of each message; `changes` wait while pages are read."""

    messages: dict[str, Message] = field(default_factory=dict)
    posted: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    entered: int = 0
    resets: int = 0
    loading: asyncio.Task[None] | None = None

    @property
    def shown(self) -> Shown:
        """The seq and text of each message."""
        return {each.id: (each.seq, each.text) for each in self.messages.values()}

    def take(self, change: Change) -> None:
        """Take a change that comes after the pages, or wait for these."""
        if change.HasField("message"):
            self.posted[change.message.message.id] += 1
        self.changes.append(change)
        if self.loading is None:
            self.apply()

    def apply(self) -> None:
        """Show what waits."""
        for each in self.changes:
            if each.HasField("message"):
                self.messages[each.message.message.id] = each.message.message
        self.changes.clear()


class Viewer:
    """Shows all rooms of the client's user or, with `positions`, goes on with rooms as they were there."""

    def __init__(
        self,
        seda: AsyncSeda,
        rooms: Mapping[str, ShownRoom] | None = None,
        positions: Positions | None = None,
    ) -> None:
        self.rooms = dict(rooms or {})
        self.caught_up = asyncio.Event()
        self.longest_pause = 0.0
        self._seda, self._stored = seda, positions
        self._live: AsyncWatch
        self._moved = asyncio.Event()

    @property
    def positions(self) -> Positions:
        """Up to where the rooms are known."""
        return self._live.positions

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch until the block ends; an error of the client fails it."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._run(group))
            try:
                yield
            finally:
                for each in (task, *(room.loading for room in self.rooms.values())):
                    if each is not None:
                        each.cancel()

    async def until(self, room_id: str, read: Callable[[], Awaitable[Shown]], timeout: float) -> None:
        """Wait until a room is shown as the tables have it, which are read at each change; fails with what differs."""
        room = self.rooms[room_id]
        wanted: Shown = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while True:
                    self._moved.clear()
                    wanted = await read()
                    if room.loading is None and room.shown == wanted:
                        return
                    await self._moved.wait()
        shown = room.shown
        lacking = [wanted[each] for each in wanted.keys() - shown.keys()]
        extra = [shown[each] for each in shown.keys() - wanted.keys()]
        raise AssertionError(room_id, self.positions, room.loading, room.resets, lacking, extra)

    async def _run(self, group: asyncio.TaskGroup) -> None:
        heard = time.monotonic()
        watched = self._seda.watch(self.rooms, positions=self._stored, all_my_rooms=self._stored is None)
        async with watched as self._live:
            async for event in self._live:
                self.longest_pause = max(self.longest_pause, time.monotonic() - heard)
                heard = time.monotonic()
                match event:
                    case Entered() | Reset():
                        self._enter(event, group)
                    case Change():
                        self.rooms[event.room_id].take(event)
                    case CaughtUp():
                        self.caught_up.set()
                self._moved.set()

    def _enter(self, event: Entered | Reset, group: asyncio.TaskGroup) -> None:
        room = self.rooms.setdefault(event.room_id, ShownRoom())
        if room.loading is not None:
            room.loading.cancel()
        room.changes.clear()
        room.entered = event.rev
        room.resets += isinstance(event, Reset)
        room.loading = group.create_task(self._load(event.room_id, room, event.rev))

    async def _load(self, room_id: str, room: ShownRoom, rev: int) -> None:
        request = ListMessagesRequest(room_id=room_id, page_size=100)
        while True:
            with contextlib.suppress(SedaError):
                listing = paginate(self._seda.messages.ListMessages, request, items="messages")
                pages = [each async for each in listing.pages()]
                if pages[0].position.rev >= rev and {each.position.epoch for each in pages} == {
                    self.positions.epoch
                }:
                    break
            # A client's back-off.
            await asyncio.sleep(_PAUSE_SECONDS)
        room.messages = {each.id: each for page in pages for each in page.messages}
        room.changes = [each for each in room.changes if each.rev > pages[0].position.rev]
        room.loading = None
        room.apply()
        self._moved.set()
