"""GetThread: a page of a thread's replies and its root, with their people and tracks."""

from __future__ import annotations

from typing import NamedTuple

from gateway.actions.deps import Deps
from gateway.actions.lookups import from_main, look_up_parts, main_seconds
from gateway.actions.parts import Parts, ids_on_page
from seda.chat.v1.message_service_pb2 import ListRepliesRequest, ListRepliesResponse
from seda.gateway.v1.gateway_service_pb2 import GetThreadRequest


class Thread(NamedTuple):
    """A page of a thread and its parts."""

    listed: ListRepliesResponse
    parts: Parts


async def get_thread(deps: Deps, request: GetThreadRequest, deadline: float) -> Thread:
    """Return a page of replies with their root, with one call to chat, then two lookups of users and one of tracks.

    `deadline` is on the process's monotonic clock. Raises the errors of ListReplies, and ServiceUnavailableError.
    """
    listing = ListRepliesRequest(
        room_id=request.room_id,
        root_id=request.root_id,
        page_size=request.page_size,
        page_token=request.page_token,
    )
    if position := request.WhichOneof("position"):
        setattr(listing, position, getattr(request, position))
    listed = await from_main("chat", deps.chat.list_replies, listing, main_seconds(deps, deadline))
    ids = ids_on_page([listed.root, *listed.messages])
    return Thread(listed, await look_up_parts(deps, ids, deadline))
