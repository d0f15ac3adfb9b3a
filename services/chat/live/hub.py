"""The hub: reads each watched room that moved once, and hands its changes to all streams that watch it.

It wakes on the commits of this process, on hints of other processes, and once a second on the counters of all watched
rooms and users, so that a lost hint costs no more than that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from uuid import UUID

import structlog

from seda.chat.v1 import live_service_pb2 as pb
from servicekit.database import Database
from servicekit.errors import ServiceError
from services.chat.actions.changes import visible
from services.chat.actions.deps import Epoch
from services.chat.domain.model import LogLine, Room
from services.chat.live.catch_ups import CatchUps
from services.chat.live.hints import Hint, HintChannel
from services.chat.live.stream import MAX_RESPONSE_BYTES, Stream, Subscription
from services.chat.store import changes as store
from services.chat.store.changes import Ban, Changed, ChangedMember, LastRevsRow
from services.chat.wire.live import change_frame, typing_frame

_log = structlog.get_logger("hub")
POLL_SECONDS = 1.0
PACE_SECONDS = 0.01
"""The shortest time between two reads, in which the changes of a busy room gather."""
_READ_ROOMS = 200
_POLL_ROOMS = 2_000
_RETRY_SECONDS = 0.5
# Polling takes at most this part of the time, however many rooms are watched.
_POLL_SHARE = 0.1


class PollPace:
    """The seconds from a poll to the next one.

    A single long poll is not slow, but waited: for a pooler that holds its statements until the failover is over, say.
    The next one must be soon then, as it finds that this process is led to another copy.
    """

    def __init__(self) -> None:
        self._before = 0.0

    def pause_after(self, seconds: float) -> float:
        """Return the pause after a poll that took so long."""
        usual, self._before = min(seconds, self._before), seconds
        return max(POLL_SECONDS, usual / _POLL_SHARE)


@dataclass(slots=True, eq=False)
class _Feed:
    """A watched room: the rev up to which it was read, and who watches it."""

    room_id: UUID
    rev: int
    subscriptions: set[Subscription] = field(default_factory=set)


class Hub:
    """Implements services.chat.actions.deps.Hints. As a worker it reads rooms, and ends all streams once `closed` is set.

    `on_move` hears of the rooms that this process has changed.
    """

    def __init__(
        self,
        database: Database,
        epoch: Epoch,
        channel: HintChannel,
        closed: asyncio.Event,
        on_move: Callable[[UUID], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._epoch = epoch
        self._channel = channel
        self._closed = closed
        self._on_move = on_move
        channel.on_hint = self._on_hint
        self._feeds: dict[UUID, _Feed] = {}
        self._streams: dict[Stream, None] = {}
        self._streams_epoch = ""
        self._by_user: dict[UUID, set[Stream]] = {}
        self._dirty: dict[UUID, None] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.catch_ups = CatchUps()
        # Streams that begin read a row for each room; they wait for no catch-up.
        self.openings = asyncio.Semaphore(1)

    async def start(self) -> None:
        """Start reading and polling."""
        work = (self._read_dirty(), self._poll(), self._close_streams())
        self._tasks = [asyncio.create_task(each) for each in work]

    async def stop(self) -> None:
        """Stop reading."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _close_streams(self) -> None:
        """End all streams when the process shuts down."""
        await self._closed.wait()
        for stream in list(self._streams):
            stream.close(pb.CLOSING_REASON_SHUTDOWN)

    @property
    def open_streams(self) -> int:
        """The number of streams."""
        return len(self._streams)

    @property
    def watched_rooms(self) -> int:
        """The number of rooms that a stream watches."""
        return len(self._feeds)

    def room_moved(self, room_id: UUID, user_ids: Iterable[UUID] = ()) -> None:
        """Wake the streams of a room after a commit, and those of the users whose membership it changed."""
        self._on_move(room_id)
        hint = Hint(room_ids={room_id}, user_ids=set(user_ids))
        self._on_hint(hint)
        self._channel.publish(hint)

    def typing(self, room_id: UUID, user_id: UUID) -> None:
        """Tell the room's streams that a member is typing."""
        hint = Hint(typing={(room_id, user_id)})
        self._on_hint(hint)
        self._channel.publish(hint)

    def open(self, stream: Stream) -> None:
        """Add a stream without rooms."""
        self._streams[stream] = None
        if stream.all_my_rooms:
            self._by_user.setdefault(stream.user_id, set()).add(stream)
        if self._closed.is_set():
            stream.close(pb.CLOSING_REASON_SHUTDOWN)

    def leave(self, stream: Stream) -> None:
        """Remove a stream with its rooms."""
        self._streams.pop(stream, None)
        mine = self._by_user.get(stream.user_id)
        if mine is not None:
            mine.discard(stream)
            if not mine:
                del self._by_user[stream.user_id]
        for subscription in stream.subscriptions.values():
            self.detach(subscription)

    def attach(self, subscription: Subscription) -> bool:
        """Hand the room's changes to the stream from now on; returns False when the stream is behind the hub."""
        if subscription.stream.closing is not None:
            return True
        feed = self._feeds.get(subscription.room_id)
        if feed is None:
            feed = self._feeds[subscription.room_id] = _Feed(subscription.room_id, subscription.rev)
        elif feed.rev > subscription.rev:
            return False
        feed.subscriptions.add(subscription)
        # What was committed before the hub knew of the room.
        self._mark(subscription.room_id)
        return True

    def detach(self, subscription: Subscription) -> None:
        """Stop handing a room's changes to a stream."""
        feed = self._feeds.get(subscription.room_id)
        if feed is not None:
            feed.subscriptions.discard(subscription)
            if not feed.subscriptions:
                del self._feeds[subscription.room_id]

    def _on_hint(self, hint: Hint) -> None:
        if hint.everything:
            for room_id in self._feeds:
                self._mark(room_id)
        for room_id in hint.room_ids:
            if room_id in self._feeds:
                self._mark(room_id)
        for user_id in self._by_user if hint.everything else hint.user_ids:
            for stream in self._by_user.get(user_id, ()):
                stream.move_room_list()
        for room_id, user_id in hint.typing:
            self._show_typing(room_id, user_id)

    def _show_typing(self, room_id: UUID, user_id: UUID) -> None:
        feed = self._feeds.get(room_id)
        if feed is None:
            return
        frame = typing_frame(room_id, user_id)
        for subscription in feed.subscriptions:
            stream = subscription.stream
            # Never before a change that waits.
            if stream.include_typing and stream.idle:
                stream.add(frame)

    def _mark(self, room_id: UUID) -> None:
        self._dirty[room_id] = None
        self._wake.set()

    async def _read_dirty(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            rooms = list(islice(self._dirty, _READ_ROOMS))
            for room_id in rooms:
                del self._dirty[room_id]
            pause = PACE_SECONDS
            # Another copy's changes are no changes of what the streams have.
            self._end_old_epoch()
            try:
                await self._read({each: self._feeds[each].rev for each in rooms if each in self._feeds})
            except Exception as error:  # noqa: BLE001 - the streams of all rooms depend on this task
                _log_failure("hub_read_failed", error)
                for room_id in rooms:
                    self._mark(room_id)
                pause = _RETRY_SECONDS
            if self._dirty:
                self._wake.set()
            await asyncio.sleep(pause)

    async def _read(self, revs: dict[UUID, int]) -> None:
        if not revs:
            return
        epoch = self._epoch.value
        async with self._database.session() as session:
            for last in await store.last_revs(session, revs):
                feed = self._feeds.get(last.room_id)
                if feed is None:
                    continue
                changes, rev = await store.changed(session, last, feed.rev)
                if self._epoch.value != epoch:
                    # The rows may be of either copy.
                    self._end_old_epoch()
                    for room_id in revs:
                        self._mark(room_id)
                    return
                self._deliver(feed, changes, rev, last)
                if rev < last.last_rev:
                    self._mark(last.room_id)

    def _deliver(self, feed: _Feed, changes: Sequence[Changed], rev: int, last: LastRevsRow) -> None:
        if rev <= feed.rev:
            return
        batch = _Batch(feed.room_id, changes, last.member_count)
        for subscription in list(feed.subscriptions):
            if subscription.rev >= rev:
                continue
            if subscription.rev == feed.rev and not batch.concerns(subscription):
                self._push(subscription, batch.blobs(moderator=subscription.moderator))
            elif not self._apply(subscription, batch):
                continue
            subscription.rev = rev
            if batch.last_shown(moderator=subscription.moderator) == rev:
                subscription.stream.shown(feed.room_id)
            else:
                subscription.stream.passed(feed.room_id, rev)
        feed.rev = rev

    def _apply(self, subscription: Subscription, batch: _Batch) -> bool:
        """Hand out the changes one by one, as far as the watcher has the room; returns False when it is lost."""
        frames: list[bytes] = []
        for changed, frame in batch.items:
            if changed.rev <= subscription.rev:
                continue
            if subscription.learn(changed):
                self._push(subscription, frames)
                self.detach(subscription)
                subscription.stream.lose(subscription.room_id)
                return False
            if frame is not None and (subscription.moderator or not isinstance(changed, LogLine)):
                frames.append(frame)
        self._push(subscription, frames)
        return True

    def _push(self, subscription: Subscription, frames: Sequence[bytes]) -> None:
        if frames and not subscription.stream.push(frames, sum(map(len, frames))):
            self._drop(subscription.stream)

    def _drop(self, stream: Stream) -> None:
        """End a stream whose client does not read: nothing more is kept for it."""
        _log.warning("slow_consumer", user_id=str(stream.user_id))
        stream.close(pb.CLOSING_REASON_SLOW_CONSUMER, drop=True)
        self.leave(stream)

    def _end_old_epoch(self) -> None:
        """End the streams of another copy of the database, once this process is led to a new one."""
        if self._streams_epoch == self._epoch.value:
            return
        self._streams_epoch = self._epoch.value
        for stream in [each for each in self._streams if each.epoch not in {"", self._epoch.value}]:
            stream.close(pb.CLOSING_REASON_EPOCH_CHANGED, drop=True)
            self.leave(stream)

    async def _poll(self) -> None:
        pace, pause = PollPace(), POLL_SECONDS
        while True:
            await asyncio.sleep(pause)
            started, pause = time.monotonic(), POLL_SECONDS
            try:
                await self.poll_once()
                pause = pace.pause_after(time.monotonic() - started)
            except Exception as error:  # noqa: BLE001 - as above
                _log_failure("hub_poll_failed", error)

    async def poll_once(self) -> None:
        """Compare the counters of all watched rooms and users with what the streams have."""
        if self._database.options.pooled:
            # A pooler may lead connections that stay to another server.
            async with self._database.session() as session:
                await self._epoch.read(session)
        self._end_old_epoch()
        for part in _parts(list(self._feeds)):
            async with self._database.session() as session:
                revs = {each: self._feeds[each].rev for each in part if each in self._feeds}
                for moved in await store.moved_rooms(session, revs):
                    if moved.room_id in self._feeds:
                        self._mark(moved.room_id)
        for part in _parts(list(self._by_user)):
            async with self._database.session() as session:
                versions = await store.room_list_versions(session, part)
            for user_id in part:
                for stream in self._by_user.get(user_id, ()):
                    if stream.room_list_version != versions.get(user_id, 0):
                        stream.move_room_list()


class _Batch:
    """Changes of a room, each encoded once, and joined for those who see all of them."""

    def __init__(self, room_id: UUID, changes: Sequence[Changed], member_count: int) -> None:
        seen = set(map(id, visible(changes, to_moderator=True)))
        self.items = [
            (each, change_frame(room_id, each, member_count) if id(each) in seen else None)
            for each in changes
        ]
        self._users = {
            each.member.user_id if isinstance(each, ChangedMember) else each.user_id
            for each in changes
            if isinstance(each, ChangedMember | Ban)
        }
        self._private = any(isinstance(each, Room) and each.private for each in changes)
        shown = [(each, frame) for each, frame in self.items if frame is not None]
        plain = [(each, frame) for each, frame in shown if not isinstance(each, LogLine)]
        self._all = _joined(frame for _, frame in shown)
        # Nearly always the same bytes.
        self._plain = self._all if len(plain) == len(shown) else _joined(frame for _, frame in plain)
        self._last_rev, self._last_plain_rev = [part[-1][0].rev if part else 0 for part in (shown, plain)]

    def blobs(self, *, moderator: bool) -> list[bytes]:
        """Return the frames that a watcher sees, in parts of at most a response's size."""
        return self._all if moderator else self._plain

    def last_shown(self, *, moderator: bool) -> int:
        """Return the rev of the last change that a watcher sees; 0: there is none."""
        return self._last_rev if moderator else self._last_plain_rev

    def concerns(self, subscription: Subscription) -> bool:
        """Return whether the watcher's access may have changed."""
        return subscription.stream.user_id in self._users or (self._private and not subscription.member)


def _log_failure(event: str, error: Exception) -> None:
    expected = isinstance(error, ServiceError)
    _log.log(30 if expected else 40, event, error=type(error).__name__, exc_info=None if expected else error)


def _joined(frames: Iterable[bytes]) -> list[bytes]:
    joined: list[bytes] = []
    part = bytearray()
    for frame in frames:
        if part and len(part) + len(frame) > MAX_RESPONSE_BYTES:
            joined.append(bytes(part))
            part.clear()
        part += frame
    if part:
        joined.append(bytes(part))
    return joined


def _parts(ids: list[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(ids), _POLL_ROOMS):
        yield ids[start : start + _POLL_ROOMS]
