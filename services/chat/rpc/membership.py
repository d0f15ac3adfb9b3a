"""seda.chat.v1.MembershipService."""

from __future__ import annotations

from uuid import UUID

from seda.chat.v1 import membership_service_pb2 as pb
from servicekit.call import Call
from services.chat.actions.deps import Deps
from services.chat.actions.membership import join_room
from services.chat.rpc.pending import pending
from services.chat.wire import rooms as wire


@pending
class MembershipServicer:
    """Who belongs to a room."""

    descriptor = pb.DESCRIPTOR.services_by_name["MembershipService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def JoinRoom(self, request: pb.JoinRoomRequest, call: Call) -> pb.JoinRoomResponse:
        """See the contract."""
        response = pb.JoinRoomResponse()
        wire.fill_member(response.membership, await join_room(self._deps, call.caller, UUID(request.room_id)))
        return response
