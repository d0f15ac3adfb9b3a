"""seda.chat.v1.RoomService."""

from __future__ import annotations

from uuid import UUID

from seda.chat.v1 import room_service_pb2 as pb
from servicekit.call import Call
from services.chat.actions.deps import Deps
from services.chat.actions.rooms import create_room, get_room
from services.chat.rpc.pending import pending
from services.chat.wire import rooms as wire


@pending
class RoomServicer:
    """Creates and reads rooms."""

    descriptor = pb.DESCRIPTOR.services_by_name["RoomService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateRoom(self, request: pb.CreateRoomRequest, call: Call) -> pb.CreateRoomResponse:
        """See the contract."""
        room, deduplicated = await create_room(self._deps, call.caller, wire.room_draft(request))
        response = pb.CreateRoomResponse(deduplicated=deduplicated)
        wire.fill_room(response.room, room)
        return response

    async def GetRoom(self, request: pb.GetRoomRequest, call: Call) -> pb.GetRoomResponse:
        """See the contract."""
        return wire.room_view(await get_room(self._deps, call.caller, UUID(request.room_id)))
