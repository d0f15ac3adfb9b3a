"""A stream of Watch: its rooms, and the frames that wait to be written."""

from __future__ import annotations

import asyncio
from collections import deque
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
    """

    user_id: UUID
    all_my_rooms: bool
    include_typing: bool
    subscriptions: dict[UUID, Subscription] = field(default_factory=dict)
    pending: deque[Subscription] = field(default_factory=deque)
    room_list_moved: bool = False
    room_list_version: int = 0
    closing: ClosingReason.ValueType | None = None
    epoch: str = ""
    _queue: deque[bytes] = field(default_factory=deque)
    _queued: int = 0
    _checkpoint: dict[UUID, int] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

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
            self._wake.set()

    def passed(self, room_id: UUID, rev: int) -> None:
        """Note that a room moved without a change that the watcher sees.

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
        self._wake.set()

    def move_room_list(self) -> None:
        """Note that the watcher's rooms changed."""
        self.room_list_moved = True
        self._wake.set()

    def take(self) -> bytes:
        """Take frames for one response; empty when there are none."""
        taken: list[bytes] = []
        size = 0
        while self._queue and (not taken or size + len(self._queue[0]) <= MAX_RESPONSE_BYTES):
            taken.append(self._queue.popleft())
            size += len(taken[-1])
        self._queued -= size
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def take_checkpoint(self) -> list[tuple[UUID, int]]:
        """Take the positions that moved since the last checkpoint."""
        positions = list(self._checkpoint.items())
        self._checkpoint.clear()
        return positions

    async def wait(self, seconds: float) -> bool:
        """Wait for something to do; returns False after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return True
