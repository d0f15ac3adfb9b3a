"""seda.chat.v1.RoomService."""

from __future__ import annotations

from seda.chat.v1 import room_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from services.chat.actions.deps import Deps
from services.chat.actions.pins import list_pins, pin_message, unpin_message
from services.chat.actions.rooms import (
    create_room,
    get_my_rooms_rev,
    get_room,
    list_my_rooms,
    list_public_rooms,
    update_room,
)
from services.chat.wire import rooms as wire


class RoomServicer:
    """Creates, reads, updates and lists rooms, and their pins."""

    descriptor = pb.DESCRIPTOR.services_by_name["RoomService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def CreateRoom(self, request: pb.CreateRoomRequest, call: Call) -> pb.CreateRoomResponse:
        """See the contract."""
        view, deduplicated = await create_room(self._deps, call.caller, wire.room_draft(request))
        response = pb.CreateRoomResponse(deduplicated=deduplicated)
        wire.fill_room(response.room, view.room)
        wire.fill_position(response.position, view.position)
        return response

    async def GetRoom(self, request: pb.GetRoomRequest, call: Call) -> pb.GetRoomResponse:
        """See the contract."""
        return wire.get_room_response(await get_room(self._deps, call.caller, parse_id(request.room_id)))

    async def UpdateRoom(self, request: pb.UpdateRoomRequest, call: Call) -> pb.UpdateRoomResponse:
        """See the contract."""
        room, position = await update_room(self._deps, call.caller, wire.room_change(request))
        response = pb.UpdateRoomResponse()
        wire.fill_room(response.room, room)
        wire.fill_position(response.position, position)
        return response

    async def ListPublicRooms(
        self, request: pb.ListPublicRoomsRequest, call: Call
    ) -> pb.ListPublicRoomsResponse:
        """See the contract."""
        size = page_size(request.page_size)
        return wire.list_public_rooms_response(
            *await list_public_rooms(self._deps, call.caller, request.query, size, request.page_token)
        )

    async def ListMyRooms(self, request: pb.ListMyRoomsRequest, call: Call) -> pb.ListMyRoomsResponse:
        """See the contract."""
        size = page_size(request.page_size)
        return wire.list_my_rooms_response(
            *await list_my_rooms(self._deps, call.caller, size, request.page_token)
        )

    async def GetMyRoomsRev(self, _: pb.GetMyRoomsRevRequest, call: Call) -> pb.GetMyRoomsRevResponse:
        """See the contract."""
        rooms_rev, epoch = await get_my_rooms_rev(self._deps, call.caller)
        return pb.GetMyRoomsRevResponse(rooms_rev=rooms_rev, epoch=epoch)

    async def PinMessage(self, request: pb.PinMessageRequest, call: Call) -> pb.PinMessageResponse:
        """See the contract."""
        room_id, message_id = parse_id(request.room_id), parse_id(request.message_id)
        pin, position = await pin_message(self._deps, call.caller, room_id, message_id)
        response = pb.PinMessageResponse()
        wire.fill_pin(response.pin, pin)
        wire.fill_position(response.position, position)
        return response

    async def UnpinMessage(self, request: pb.UnpinMessageRequest, call: Call) -> pb.UnpinMessageResponse:
        """See the contract."""
        room_id, message_id = parse_id(request.room_id), parse_id(request.message_id)
        response = pb.UnpinMessageResponse()
        position = await unpin_message(self._deps, call.caller, room_id, message_id)
        wire.fill_position(response.position, position)
        return response

    async def ListPins(self, request: pb.ListPinsRequest, call: Call) -> pb.ListPinsResponse:
        """See the contract."""
        room_id, size = parse_id(request.room_id), page_size(request.page_size)
        return wire.list_pins_response(
            *await list_pins(self._deps, call.caller, room_id, size, request.page_token)
        )
