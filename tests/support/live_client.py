"""A reference client of LiveService: keeps rooms up to date from a page and from what Watch sends.

    watcher = LiveClient(stub, metadata)
    watcher.know_room(room_id, room, epoch)      # what pages showed, or watch_room to begin with what comes
    async with watcher.watching():
        await watcher.until(room_id, rev)

It stores the epoch and each room's rev, applies every change as "this is the item now", and calls again after any end of
the stream. `docs/live.md` tells the protocol. It also checks the promises: revs grow, nothing comes twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import grpc

from seda.chat.v1 import live_service_pb2 as pb
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.room_pb2 import Member, Room
from sedaclient import AsyncWatch
from sedaclient.live import WatchState

_PAUSE = 0.05


@dataclass
class LiveRoom:
    """What a client knows of a room. `lost` and `reset` count how often each happened."""

    rev: int | None = None
    messages: dict[str, Message] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)
    room: Room | None = None
    member_count: int | None = None
    log: list[str] = field(default_factory=list)
    lost: int = 0
    reset: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    def apply(self, change: pb.Change) -> None:
        """Take a change: replace what is known of its item."""
        assert self.rev is None or change.rev > self.rev, (change.rev, self.rev)
        self.rev = change.rev
        match change.WhichOneof("item"):
            case "message":
                self._apply_message(change.message)
            case "reaction":
                message = self.messages.get(change.reaction.message_id)
                if message is not None:
                    del message.reactions[:]
                    message.reactions.extend(change.reaction.reactions)
            case "member":
                member = change.member.member
                self.member_count = change.member.member_count
                if change.kind == pb.CHANGE_KIND_MEMBER_REMOVED:
                    self.members.pop(member.user_id, None)
                else:
                    self.members[member.user_id] = member
            case "room":
                self.room = change.room
                self.member_count = change.room.member_count
            case "pin":
                if change.kind == pb.CHANGE_KIND_PIN_REMOVED:
                    self.pins.pop(change.pin.message_id, None)
                else:
                    self.pins[change.pin.message_id] = change.pin.pinner_id
            case "moderation":
                self.log.append(change.moderation.id)
            case unknown:
                raise AssertionError(unknown)

    def _apply_message(self, change: pb.MessageChange) -> None:
        message = change.message
        if message.HasField("delete_time"):
            self.messages.pop(message.id, None)
        else:
            self.messages[message.id] = message
        root = self.messages.get(change.thread.root_id) if change.HasField("thread") else None
        if root is not None:
            root.reply_count = change.thread.reply_count
            root.last_reply_time.CopyFrom(change.thread.last_reply_time)
            if not change.thread.HasField("last_reply_time"):
                root.ClearField("last_reply_time")


class _EveryFrame(WatchState):
    """Makes the client's watch a mere loop of streams: it goes on at once after any end, and yields each frame as it is."""

    def __init__(self, live: LiveClient) -> None:
        super().__init__((), None, all_my_rooms=False, include_typing=False)
        self.request = live.request  # type: ignore[method-assign]  # what the watcher knows
        # The tests tell how long they wait.
        self.silence = 3_600.0

    def take(self, frame: pb.Frame) -> Any:
        return frame

    def pause(self) -> float:
        return _PAUSE


class LiveClient:
    """One watcher. `metadata` is called for each stream, so that tokens are fresh.

    `on_reset` reloads a room: it gets the room's id and state and fills it from pages.
    """

    def __init__(
        self,
        stub: Any,
        metadata: Callable[[], Iterable[tuple[str, str]]],
        *,
        all_my_rooms: bool = False,
        include_typing: bool = False,
    ) -> None:
        self.stub = stub
        self.metadata = metadata
        self._all_my_rooms = all_my_rooms
        self._typing = include_typing
        self.epoch = ""
        self.rooms: dict[str, LiveRoom] = {}
        self.watched: set[str] = set()
        self.on_reset: Callable[[str, LiveRoom], Any] | None = None
        self.caught_up = asyncio.Event()
        self.frames: list[pb.Frame] = []
        self.keep_frames = False
        self.closings: list[int] = []
        self.errors: list[grpc.StatusCode] = []
        self.typings: list[tuple[str, str]] = []
        self._call: Any = None

    def watch_room(self, room_id: str, epoch: str = "", rev: int | None = None) -> LiveRoom:
        """Name a room, and what is known of it."""
        self.watched.add(room_id)
        self.epoch = epoch or self.epoch
        room = self.rooms.setdefault(room_id, LiveRoom())
        room.rev = rev
        return room

    def know_room(self, room_id: str, room: LiveRoom, epoch: str) -> None:
        """Name a room that was read from pages."""
        self.watched.add(room_id)
        self.epoch, self.rooms[room_id] = epoch, room

    def request(self) -> pb.WatchRequest:
        """The request that goes on where the last stream ended."""
        known = {
            room_id: room
            for room_id, room in self.rooms.items()
            if room.rev is not None or room_id in self.watched
        }
        rooms = [pb.RoomPosition(room_id=room_id, after_rev=room.rev) for room_id, room in known.items()]
        return pb.WatchRequest(
            rooms=rooms, epoch=self.epoch, all_my_rooms=self._all_my_rooms, include_typing=self._typing
        )

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch, with new streams whenever one ends, until the block ends."""
        self.caught_up.clear()
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def disconnect(self) -> None:
        """Cut the present stream."""
        if self._call is not None:
            self._call.cancel()

    async def until(self, room_id: str, rev: int, timeout: float = 20.0) -> LiveRoom:
        """Wait until the room is known up to a rev."""
        room = self.rooms.setdefault(room_id, LiveRoom())
        async with asyncio.timeout(timeout):
            while room.rev is None or room.rev < rev:
                room.moved.clear()
                await room.moved.wait()
        return room

    async def _run(self) -> None:
        async with AsyncWatch(self._open, _EveryFrame(self)) as frames:
            frame: Any
            async for frame in frames:
                await self.take(frame)

    async def _open(self, request: pb.WatchRequest, *, retry: bool) -> AsyncGenerator[pb.WatchResponse, None]:
        assert not retry
        self._call = self.stub.Watch(request, metadata=tuple(self.metadata()))
        try:
            async for response in self._call:
                if self.keep_frames:
                    self.frames += response.frames
                yield response
        except grpc.aio.AioRpcError as error:
            self.errors.append(error.code())
        except asyncio.CancelledError:
            # Not by `disconnect`.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
        finally:
            self.caught_up.clear()

    async def take(self, frame: pb.Frame) -> None:
        """Take one frame."""
        match frame.WhichOneof("event"):
            case "hello":
                self._enter_epoch(frame.hello.epoch)
            case "room_state":
                await self._enter(frame.room_state)
            case "change":
                room = self.rooms[frame.change.room_id]
                room.apply(frame.change)
                room.moved.set()
            case "caught_up":
                self.caught_up.set()
            case "checkpoint":
                for position in frame.checkpoint.positions:
                    self._move(position)
            case "room_lost":
                self._lose(frame.room_lost.room_id)
            case "typing":
                self.typings.append((frame.typing.room_id, frame.typing.user_id))
            case "closing":
                self.closings.append(frame.closing.reason)

    def _enter_epoch(self, epoch: str) -> None:
        """Forget all revs of another epoch: a stream that ends before its RoomStates must not be resumed from them."""
        if self.epoch not in {"", epoch}:
            for room in self.rooms.values():
                room.rev = None
        self.epoch = epoch

    async def _enter(self, state: pb.RoomState) -> None:
        room = self.rooms.setdefault(state.room_id, LiveRoom())
        if state.outcome == pb.ROOM_OUTCOME_RESUMED:
            assert room.rev == state.rev
            return
        if state.outcome == pb.ROOM_OUTCOME_RESET:
            room.reset += 1
        room.rev = state.rev
        if self.on_reset is not None:
            await self.on_reset(state.room_id, room)
        room.moved.set()

    def _move(self, position: pb.RoomRev) -> None:
        room = self.rooms[position.room_id]
        assert room.rev is None or position.rev > room.rev
        room.rev = position.rev
        room.moved.set()

    def _lose(self, room_id: str) -> None:
        room = self.rooms.setdefault(room_id, LiveRoom())
        self.watched.discard(room_id)
        room.lost, room.rev = room.lost + 1, None
        room.moved.set()
