"""GetRoomPage: a room's messages, with the people and tracks on them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import structlog

from gateway.actions.deps import Deps
from seda.chat.v1.message_pb2 import Message, TrackSnapshot
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, ListMessagesResponse, ThreadView
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest
from seda.tracks.v1.track_pb2 import Track
from seda.users.v1.user_pb2 import UserSummary
from servicekit.errors import Code, ServiceError

_log = structlog.get_logger("gateway")
_Found = TypeVar("_Found")
PATIENCE = 1.5
"""Seconds that people and tracks may take. Without them the page still says what matters."""
_SHARE = 0.7
"""How much of the remaining time they may take, so that some is left to answer."""
_AWAY = frozenset(
    {
        Code.UNAVAILABLE,
        Code.DEADLINE_EXCEEDED,
        Code.RESOURCE_EXHAUSTED,
        Code.ABORTED,
        Code.CANCELLED,
        Code.INTERNAL,
        Code.UNKNOWN,
    }
)


class RoomPage(NamedTuple):
    """All parts of a page.

    `authors` and `tracks` hold every id on it, in order of appearance; what was found stands by id in
    `users_found` and `tracks_found`.
    """

    listed: ListMessagesResponse
    authors: Sequence[str]
    tracks: dict[str, TrackSnapshot]
    users_found: dict[str, UserSummary]
    tracks_found: dict[str, Track]
    unreachable: Sequence[str]


async def get_room_page(deps: Deps, asked: GetRoomPageRequest, deadline: float) -> RoomPage:
    """A page of roots in three calls at most, whatever its size.

    `deadline` is on the process's monotonic clock. Raises what ListMessages ends in; users and tracks being
    away or slow shows in `unreachable` alone.
    """
    listed = await deps.chat.list_messages(
        ListMessagesRequest(
            room_id=asked.room_id,
            page_size=asked.page_size,
            page_token=asked.page_token,
            thread_view=ThreadView.THREAD_VIEW_ROOTS,
        )
    )
    authors = list(dict.fromkeys(message.user_id for message in _all(listed)))
    tracks: dict[str, TrackSnapshot] = {}
    for message in _all(listed):
        if message.HasField("track"):
            tracks.setdefault(message.track.track_id, message.track)
    seconds = min(PATIENCE, (deadline - time.monotonic()) * _SHARE)
    users_found, tracks_found = await asyncio.gather(
        _unless_away("users", deps.users.lookup, authors, seconds),
        _unless_away("tracks", deps.tracks.lookup, list(tracks), seconds),
    )
    return RoomPage(
        listed,
        authors,
        tracks,
        {user.id: user for user in users_found or ()},
        {track.id: track for track in tracks_found or ()},
        [name for name, found in (("users", users_found), ("tracks", tracks_found)) if found is None],
    )


def _all(listed: ListMessagesResponse) -> Iterator[Message]:
    for root in listed.messages:
        yield root
        yield from root.replies


async def _unless_away(
    service: str,
    lookup: Callable[[Sequence[str], float], Awaitable[list[_Found]]],
    ids: Sequence[str],
    seconds: float,
) -> list[_Found] | None:
    """What was found; None when the service could not say. Begins when it runs: a call may end before that."""
    try:
        return await lookup(ids, seconds)
    except ServiceError as error:
        if error.code not in _AWAY:
            raise
        _log.warning("page without a service", service=service, code=error.code.name, reason=error.reason)
        return None
