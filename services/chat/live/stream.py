"""A stream of Watch: its rooms, and the frames that wait to be written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from seda.chat.v1.live_service_pb2 import ClosingReason
from services.chat.actions.changes import moderates
from services.chat.domain.model import Room
from services.chat.domain.visibility import RoomAccess
from services.chat.store.changes import Ban, Changed, ChangedMember
from services.chat.wire.live import room_lost_frame

MAX_QUEUED_BYTES = 1 << 20
"""A stream with more unwritten bytes than this is too slow, unless a single change alone is larger."""
MAX_RESPONSE_BYTES = 256 << 10
"""A response joins frames up to this size."""


@dataclass(slots=True, eq=False)
class Subscription:
    """A room in a stream: the rev up to which the stream has it, and the watcher's role as of that rev."""

    stream: Stream
    room_id: UUID
    rev: int
    member: bool
    moderator: bool

    def set_access(self, access: RoomAccess) -> None:
        """Take the watcher's present role."""
        self.member, self.moderator = access.role is not None, moderates(access.role)

    def learn(self, changed: Changed) -> bool:
        """Take a change of the watcher's access; returns whether the watcher loses the room by it."""
        if isinstance(changed, ChangedMember) and changed.member.user_id == self.stream.user_id:
            self.member = not changed.removed
            self.moderator = self.member and moderates(changed.member.role)
            return changed.removed
        if isinstance(changed, Ban):
            return changed.user_id == self.stream.user_id
        return isinstance(changed, Room) and changed.private and not self.member


@dataclass(slots=True, eq=False)
class Stream:
    """The state of one call. Everything runs on the event loop; nothing here waits.

    `pending` are rooms that are behind the hub. `room_list_moved`: the list of the watcher's rooms has to be read again;
    `room_list_version` is that of the last reading. Each stream has its own: another one of the user may know more.
    Thousands of these are idle: lists, as a deque takes half a kilobyte, and one timer for all waits.
    """

    user_id: UUID
    all_my_rooms: bool
    include_typing: bool
    subscriptions: dict[UUID, Subscription] = field(default_factory=dict)
    pending: list[Subscription] = field(default_factory=list)
    room_list_moved: bool = False
    room_list_version: int = 0
    closing: ClosingReason.ValueType | None = None
    epoch: str = ""
    _queue: list[bytes] = field(default_factory=list)
    _queued: int = 0
    _checkpoint: dict[UUID, int] = field(default_factory=dict)
    _woken: bool = False
    _waiter: asyncio.Future[None] | None = None
    _timer: asyncio.TimerHandle | None = None
    _due: float = 0.0

    @property
    def idle(self) -> bool:
        """Return whether all frames were taken."""
        return not self._queue

    def push(self, frames: Sequence[bytes], size: int) -> bool:
        """Queue frames of `size` bytes in all; returns False when the stream is too slow. Closing streams take no more."""
        if self.closing is None and self._queue and self._queued + size > MAX_QUEUED_BYTES:
            return False
        self._enqueue(frames, size)
        return True

    def add(self, *frames: bytes) -> None:
        """Queue frames of the stream's own: at most a page, also beside what waits. None is ever dropped."""
        self._enqueue(frames, sum(map(len, frames)))

    def _enqueue(self, frames: Sequence[bytes], size: int) -> None:
        if self.closing is None:
            self._queue.extend(frames)
            self._queued += size
            self._wake()

    def passed(self, room_id: UUID, rev: int) -> None:
        """Note that a room moved further than the last change that the watcher sees.

        Not on closing streams: an earlier change may have come too late, and a resume from here would skip it.
        """
        if self.closing is None:
            self._checkpoint[room_id] = rev

    def shown(self, room_id: UUID) -> None:
        """Note that a queued change tells the room's rev."""
        self._checkpoint.pop(room_id, None)

    def lose(self, room_id: UUID) -> None:
        """Drop a room from the stream, and tell so."""
        self.subscriptions.pop(room_id, None)
        self._checkpoint.pop(room_id, None)
        self.add(room_lost_frame(room_id))

    def close(self, reason: ClosingReason.ValueType, *, drop: bool = False) -> None:
        """End the stream; `drop`: without the frames that wait."""
        if self.closing is None:
            self.closing = reason
        if drop:
            self._queue.clear()
            self._queued = 0
            # Positions after what is dropped.
            self._checkpoint.clear()
        self._wake()

    def move_room_list(self) -> None:
        """Note that the watcher's rooms changed."""
        self.room_list_moved = True
        self._wake()

    def take(self) -> bytes:
        """Take frames for one response; empty when there are none."""
        queue, size, count = self._queue, 0, 0
        for frame in queue:
            if count and size + len(frame) > MAX_RESPONSE_BYTES:
                break
            size += len(frame)
            count += 1
        taken = queue[0] if count == 1 else b"".join(queue[:count])
        del queue[:count]
        self._queued -= size
        return taken

    def take_checkpoint(self) -> list[tuple[UUID, int]]:
        """Take the positions that moved since the last checkpoint."""
        positions = list(self._checkpoint.items())
        self._checkpoint.clear()
        return positions

    async def wait(self, due: float) -> bool:
        """Wait for something to do; returns False at `due`, in the loop's time, which never comes before an earlier one."""
        loop = asyncio.get_running_loop()
        self._due = due
        if self._timer is None:
            self._timer = loop.call_at(due, self._ring, loop)
        if not self._woken:
            self._waiter = loop.create_future()
            await self._waiter
        woken, self._woken = self._woken, False
        return woken

    def stop_timer(self) -> None:
        """Let go of the stream; it waits no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._due > loop.time():
            # The stream was busy meanwhile. To move the timer at every response would cost more.
            self._timer = loop.call_at(self._due, self._ring, loop)
        else:
            self._timer = None
            self._release()

    def _wake(self) -> None:
        self._woken = True
        self._release()

    def _release(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
