"""Watchers who check the promises of Watch while rooms change, and whose connections come and go."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import Any

import grpc

from seda.chat.v1 import live_service_pb2 as pb
from servicekit.rpc_status import UpstreamError
from tests.services.chat.chat_client import ChatClient
from tests.services.chat.live.traffic import AccessLog, Traffic, TrafficRoom
from tests.services.chat.live.watching import facts, load
from tests.services.running import user
from tests.support.live_client import LiveClient, LiveRoom


class Spectator(LiveClient):
    """A watcher that chooses another server for each stream, and names lost rooms again.

    A lost room is named with the rev up to which it is known, or without, to be loaded from pages. `deliveries` are the
    changes that came: room, rev and time, in seconds.
    """

    def __init__(
        self,
        email: str,
        stubs: Sequence[Any],
        client: ChatClient,
        *,
        all_my_rooms: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(stubs[seed % len(stubs)], lambda: user(email), all_my_rooms=all_my_rooms)
        self.email = email
        self.loads = 0
        self.losses = 0
        self.deliveries: list[tuple[str, int, float]] = []
        self.wanted: set[str] = set()
        self._stubs = stubs
        self._client = client
        self._random = random.Random(seed)
        self._known: dict[str, int | None] = {}
        self._highest: dict[tuple[str, str], int] = {}
        self.on_reset = self._load

    def request(self) -> pb.WatchRequest:
        """The next request; the one after it goes to another server."""
        self.stub = self._random.choice(self._stubs)
        for room_id in self.wanted - self.watched:
            if self._random.random() < 0.5:
                self.watch_room(
                    room_id, rev=self._known.get(room_id) if self._random.random() < 0.5 else None
                )
        return super().request()

    def name_again(self) -> None:
        """Name all wanted rooms in a new stream."""
        for room_id in self.wanted - self.watched:
            self.watch_room(room_id, rev=self._known.get(room_id))
        self.disconnect()

    async def take(self, frame: pb.Frame) -> None:
        """Take a frame; revs of a room never go back in one copy of the database."""
        if frame.HasField("change"):
            change = frame.change
            self.deliveries.append((change.room_id, change.rev, time.time()))
            assert change.rev > self._highest.get((self.epoch, change.room_id), 0)
            self._highest[self.epoch, change.room_id] = change.rev
        elif frame.HasField("room_state"):
            state = frame.room_state
            assert (
                state.rev >= self._highest.get((self.epoch, state.room_id), 0) or state.room_id in self._known
            )
        await super().take(frame)

    def _enter_epoch(self, epoch: str) -> None:
        if self.epoch not in {"", epoch}:
            self._known.clear()
        super()._enter_epoch(epoch)

    def _lose(self, room_id: str) -> None:
        room = self.rooms.get(room_id)
        if room is not None and room.rev is not None:
            self._known[room_id] = room.rev
            self.losses += 1
        super()._lose(room_id)

    async def _load(self, room_id: str, room: LiveRoom) -> None:
        """Fill a room from pages: what changed after its rev comes again."""
        try:
            found, _ = await load(self._client, self.email, room_id)
        except (UpstreamError, grpc.aio.AioRpcError):
            # Lost again, or the process is away: without a rev the next stream begins again.
            room.rev = None
            self._known.pop(room_id, None)
            self.watched.discard(room_id)
            self.disconnect()
            return
        self.loads += 1
        room.messages, room.members, room.pins = found.messages, found.members, found.pins
        room.room, room.member_count = found.room, found.member_count


class Audience:
    """The spectators of a traffic."""

    def __init__(
        self, traffic: Traffic, channels: Sequence[grpc.aio.Channel], stub: Any, seed: int = 2
    ) -> None:
        self.traffic = traffic
        self._stubs = [stub(each) for each in channels]
        self._random = random.Random(seed)
        self.spectators: list[Spectator] = []
        self.keepers: list[tuple[Spectator, TrafficRoom]] = []
        self.cuts = 0

    async def seat(self, count: int, rooms_each: int) -> None:
        """Seat spectators: owners, who see everything; writers, who come and go; others, who only watch."""
        traffic = self.traffic
        epoch = (await traffic.client.get_room(traffic.rooms[0].owner, traffic.rooms[0].id)).position.epoch
        for number in range(count):
            kind = number % 4
            if kind == 0:
                room = traffic.rooms[number // 4 % len(traffic.rooms)]
                spectator = self._seat(room.owner, number)
                self.keepers.append((spectator, room))
                chosen = [room]
            else:
                email = (
                    traffic.writers[number % len(traffic.writers)]
                    if kind < 3
                    else f"fan{number}-{epoch}@example.org"
                )
                spectator = self._seat(email, number, all_my_rooms=kind == 2)
                chosen = self._random.sample(traffic.rooms, min(rooms_each, len(traffic.rooms)))
            if kind != 2:
                spectator.wanted = {each.id for each in chosen}
                for each in chosen:
                    # From the beginning, or from pages.
                    spectator.watch_room(
                        each.id, epoch, 0 if kind == 0 or self._random.random() < 0.5 else None
                    )

    def _seat(self, email: str, seed: int, *, all_my_rooms: bool = False) -> Spectator:
        spectator = Spectator(email, self._stubs, self.traffic.client, all_my_rooms=all_my_rooms, seed=seed)
        self.spectators.append(spectator)
        return spectator

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Let all of them watch; an error of one fails the block."""
        async with AsyncExitStack() as stack:
            for each in self.spectators:
                await stack.enter_async_context(each.watching())
            yield

    @contextlib.asynccontextmanager
    async def cutting(self, pause: float) -> AsyncIterator[None]:
        """Cut a random stream every `pause` seconds."""

        async def cut() -> None:
            while True:
                # The pause is the rate.
                await asyncio.sleep(pause)
                self._random.choice(self.spectators).disconnect()
                self.cuts += 1

        task = asyncio.create_task(cut())
        try:
            yield
        finally:
            task.cancel()

    async def agree(self, seconds: float, *, again: bool) -> int:
        """Require that what each spectator knows becomes what the service says; return how many rooms were compared.

        `again`: lost rooms are named once more. Raises TimeoutError when a spectator stays behind.
        """
        traffic = self.traffic
        truth = {each.id: await load(traffic.client, each.owner, each.id) for each in traffic.rooms}
        if again:
            for each in self.spectators:
                each.name_again()
        ends, compared = time.monotonic() + seconds, 0
        for spectator in self.spectators:
            for room_id in await self._readable(spectator):
                live = spectator.rooms.get(room_id)
                if not again and (live is None or live.rev is None):
                    continue
                expected, _ = truth[room_id]
                assert expected.rev is not None
                try:
                    live = await spectator.until(room_id, expected.rev, max(0.0, ends - time.monotonic()))
                except TimeoutError:
                    known = spectator.rooms[room_id]
                    told = f"{spectator.email} knows {room_id} up to {known.rev} of {expected.rev}; lost {known.lost} times"
                    raise TimeoutError(told) from None
                differing = [key for key, value in facts(expected).items() if facts(live)[key] != value]
                assert not differing, (spectator.email, room_id, differing)
                compared += 1
        return compared

    async def _readable(self, spectator: Spectator) -> list[str]:
        """The rooms that a spectator has to know at the end."""
        found = []
        wanted = spectator.wanted or {
            each.room.id
            for each in (await self.traffic.client.call(spectator.email, "ListMyRooms", page_size=100)).rooms
        }
        for room_id in wanted:
            with contextlib.suppress(UpstreamError):
                await self.traffic.client.list_messages(spectator.email, room_id, page_size=1)
                found.append(room_id)
        return found

    async def saw_only_what_they_may(self) -> AccessLog:
        """Require that nobody saw a change while the room was lost, and that the log is the moderators'."""
        log = AccessLog(self.traffic.rooms)
        await log.read(self.traffic.admin)
        for each in self.spectators:
            user_id = await self.traffic.client.db.user_id(each.email)
            wrong = [seen for seen in each.deliveries if log.forbidden(user_id, *seen)]
            assert not wrong, (each.email, wrong[:5])
            if each.email.startswith("fan"):
                assert not any(room.log for room in each.rooms.values())
        for keeper, room in self.keepers:
            rows = await self.traffic.admin.fetch(
                "SELECT id::text FROM chat.moderation_logs WHERE room_id = $1::text::uuid ORDER BY rev",
                room.id,
            )
            assert keeper.rooms[room.id].log == [row["id"] for row in rows]
        return log
