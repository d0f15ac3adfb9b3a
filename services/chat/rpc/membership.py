"""seda.chat.v1.MembershipService."""

from __future__ import annotations

from seda.chat.v1 import membership_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from services.chat.actions import invitations, membership, read_markers
from services.chat.actions.deps import Deps
from services.chat.wire import membership as wire
from services.chat.wire.rooms import fill_member, fill_position


class MembershipServicer:
    """Memberships, invitations and read markers."""

    descriptor = pb.DESCRIPTOR.services_by_name["MembershipService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def JoinRoom(self, request: pb.JoinRoomRequest, call: Call) -> pb.JoinRoomResponse:
        """See the contract."""
        response = pb.JoinRoomResponse()
        member, position = await membership.join_room(self._deps, call.caller, parse_id(request.room_id))
        fill_member(response.membership, member)
        fill_position(response.position, position)
        return response

    async def LeaveRoom(self, request: pb.LeaveRoomRequest, call: Call) -> pb.LeaveRoomResponse:
        """See the contract."""
        response = pb.LeaveRoomResponse()
        position = await membership.leave_room(self._deps, call.caller, parse_id(request.room_id))
        if position is not None:
            fill_position(response.position, position)
        return response

    async def AcceptInvitation(
        self, request: pb.AcceptInvitationRequest, call: Call
    ) -> pb.AcceptInvitationResponse:
        """See the contract."""
        response = pb.AcceptInvitationResponse()
        member, position = await invitations.accept_invitation(
            self._deps, call.caller, parse_id(request.room_id)
        )
        fill_member(response.membership, member)
        fill_position(response.position, position)
        return response

    async def DeclineInvitation(
        self, request: pb.DeclineInvitationRequest, call: Call
    ) -> pb.DeclineInvitationResponse:
        """See the contract."""
        response = pb.DeclineInvitationResponse()
        position = await invitations.decline_invitation(self._deps, call.caller, parse_id(request.room_id))
        if position is not None:
            fill_position(response.position, position)
        return response

    async def InviteUser(self, request: pb.InviteUserRequest, call: Call) -> pb.InviteUserResponse:
        """See the contract."""
        room_id, user_id = parse_id(request.room_id), parse_id(request.user_id)
        return wire.invite_user_response(
            *await invitations.invite_user(self._deps, call.caller, room_id, user_id)
        )

    async def RevokeInvitation(
        self, request: pb.RevokeInvitationRequest, call: Call
    ) -> pb.RevokeInvitationResponse:
        """See the contract."""
        room_id, user_id = parse_id(request.room_id), parse_id(request.user_id)
        response = pb.RevokeInvitationResponse()
        fill_position(
            response.position,
            await invitations.revoke_invitation(self._deps, call.caller, room_id, user_id),
        )
        return response

    async def ListInvitations(
        self, request: pb.ListInvitationsRequest, call: Call
    ) -> pb.ListInvitationsResponse:
        """See the contract."""
        room_id, size = parse_id(request.room_id), page_size(request.page_size)
        return wire.list_invitations_response(
            *await invitations.list_invitations(self._deps, call.caller, room_id, size, request.page_token)
        )

    async def ListMyInvitations(
        self, request: pb.ListMyInvitationsRequest, call: Call
    ) -> pb.ListMyInvitationsResponse:
        """See the contract."""
        size = page_size(request.page_size)
        return wire.list_my_invitations_response(
            *await invitations.list_my_invitations(self._deps, call.caller, size, request.page_token)
        )

    async def ListMembers(self, request: pb.ListMembersRequest, call: Call) -> pb.ListMembersResponse:
        """See the contract."""
        return wire.list_members_response(
            *await membership.list_members(self._deps, call.caller, wire.member_listing(request))
        )

    async def SetMemberRole(self, request: pb.SetMemberRoleRequest, call: Call) -> pb.SetMemberRoleResponse:
        """See the contract."""
        room_id, user_id, role = parse_id(request.room_id), parse_id(request.user_id), wire.role(request.role)
        assert role is not None  # noqa: S101 - the contract refuses the unspecified one
        response = pb.SetMemberRoleResponse()
        member, position = await membership.set_member_role(self._deps, call.caller, room_id, user_id, role)
        fill_member(response.member, member)
        fill_position(response.position, position)
        return response

    async def MarkRead(self, request: pb.MarkReadRequest, call: Call) -> pb.MarkReadResponse:
        """See the contract."""
        last_read_seq = await read_markers.mark_read(
            self._deps, call.caller, parse_id(request.room_id), request.seq
        )
        return pb.MarkReadResponse(last_read_seq=last_read_seq)

    async def MarkUnread(self, request: pb.MarkUnreadRequest, call: Call) -> pb.MarkUnreadResponse:
        """See the contract."""
        room_id = parse_id(request.room_id)
        last_read_seq = await read_markers.mark_unread(self._deps, call.caller, room_id, request.from_seq)
        return pb.MarkUnreadResponse(last_read_seq=last_read_seq)
