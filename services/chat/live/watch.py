"""One call of Watch, from its request to its end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from uuid import UUID

from seda.chat.v1 import live_service_pb2 as pb
from servicekit.caller import Caller
from servicekit.database import Database
from servicekit.errors import ServiceUnavailableError
from servicekit.rate_limit import RateLimiter
from services.chat.actions.changes import ChangePage, read_changes, visible
from services.chat.actions.deps import Epoch
from services.chat.domain.errors import TooManyRoomsError
from services.chat.domain.visibility import can_read
from services.chat.live.hub import Hub
from services.chat.live.stream import MAX_RESPONSE_BYTES, Stream, Subscription
from services.chat.store import changes as store
from services.chat.store.changes import Changed, RoomAccessRow
from services.chat.wire.live import (
    CAUGHT_UP_FRAME,
    change_frame,
    checkpoint_frame,
    closing_frame,
    hello_frame,
    room_lost_frame,
    room_state_frame,
)

MAX_MY_ROOMS = 1_000
_RETRY_AFTER_SECONDS = {
    pb.CLOSING_REASON_MAX_AGE: 0.0,
    pb.CLOSING_REASON_SHUTDOWN: 0.5,
    pb.CLOSING_REASON_SLOW_CONSUMER: 1.0,
    pb.CLOSING_REASON_EPOCH_CHANGED: 0.5,
}


@dataclass(frozen=True, slots=True)
class Watching:
    """What streams are made of. Ages and intervals are in seconds; each stream's age is up to a tenth more or less."""

    database: Database
    epoch: Epoch
    hub: Hub
    opens: RateLimiter
    max_age: float
    heartbeat: float
    count_closing: Callable[[str], None]


def watch(
    watching: Watching, caller: Caller, rooms: dict[UUID, int | None], request: pb.WatchRequest
) -> AsyncGenerator[bytes, None]:
    """Stream the responses of a Watch call. Raises RateLimitedError, and later TooManyRoomsError."""
    watching.opens.hit(caller.user_id)
    stream = Stream(caller.user_id, request.all_my_rooms, request.include_typing)
    return _Watch(watching, stream).responses(rooms, request.epoch)


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Watch:
    """The work of one stream: what it does whenever its client has read everything so far."""

    def __init__(self, watching: Watching, stream: Stream) -> None:
        self._watching = watching
        self._hub = watching.hub
        self._stream = stream
        self._ends = _now() + watching.max_age * random.uniform(0.9, 1.1)  # noqa: S311 - spreads reconnects
        self._caught_up = False

    async def _enter(self, rooms: dict[UUID, int | None], epoch: str) -> None:
        """Take in the rooms of the request, after Hello."""
        before = self._watching.epoch.value
        access = await self._access(rooms)
        stream = self._stream
        stream.epoch = self._watching.epoch.value
        if before not in {"", stream.epoch}:
            # The rows may be of either copy.
            raise ServiceUnavailableError("chat")
        stream.add(hello_frame(stream.epoch, self._watching.heartbeat))
        for room_id, after in rooms.items():
            row = access.pop(room_id, None)
            if row is None or not can_read(row.access):
                stream.add(room_lost_frame(room_id))
            elif after is None:
                self._take_in(row, pb.ROOM_OUTCOME_FRESH, row.last_rev)
            elif epoch != stream.epoch or after > row.last_rev:
                self._take_in(row, pb.ROOM_OUTCOME_RESET, row.last_rev)
            else:
                self._take_in(row, pb.ROOM_OUTCOME_RESUMED, after)
        for row in access.values():
            self._take_in(row, pb.ROOM_OUTCOME_FRESH, row.last_rev)

    async def responses(self, rooms: dict[UUID, int | None], epoch: str) -> AsyncGenerator[bytes, None]:
        """Write what is queued, and go on with the stream's work whenever nothing is."""
        stream = self._stream
        self._hub.open(stream)
        try:
            await self._enter(rooms, epoch)
            # Not kept as long as the stream lasts.
            del rooms
            while True:
                if _now() >= self._ends:
                    stream.close(pb.CLOSING_REASON_MAX_AGE)
                if response := stream.take():
                    yield response
                elif stream.closing is not None:
                    break
                else:
                    await self._go_on()
            yield self._last_response(stream.closing)
        finally:
            self._hub.leave(stream)
            stream.stop_timer()

    def _last_response(self, reason: pb.ClosingReason.ValueType) -> bytes:
        self._watching.count_closing(pb.ClosingReason.Name(reason).removeprefix("CLOSING_REASON_"))
        positions = self._stream.take_checkpoint()
        last = closing_frame(reason, _RETRY_AFTER_SECONDS[reason])
        return (checkpoint_frame(positions) if positions else b"") + last

    async def _go_on(self) -> None:
        """Catch up; with nothing to catch up, wait."""
        stream = self._stream
        if stream.room_list_moved:
            await self._refresh_my_rooms()
        elif stream.pending:
            await self._catch_up(stream.pending[0])
        elif not self._caught_up:
            self._caught_up = True
            stream.add(CAUGHT_UP_FRAME)
        else:
            due = min(_now() + self._watching.heartbeat, self._ends)
            if not await stream.wait(due) and due < self._ends:
                stream.add(checkpoint_frame(stream.take_checkpoint()))

    def _take_in(self, row: RoomAccessRow, outcome: pb.RoomOutcome.ValueType, rev: int) -> None:
        """Begin with a room at `rev`; the row is of the same snapshot as the room's last rev."""
        subscription = Subscription(self._stream, row.room_id, rev, member=False, moderator=False)
        subscription.set_access(row.access)
        self._stream.subscriptions[row.room_id] = subscription
        self._stream.add(room_state_frame(row.room_id, outcome, rev))
        if rev < row.last_rev or not self._hub.attach(subscription):
            self._stream.pending.append(subscription)

    async def _catch_up(self, subscription: Subscription) -> None:
        """Read a page of what the stream lacks of a room, and hand over to the hub where it ends."""
        stream, room_id = self._stream, subscription.room_id
        if stream.subscriptions.get(room_id) is not subscription:
            stream.pending.pop(0)
            return
        async with self._hub.catch_ups.turn(stream.user_id):
            page = await read_changes(self._watching.database, room_id, stream.user_id, subscription.rev)
        if stream.epoch != self._watching.epoch.value:
            stream.close(pb.CLOSING_REASON_EPOCH_CHANGED, drop=True)
        elif page.access is None or not page.readable or (subscription.member and page.access.role is None):
            # A membership that ended meanwhile ends the room here as it does in the hub, also where strangers may read.
            stream.pending.pop(0)
            stream.lose(room_id)
        else:
            subscription.set_access(page.access)
            shown = visible(page.changes, to_moderator=subscription.moderator)
            frames, rev = _one_response(room_id, page, shown)
            stream.add(*frames)
            if frames and shown[len(frames) - 1].rev == rev:
                stream.shown(room_id)
            elif rev > subscription.rev:
                stream.passed(room_id, rev)
            subscription.rev = rev
            if rev == page.last_rev and self._hub.attach(subscription):
                stream.pending.pop(0)

    async def _refresh_my_rooms(self) -> None:
        """Take in the watcher's new rooms. One that ended is lost where that stands among the room's changes."""
        stream = self._stream
        stream.room_list_moved = False
        access = await self._access({})
        if stream.epoch != self._watching.epoch.value:
            stream.close(pb.CLOSING_REASON_EPOCH_CHANGED, drop=True)
            return
        for room_id, row in access.items():
            if room_id not in stream.subscriptions:
                self._take_in(row, pb.ROOM_OUTCOME_FRESH, row.last_rev)

    async def _access(self, rooms: dict[UUID, int | None]) -> dict[UUID, RoomAccessRow]:
        """Return the watcher's access to these rooms and, if asked for, to all of the watcher's own."""
        user_id = self._stream.user_id
        async with self._hub.openings, self._watching.database.session() as session:
            access: dict[UUID, RoomAccessRow] = {}
            if self._stream.all_my_rooms:
                # The version first: a change in between is found by the next poll.
                versions = await store.room_list_versions(session, [user_id])
                self._stream.room_list_version = versions.get(user_id, 0)
                access = await store.access_to_my_rooms(session, user_id, MAX_MY_ROOMS + 1)
                if len(access) > MAX_MY_ROOMS:
                    raise TooManyRoomsError(MAX_MY_ROOMS)
            others = [room_id for room_id in rooms if room_id not in access]
            if others:
                access |= await store.access_to_rooms(session, others, user_id)
            return access


def _one_response(room_id: UUID, page: ChangePage, shown: list[Changed]) -> tuple[list[bytes], int]:
    """Return the changes that fit one response, at least one if there is any, and the rev up to which they reach.

    Many streams may hold such a part for clients that do not read; the rest is read again when it is its turn.
    """
    frames: list[bytes] = []
    size = 0
    for each in shown:
        frame = change_frame(room_id, each, page.member_count)
        if frames and size + len(frame) > MAX_RESPONSE_BYTES:
            return frames, shown[len(frames) - 1].rev
        frames.append(frame)
        size += len(frame)
    return frames, page.rev
