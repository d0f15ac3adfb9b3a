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
ENRICH_TIMEOUT = 1.5
"""Seconds that people and tracks may take. Without them the page still says what matters."""
ENRICH_BUDGET = 0.7
"""How much of the remaining time they may take, so that some is left to answer."""
_DEGRADABLE_CODES = frozenset(
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

    messages_page: ListMessagesResponse
    authors: Sequence[str]
    tracks: dict[str, TrackSnapshot]
    users_found: dict[str, UserSummary]
    tracks_found: dict[str, Track]
    unreachable: Sequence[str]


async def get_room_page(deps: Deps, request: GetRoomPageRequest, deadline: float) -> RoomPage:
    """A page of roots in three calls at most, whatever its size.

    `deadline` is on the process's monotonic clock. Raises what ListMessages ends in; users and tracks being
    away or slow shows in `unreachable` alone.
    """
    messages_page = await deps.chat.list_messages(
        ListMessagesRequest(
            room_id=request.room_id,
            page_size=request.page_size,
            page_token=request.page_token,
            thread_view=ThreadView.THREAD_VIEW_ROOTS,
        )
    )
    authors = list(dict.fromkeys(message.user_id for message in _all(messages_page)))
    tracks: dict[str, TrackSnapshot] = {}
    for message in _all(messages_page):
        if message.HasField("track"):
            tracks.setdefault(message.track.track_id, message.track)
    seconds = min(ENRICH_TIMEOUT, (deadline - time.monotonic()) * ENRICH_BUDGET)
    users_found, tracks_found = await asyncio.gather(
        _or_none_if_unavailable("users", deps.users.lookup, authors, seconds),
        _or_none_if_unavailable("tracks", deps.tracks.lookup, list(tracks), seconds),
    )
    return RoomPage(
        messages_page,
        authors,
        tracks,
        {user.id: user for user in users_found or ()},
        {track.id: track for track in tracks_found or ()},
        [name for name, found in (("users", users_found), ("tracks", tracks_found)) if found is None],
    )


def _all(messages_page: ListMessagesResponse) -> Iterator[Message]:
    for root in messages_page.messages:
        yield root
        yield from root.replies


async def _or_none_if_unavailable(
    service: str,
    lookup: Callable[[Sequence[str], float], Awaitable[list[_Found]]],
    ids: Sequence[str],
    seconds: float,
) -> list[_Found] | None:
    """What was found; None when the service could not say. Begins when it runs: a call may end before that."""
    try:
        return await lookup(ids, seconds)
    except ServiceError as error:
        if error.code not in _DEGRADABLE_CODES:
            raise
        _log.warning("page without a service", service=service, code=error.code.name, reason=error.reason)
        return None
