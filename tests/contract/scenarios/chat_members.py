"""The reasons of the chat service that rooms, roles, invitations and reports have."""

from __future__ import annotations

from seda.chat.v1.membership_service_pb2 import InviteUserRequest, LeaveRoomRequest, SetMemberRoleRequest
from seda.chat.v1.moderation_pb2 import REPORT_STATE_DISMISSED
from seda.chat.v1.moderation_service_pb2 import ResolveReportRequest
from seda.chat.v1.room_pb2 import MEMBER_ROLE_MODERATOR
from tests.contract.scenarios.context import Scenario, Stage, nobody
from tests.contract.suite import Outcome
from tests.services.chat.world import new_user

_MEMBERS = "seda.chat.v1.MembershipService"


async def _role_required(stage: Stage) -> Outcome:
    _, bob, room_id = await _owner_and_member(stage)
    request = InviteUserRequest(room_id=room_id, user_id=nobody())
    return await stage.refused("chat", f"{_MEMBERS}.InviteUser", request, bob)


async def _last_owner(stage: Stage) -> Outcome:
    ada, _, room_id = await _owner_and_member(stage)
    return await stage.refused("chat", f"{_MEMBERS}.LeaveRoom", LeaveRoomRequest(room_id=room_id), ada)


async def _target_protected(stage: Stage) -> Outcome:
    ada, _, room_id = await _owner_and_member(stage)
    return await _promote(stage, ada, room_id, await stage.world.user_id(ada))


async def _member_not_found(stage: Stage) -> Outcome:
    ada, _, room_id = await _owner_and_member(stage)
    return await _promote(stage, ada, room_id, nobody())


async def _report_not_found(stage: Stage) -> Outcome:
    ada, _, room_id = await _owner_and_member(stage)
    request = ResolveReportRequest(
        room_id=room_id, report_id=nobody(), state=REPORT_STATE_DISMISSED, reason="because"
    )
    return await stage.refused("chat", "seda.chat.v1.ModerationService.ResolveReport", request, ada)


async def _target_banned(stage: Stage) -> Outcome:
    ada, bob, room_id = await _owner_and_member(stage)
    await stage.world.sanction(room_id, bob, "BAN")
    request = InviteUserRequest(room_id=room_id, user_id=await stage.world.user_id(bob))
    return await stage.refused("chat", f"{_MEMBERS}.InviteUser", request, ada)


async def _owner_and_member(stage: Stage) -> tuple[str, str, str]:
    ada, bob = new_user(), new_user()
    room = await stage.world.room(ada)
    await stage.world.join(bob, room.id)
    return ada, bob, room.id


async def _promote(stage: Stage, email: str, room_id: str, user_id: str) -> Outcome:
    request = SetMemberRoleRequest(room_id=room_id, user_id=user_id, role=MEMBER_ROLE_MODERATOR)
    return await stage.refused("chat", f"{_MEMBERS}.SetMemberRole", request, email)


SCENARIOS: dict[str, Scenario] = {
    "ROLE_REQUIRED": _role_required,
    "LAST_OWNER": _last_owner,
    "TARGET_PROTECTED": _target_protected,
    "MEMBER_NOT_FOUND": _member_not_found,
    "REPORT_NOT_FOUND": _report_not_found,
    "TARGET_BANNED": _target_banned,
}
