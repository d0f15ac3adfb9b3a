"""Live delivery that goes on: streams of LiveService.Watch, each resumed where the last one ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

import grpc

from seda.chat.v1.live_service_pb2 import (
    ROOM_OUTCOME_FRESH,
    ROOM_OUTCOME_RESET,
    CaughtUp,
    Change,
    Frame,
    Hello,
    RoomLost,
    RoomPosition,
    RoomState,
    Typing,
    WatchRequest,
)
from sedaclient.calls import backoff
from sedaclient.errors import SedaError

_FIRST_FRAME_SECONDS = 15.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_MOST_POSITIONS = 200
_TRANSPORT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
# What grpc makes of a connection that breaks, without the details that a server gives.
_BROKEN = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Positions:
    """Up to which rev each room is known, in the database named by `epoch`. Kept as text, it outlives the program."""

    epoch: str = ""
    revs: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """As text."""
        return json.dumps({"epoch": self.epoch, "revs": dict(self.revs)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """From text; raises ValueError."""
        try:
            read = json.loads(text)
            return cls(str(read["epoch"]), {str(room): int(rev) for room, rev in read["revs"].items()})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not the JSON of positions") from error


@dataclass(frozen=True, slots=True)
class Entered:
    """A room is watched from `rev` on; what it held before is in its pages."""

    room_id: str
    rev: int


@dataclass(frozen=True, slots=True)
class Reset:
    """The position of a room counts no more, as after a restore of the database: read the room again, then go on."""

    room_id: str
    rev: int


Event = Change | Reset | Entered | RoomLost | CaughtUp | Typing
_Events = TypeVar("_Events")


class WatchState:
    """What one watcher knows, free of I/O: positions, the next request, and what a frame means."""

    def __init__(
        self,
        room_ids: Iterable[str],
        positions: Positions | None,
        *,
        all_my_rooms: bool,
        include_typing: bool,
    ) -> None:
        positions = positions or Positions()
        self._rooms = dict.fromkeys(room_ids)
        self._all_my_rooms, self._typing = all_my_rooms, include_typing
        self._epoch = positions.epoch
        # None: known once, of another epoch.
        self._revs: dict[str, int | None] = {
            room: rev for room, rev in positions.revs.items() if all_my_rooms or room in self._rooms
        }
        self._failures, self._pause = 0, 0.0
        self._connected = False
        self.silence = _FIRST_FRAME_SECONDS
        """Seconds without a frame after which the stream counts as broken."""

    @property
    def positions(self) -> Positions:
        """Up to what has been yielded."""
        return Positions(self._epoch, {room: rev for room, rev in self._revs.items() if rev is not None})

    def request(self) -> WatchRequest:
        """The request of the next stream. More than 200 rooms can't be named: the others start again, with Reset."""
        self._pause, self.silence = 0.0, _FIRST_FRAME_SECONDS
        named = list({**self._rooms, **dict.fromkeys(self._revs)})
        rooms = [RoomPosition(room_id=each, after_rev=self._revs.get(each)) for each in named]
        if self._all_my_rooms:
            rooms = rooms[:_MOST_POSITIONS]
        return WatchRequest(
            rooms=rooms, all_my_rooms=self._all_my_rooms, epoch=self._epoch, include_typing=self._typing
        )

    def take(self, frame: Frame) -> Event | None:
        """The event of a frame that the watcher sees, if any."""
        self._failures, self._connected = 0, True
        match frame.WhichOneof("event"):
            case "hello":
                self._begin(frame.hello)
            case "room_state":
                return self._enter(frame.room_state)
            case "change":
                return frame.change if self._move(frame.change.room_id, frame.change.rev) else None
            case "checkpoint":
                for each in frame.checkpoint.positions:
                    self._move(each.room_id, each.rev)
            case "room_lost":
                self._rooms.pop(frame.room_lost.room_id, None)
                self._revs.pop(frame.room_lost.room_id, None)
                return frame.room_lost
            case "closing":
                self._pause = frame.closing.retry_after.ToNanoseconds() / 1e9
            case "caught_up" | "typing" as event:
                return frame.caught_up if event == "caught_up" else frame.typing
        return None

    def _begin(self, hello: Hello) -> None:
        self.silence = 2 * hello.heartbeat_interval.ToNanoseconds() / 1e9 or self.silence
        if self._epoch not in {"", hello.epoch}:
            self._revs = dict.fromkeys(self._revs)
        self._epoch = hello.epoch

    def _enter(self, state: RoomState) -> Event | None:
        room, rev = state.room_id, state.rev
        known, before = room in self._revs, self._revs.get(room)
        if state.outcome not in {ROOM_OUTCOME_FRESH, ROOM_OUTCOME_RESET}:
            return None
        self._revs[room] = rev
        if state.outcome == ROOM_OUTCOME_RESET or (known and before != rev):
            return Reset(room, rev)
        return None if known else Entered(room, rev)

    def _move(self, room: str, rev: int) -> bool:
        """Whether a rev is new; a change that was seen before is not shown again."""
        before = self._revs.get(room)
        if before is not None and rev <= before:
            return False
        self._revs[room] = rev
        return True

    def broken(self, error: SedaError | None) -> None:
        """Note a stream that broke, or was silent; raises an error that another stream would meet, too."""
        self._failures += 1
        if error is None:
            return
        busy = error.code is grpc.StatusCode.RESOURCE_EXHAUSTED and error.retry_after is not None
        broken = error.code in _BROKEN and not error.reason
        if error.code not in _TRANSPORT and not (self._connected and (busy or broken)):
            raise error
        self._pause = max(self._pause, error.retry_after or 0.0)

    def pause(self) -> float:
        """Seconds until the next stream."""
        jitter = backoff(self._failures + 1, _FIRST_PAUSE, _LONGEST_PAUSE)
        return max(jitter, self._pause * random.uniform(1.0, 1.2))  # noqa: S311 - spreads load, no secret


class _Watch(Generic[_Events]):
    """What both kinds of watches have."""

    def __init__(self, rpc: Any, state: WatchState) -> None:  # noqa: ANN401 - the Watch method of the client
        self._rpc, self._state = rpc, state
        self._events: _Events | None = None

    @property
    def positions(self) -> Positions:
        """Where to go on: after the last event that was yielded."""
        return self._state.positions

    def _entered(self) -> _Events:
        if self._events is None:
            raise RuntimeError("use it as a context manager: with ... as live")
        return self._events


class AsyncWatch(_Watch[AsyncGenerator[Event, None]]):
    """The changes of rooms, for as long as the block lasts: drains, restarts and slow reading don't end it.

        async with seda.watch([room_id], positions=stored) as live:
            async for event in live:
                match event: ...
                stored = live.positions

    Yields every change of each room once and in order, as the present state of its item; Entered for a room without
    a position; Reset for one whose position counts no more; RoomLost, CaughtUp and, if asked for, Typing. Store the
    positions after handling an event: a program that crashes in between gets that event again (at least once).
    Raises the SedaError of a call that another stream would not mend.
    """

    async def __aenter__(self) -> Self:
        self._events = self._run()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._entered().aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._entered()

    async def _run(self) -> AsyncGenerator[Event, None]:
        state = self._state
        while True:
            try:
                async with contextlib.aclosing(self._rpc(state.request(), retry=False)) as responses:
                    while (response := await self._next(responses)) is not None:
                        for frame in response.frames:
                            if (event := state.take(frame)) is not None:
                                yield event
            except SedaError as error:
                state.broken(error)
            except TimeoutError:
                state.broken(None)
            await asyncio.sleep(state.pause())

    async def _next(self, responses: AsyncGenerator[Any, None]) -> Any:  # noqa: ANN401 - a WatchResponse
        async with asyncio.timeout(self._state.silence):
            return await anext(responses, None)


class SyncWatch(_Watch[Generator[Event, None, None]]):
    """As AsyncWatch, for programs without an event loop."""

    def __init__(self, rpc: Any, state: WatchState) -> None:  # noqa: ANN401 - as above
        super().__init__(rpc, state)
        self._waiting_since: float | None = None
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        self._events = self._run()
        threading.Thread(target=self._end_silent_streams, name="seda-watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._entered().close()

    def __iter__(self) -> Iterator[Event]:
        return self._entered()

    def _run(self) -> Generator[Event, None, None]:
        state = self._state
        while True:
            try:
                with contextlib.closing(self._rpc(state.request(), retry=False)) as responses:
                    while (response := self._next(responses)) is not None:
                        for frame in response.frames:
                            if (event := state.take(frame)) is not None:
                                yield event
            except SedaError as error:
                state.broken(error)
            if self._closed.wait(state.pause()):
                return

    def _next(self, responses: Generator[Any, None, None]) -> Any:  # noqa: ANN401 - a WatchResponse
        self._waiting_since = time.monotonic()
        try:
            return next(responses, None)
        finally:
            self._waiting_since = None

    def _end_silent_streams(self) -> None:
        while not self._closed.wait(0.5):
            since = self._waiting_since
            if since is not None and time.monotonic() - since > self._state.silence:
                self._rpc.cancel()
