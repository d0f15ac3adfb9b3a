"""GetHome: a page of the caller's rooms, with the people and tracks of their last messages."""

from __future__ import annotations

from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import from_main, look_up_parts, main_seconds
from gateway.actions.parts import Parts, ids_on_page
from seda.chat.v1.room_service_pb2 import ListMyRoomsRequest, ListMyRoomsResponse
from seda.gateway.v1.gateway_service_pb2 import GetHomeRequest


class Home(NamedTuple):
    """A page of rooms and its parts."""

    listed: ListMyRoomsResponse
    parts: Parts


async def get_home(deps: Deps, request: GetHomeRequest, deadline: float) -> Home:
    """Return a page of rooms, with one call to chat, then two lookups of users and one of tracks.

    `deadline` is on the process's monotonic clock. Raises the errors of ListMyRooms, and ServiceUnavailableError.
    """
    wanted = ListMyRoomsRequest(page_size=request.page_size, page_token=request.page_token)
    listed = await from_main("chat", deps.chat.list_my_rooms, wanted, main_seconds(deps, deadline))
    ids = ids_on_page(room.last_message for room in listed.rooms if room.HasField("last_message"))
    return Home(listed, await look_up_parts(deps, ids, deadline))
