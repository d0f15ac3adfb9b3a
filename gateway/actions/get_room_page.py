"""GetRoomPage: a page of a room's messages with their people and tracks, and at first the room itself."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import from_main, look_up_parts, main_seconds
from gateway.actions.parts import Parts, ids_on_page
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, ListMessagesResponse, ThreadView
from seda.chat.v1.room_service_pb2 import GetRoomResponse
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest


class RoomPage(NamedTuple):
    """A page of messages and its parts; `room` is None on later pages."""

    listed: ListMessagesResponse
    room: GetRoomResponse | None
    parts: Parts


async def get_room_page(deps: Deps, request: GetRoomPageRequest, deadline: float) -> RoomPage:
    """Return a page of root messages, with one call to chat, two for the first page, then two of users and one of tracks.

    `deadline` is on the process's monotonic clock. Raises the errors of ListMessages, and ServiceUnavailableError.
    """
    seconds = main_seconds(deps, deadline)
    page = from_main("chat", deps.chat.list_messages, _listing(request), seconds)
    if request.page_token:
        listed, room = await page, None
    else:
        listed, room = await asyncio.gather(
            page, from_main("chat", deps.chat.get_room, request.room_id, seconds)
        )
    return RoomPage(listed, room, await look_up_parts(deps, ids_on_page(listed.messages), deadline))


def _listing(request: GetRoomPageRequest) -> ListMessagesRequest:
    listing = ListMessagesRequest(
        room_id=request.room_id,
        page_size=request.page_size,
        page_token=request.page_token,
        thread_view=ThreadView.THREAD_VIEW_ROOTS,
    )
    if position := request.WhichOneof("position"):
        setattr(listing, position, getattr(request, position))
    if request.HasField("reply_preview_limit"):
        listing.reply_preview_limit = request.reply_preview_limit
    return listing
