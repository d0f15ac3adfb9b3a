"""The reasons of the chat service that rooms, roles, invitations and reports have."""

from __future__ import annotations

from seda.chat.v1.membership_service_pb2 import InviteUserRequest, LeaveRoomRequest, SetMemberRoleRequest
from seda.chat.v1.moderation_pb2 import REPORT_STATE_DISMISSED
from seda.chat.v1.moderation_service_pb2 import ResolveReportRequest
from seda.chat.v1.room_pb2 import MEMBER_ROLE_MODERATOR
from tests.contract.scenarios.context import Scenario, ScenarioContext, unknown_id
from tests.contract.suite import Outcome
from tests.services.chat.chat_client import new_user

_MEMBERS = "seda.chat.v1.MembershipService"


async def _role_required(context: ScenarioContext) -> Outcome:
    _, bob, room_id = await _owner_and_member(context)
    request = InviteUserRequest(room_id=room_id, user_id=unknown_id())
    return await context.refusal("chat", f"{_MEMBERS}.InviteUser", request, bob)


async def _last_owner(context: ScenarioContext) -> Outcome:
    ada, _, room_id = await _owner_and_member(context)
    return await context.refusal("chat", f"{_MEMBERS}.LeaveRoom", LeaveRoomRequest(room_id=room_id), ada)


async def _target_protected(context: ScenarioContext) -> Outcome:
    ada, _, room_id = await _owner_and_member(context)
    return await _promote(context, ada, room_id, await context.client.db.user_id(ada))


async def _member_not_found(context: ScenarioContext) -> Outcome:
    ada, _, room_id = await _owner_and_member(context)
    return await _promote(context, ada, room_id, unknown_id())


async def _report_not_found(context: ScenarioContext) -> Outcome:
    ada, _, room_id = await _owner_and_member(context)
    request = ResolveReportRequest(
        room_id=room_id, report_id=unknown_id(), state=REPORT_STATE_DISMISSED, reason="because"
    )
    return await context.refusal("chat", "seda.chat.v1.ModerationService.ResolveReport", request, ada)


async def _target_banned(context: ScenarioContext) -> Outcome:
    ada, bob, room_id = await _owner_and_member(context)
    await context.client.db.add_sanction(room_id, bob, "BAN")
    request = InviteUserRequest(room_id=room_id, user_id=await context.client.db.user_id(bob))
    return await context.refusal("chat", f"{_MEMBERS}.InviteUser", request, ada)


async def _owner_and_member(context: ScenarioContext) -> tuple[str, str, str]:
    ada, bob = new_user(), new_user()
    room = await context.client.create_room(ada)
    await context.client.join_room(bob, room.id)
    return ada, bob, room.id


async def _promote(context: ScenarioContext, email: str, room_id: str, user_id: str) -> Outcome:
    request = SetMemberRoleRequest(room_id=room_id, user_id=user_id, role=MEMBER_ROLE_MODERATOR)
    return await context.refusal("chat", f"{_MEMBERS}.SetMemberRole", request, email)


SCENARIOS: dict[str, Scenario] = {
    "ROLE_REQUIRED": _role_required,
    "LAST_OWNER": _last_owner,
    "TARGET_PROTECTED": _target_protected,
    "MEMBER_NOT_FOUND": _member_not_found,
    "REPORT_NOT_FOUND": _report_not_found,
    "TARGET_BANNED": _target_banned,
}
