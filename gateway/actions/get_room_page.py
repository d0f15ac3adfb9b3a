"""GetRoomPage: a page of a room's messages with their authors and tracks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import lookup_seconds, or_none_if_unavailable
from seda.chat.v1.message_pb2 import Message, TrackSnapshot
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, ListMessagesResponse, ThreadView
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest
from seda.tracks.v1.track_pb2 import Track
from seda.users.v1.user_pb2 import UserSummary


class RoomPage(NamedTuple):
    """The parts of a page.

    `authors` and `tracks` hold every id on the page in order of appearance; `users_found` and `tracks_found`
    map the ids that were found.
    """

    messages_page: ListMessagesResponse
    authors: Sequence[str]
    tracks: dict[str, TrackSnapshot]
    users_found: dict[str, UserSummary]
    tracks_found: dict[str, Track]
    unreachable: Sequence[str]


async def get_room_page(deps: Deps, request: GetRoomPageRequest, deadline: float) -> RoomPage:
    """Return a page of root messages, with one call to chat and one lookup each of users and tracks.

    `deadline` is on the process's monotonic clock. Raises the errors of ListMessages; if users or tracks is
    unavailable or slow, it is only listed in `unreachable`.
    """
    messages_page = await deps.chat.list_messages(
        ListMessagesRequest(
            room_id=request.room_id,
            page_size=request.page_size,
            page_token=request.page_token,
            thread_view=ThreadView.THREAD_VIEW_ROOTS,
        )
    )
    authors = list(dict.fromkeys(message.author_id for message in _all(messages_page)))
    tracks: dict[str, TrackSnapshot] = {}
    for message in _all(messages_page):
        if message.HasField("track"):
            tracks.setdefault(message.track.track_id, message.track)
    seconds = lookup_seconds(deadline)
    users_found, tracks_found = await asyncio.gather(
        or_none_if_unavailable("users", deps.users.lookup, authors, seconds),
        or_none_if_unavailable("tracks", deps.tracks.lookup, list(tracks), seconds),
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
