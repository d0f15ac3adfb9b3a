"""WatchRooms: the changes of rooms, with the people and tracks in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import from_main
from gateway.actions.parts import NO_PARTS, PageIds, Parts, ids_on_page, join_parts
from seda.chat.v1.live_service_pb2 import (
    CLOSING_REASON_SHUTDOWN,
    Change,
    Closing,
    Frame,
    WatchRequest,
    WatchResponse,
)
from seda.chat.v1.message_pb2 import Message, TrackSnapshot
from seda.gateway.v1.gateway_service_pb2 import WatchRoomsRequest

WAIT_SECONDS = 0.5
"""How long a frame waits for its parts."""
OWED_SECONDS = 1.0
"""How often parts that are missing are looked up again."""


class WatchedPart(NamedTuple):
    """One response: frames, and the parts that the stream has not had before."""

    frames: Sequence[Frame]
    parts: Parts


async def watch_rooms(deps: Deps, request: WatchRoomsRequest) -> AsyncGenerator[WatchedPart, None]:
    """Stream what LiveService.Watch streams, each response with its parts.

    Raises the errors of Watch, and ServiceUnavailableError.
    """
    wanted = WatchRequest(
        rooms=request.rooms,
        all_my_rooms=request.all_my_rooms,
        epoch=request.epoch,
        include_typing=request.include_typing,
    )
    shown = _Shown()
    closed = asyncio.ensure_future(deps.closed.wait())
    async with aclosing(deps.chat.watch(wanted)) as responses:
        reading = asyncio.ensure_future(_next(responses))
        try:
            while True:
                owed = OWED_SECONDS if shown.owes else None
                await asyncio.wait({reading, closed}, timeout=owed, return_when=asyncio.FIRST_COMPLETED)
                frames: Sequence[Frame] = ()
                if closed.done():
                    yield WatchedPart([Frame(closing=Closing(reason=CLOSING_REASON_SHUTDOWN))], NO_PARTS)
                    return
                if reading.done():
                    response = reading.result()
                    if response is None:
                        return
                    frames = response.frames
                    reading = asyncio.ensure_future(_next(responses))
                parts = await shown.parts(deps, frames)
                if frames or parts.authors or parts.tracks:
                    yield WatchedPart(frames, parts)
        finally:
            closed.cancel()
            reading.cancel()
            await asyncio.wait([reading])


async def _next(responses: AsyncGenerator[WatchResponse, None]) -> WatchResponse | None:
    return await from_main("chat", lambda: anext(responses, None))


class _Shown:
    """What a stream has shown, and what it still owes because a service was away."""

    def __init__(self) -> None:
        self._users: set[str] = set()
        self._tracks: set[str] = set()
        self._owed_users: dict[str, None] = {}
        self._owed_tracks: dict[str, TrackSnapshot] = {}

    @property
    def owes(self) -> bool:
        """Whether the stream owes parts."""
        return bool(self._owed_users or self._owed_tracks)

    async def parts(self, deps: Deps, frames: Iterable[Frame]) -> Parts:
        """Return the parts of what the frames name for the first time, as stubs where they are not found, and those owed."""
        named = ids_in_frames(frames)
        new = PageIds(
            [each for each in named.user_ids if each not in self._users],
            {each: snapshot for each, snapshot in named.tracks.items() if each not in self._tracks},
        )
        wanted = PageIds(
            list(dict.fromkeys([*new.user_ids, *self._owed_users])), {**self._owed_tracks, **new.tracks}
        )
        if not wanted.user_ids and not wanted.tracks:
            return NO_PARTS
        found = await deps.live_parts.find(wanted, WAIT_SECONDS)
        users, tracks = {each.id for each in found.authors}, {each.id for each in found.tracks}
        away = found.unreachable
        self._users |= users
        # A track that is gone from tracks is shown as its message has it, and is not owed.
        self._tracks |= tracks if "tracks" in away else wanted.tracks.keys()
        self._owed_users = {each: None for each in wanted.user_ids if each not in users}
        self._owed_tracks = {
            each: snapshot for each, snapshot in wanted.tracks.items() if each not in self._tracks
        }
        shown = PageIds(
            [each for each in wanted.user_ids if each in users or each in new.user_ids],
            {
                each: snapshot
                for each, snapshot in wanted.tracks.items()
                if each in self._tracks or each in new.tracks
            },
        )
        return join_parts(shown, found)


def ids_in_frames(frames: Iterable[Frame]) -> PageIds:
    """Return the ids of users and tracks that frames name, each once."""
    frames = list(frames)
    changes = [frame.change for frame in frames if frame.HasField("change")]
    users = [user_id for change in changes for user_id in _users_of(change)]
    users += [frame.typing.user_id for frame in frames if frame.HasField("typing")]
    return ids_on_page(_messages(changes), users)


def _messages(changes: Iterable[Change]) -> Iterator[Message]:
    for change in changes:
        if change.HasField("message"):
            yield change.message.message


def _users_of(change: Change) -> tuple[str, ...]:
    match change.WhichOneof("item"):
        case "message":
            return (change.message.message.deleter_id,)
        case "reaction":
            return (change.reaction.user_id,)
        case "member":
            return (change.member.member.user_id,)
        case "pin":
            return (change.pin.pinner_id,)
        case "moderation":
            return (change.moderation.actor_id, change.moderation.target_user_id)
        case _:
            return (change.room.creator_id,)
