"""GetRoomPage: a page of a room's messages with their people and tracks."""

from __future__ import annotations

from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import from_main, look_up_parts, main_seconds
from gateway.actions.parts import Parts, ids_on_page
from seda.chat.v1.message_service_pb2 import ListMessagesRequest, ListMessagesResponse, ThreadView
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageRequest


class RoomPage(NamedTuple):
    """A page of messages and its parts."""

    listed: ListMessagesResponse
    parts: Parts


async def get_room_page(deps: Deps, request: GetRoomPageRequest, deadline: float) -> RoomPage:
    """Return a page of root messages, with one call to chat, then two lookups of users and one of tracks.

    `deadline` is on the process's monotonic clock. Raises the errors of ListMessages, and ServiceUnavailableError.
    """
    wanted = ListMessagesRequest(
        room_id=request.room_id,
        page_size=request.page_size,
        page_token=request.page_token,
        thread_view=ThreadView.THREAD_VIEW_ROOTS,
    )
    listed = await from_main("chat", deps.chat.list_messages(wanted, main_seconds(deps, deadline)))
    return RoomPage(listed, await look_up_parts(deps, ids_on_page(listed.messages), deadline))
