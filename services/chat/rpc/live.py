"""seda.chat.v1.LiveService."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from uuid import UUID

from seda.chat.v1 import live_service_pb2 as pb
from servicekit.call import Call
from servicekit.caller import Caller
from servicekit.ids import parse_id
from services.chat.actions.changes import list_changes
from services.chat.actions.deps import Deps
from services.chat.actions.typing import send_typing
from services.chat.wire import live as wire

Watch = Callable[[Caller, dict[UUID, int | None], pb.WatchRequest], AsyncGenerator[bytes, None]]
"""Opens a stream of rooms, each with the rev to resume from."""


class LiveServicer:
    """Streams and lists the changes of rooms."""

    descriptor = pb.DESCRIPTOR.services_by_name["LiveService"]

    def __init__(self, deps: Deps, watch: Watch) -> None:
        self._deps = deps
        self._watch = watch

    def Watch(self, request: pb.WatchRequest, call: Call) -> AsyncGenerator[bytes, None]:
        """See the contract."""
        return self._watch(call.caller, wire.watched_rooms(request), request)

    async def ListChanges(self, request: pb.ListChangesRequest, call: Call) -> pb.ListChangesResponse:
        """See the contract."""
        listing = wire.change_listing(request)
        return wire.list_changes_response(
            listing.room_id, await list_changes(self._deps, call.caller, listing)
        )

    async def SendTyping(self, request: pb.SendTypingRequest, call: Call) -> pb.SendTypingResponse:
        """See the contract."""
        await send_typing(self._deps, call.caller, parse_id(request.room_id))
        return pb.SendTypingResponse()
