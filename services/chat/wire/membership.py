"""Converters of MembershipService."""

from __future__ import annotations

from seda.chat.v1 import membership_service_pb2, room_pb2
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from servicekit.timestamps import to_proto
from services.chat.actions.membership import MemberListing
from services.chat.domain.model import Invitation, Member, MemberRole, Position
from services.chat.store.invitations import MyInvitationRow
from services.chat.wire.rooms import fill_member, fill_position, fill_room

_ROLES = {room_pb2.MemberRole.Value(f"MEMBER_ROLE_{each}"): each for each in MemberRole}


def role(value: room_pb2.MemberRole.ValueType) -> MemberRole | None:
    """Convert a role; None for the unspecified one."""
    return _ROLES.get(value)


def member_listing(request: membership_service_pb2.ListMembersRequest) -> MemberListing:
    """Convert a ListMembers request."""
    return MemberListing(
        parse_id(request.room_id), role(request.role), page_size(request.page_size), request.page_token
    )


def list_members_response(
    page: list[Member], next_page_token: str
) -> membership_service_pb2.ListMembersResponse:
    """Convert a page of members."""
    response = membership_service_pb2.ListMembersResponse(next_page_token=next_page_token)
    for member in page:
        fill_member(response.members.add(), member)
    return response


def fill_invitation(into: room_pb2.Invitation, invitation: Invitation) -> None:
    """Write an invitation."""
    into.room_id = str(invitation.room_id)
    into.user_id = str(invitation.user_id)
    if invitation.invited_by is not None:
        into.inviter_id = str(invitation.invited_by)
    into.rev = invitation.rev
    to_proto(into.create_time, invitation.created_at)


def invite_user_response(
    invitation: Invitation | None, position: Position
) -> membership_service_pb2.InviteUserResponse:
    """Convert an invitation; empty for a member."""
    response = membership_service_pb2.InviteUserResponse()
    fill_position(response.position, position)
    if invitation is not None:
        fill_invitation(response.invitation, invitation)
    return response


def list_invitations_response(
    page: list[Invitation], next_page_token: str
) -> membership_service_pb2.ListInvitationsResponse:
    """Convert a page of a room's invitations."""
    response = membership_service_pb2.ListInvitationsResponse(next_page_token=next_page_token)
    for invitation in page:
        fill_invitation(response.invitations.add(), invitation)
    return response


def list_my_invitations_response(
    page: list[MyInvitationRow], next_page_token: str
) -> membership_service_pb2.ListMyInvitationsResponse:
    """Convert a page of the caller's invitations."""
    response = membership_service_pb2.ListMyInvitationsResponse(next_page_token=next_page_token)
    for row in page:
        mine = response.invitations.add()
        fill_invitation(mine.invitation, row.invitation)
        fill_room(mine.room, row.room)
    return response
