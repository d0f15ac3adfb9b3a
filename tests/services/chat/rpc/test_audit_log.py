"""ListModerationLogs: every action with the role, the call and the fields that the contract documents."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from seda.chat.v1.moderation_pb2 import (
    ACTOR_ROLE_MODERATOR,
    ACTOR_ROLE_OWNER,
    MODERATION_ACTION_UNSPECIFIED,
    REPORT_STATE_ACTED,
    ModerationAction,
    ModerationLog,
)
from seda.chat.v1.room_pb2 import MEMBER_ROLE_MODERATOR
from servicekit.caller import Role
from services.chat.domain import model
from tests.contract.proto_comments import proto_comments
from tests.services.chat.chat_client import ChatClient, RoomWithMembers, new_user
from tests.services.running import add_user

_PREFIX = "MODERATION_ACTION_"


def documented_fields(action: str) -> tuple[set[str], set[str]]:
    """Return the fields of before and after that the comment of an action names."""
    comment = proto_comments()[f"{ModerationAction.DESCRIPTOR.full_name}.{_PREFIX}{action}"]
    before, _, after = comment.partition("After:")
    names = [set(re.findall(r"`(\w+)`", part)) for part in (before.partition("Before:")[2], after)]
    return names[0], names[1]


async def do_everything(client: ChatClient, room: RoomWithMembers) -> None:
    """Let moderators, and an administrator, do all that is logged."""

    async def act(method: str, email: str = room.owner, **fields: Any) -> Any:
        return await client.call(email, method, room_id=room.id, **fields)

    ids = {email: await client.db.user_id(email) for email in (room.member, room.other)}
    staff = new_user()
    await add_user(client.admin, staff, role=Role.ADMIN)
    guest = await add_user(client.admin, new_user())
    first, second = [await client.send_message(room.member, room.id, text) for text in ("one", "two")]
    about_first = {"message_id": first.id}
    await act("InviteUser", user_id=guest)
    await act("RevokeInvitation", user_id=guest)
    await act("PinMessage", **about_first)
    await act("UnpinMessage", **about_first)
    report = (await act("ReportMessage", room.other, **about_first)).report
    await act("ResolveReport", report_id=report.id, state=REPORT_STATE_ACTED)
    await act("DeleteMessage", **about_first)
    await act("RestoreMessage", **about_first)
    await act("InspectMessage", staff, message_id=second.id)
    for method in ("InspectSanctions", "InspectReports", "InspectModerationLogs"):
        await act(method, staff)
    await act("DeleteMessagesByAuthor", author_id=ids[room.member])
    for method in ("MuteMember", "UnmuteMember", "KickMember", "BanMember", "UnbanMember"):
        await act(method, room.moderator, user_id=ids[room.member])
    await act("SetMemberRole", user_id=ids[room.other], role=MEMBER_ROLE_MODERATOR)
    await client.call(
        room.owner,
        "UpdateRoom",
        room={"id": room.id, "announcement": True, "slow_mode_interval": {"seconds": 5}},
        update_mask={"paths": ["announcement", "slow_mode_interval"]},
    )
    for method in ("LockRoom", "UnlockRoom", "ArchiveRoom", "UnarchiveRoom"):
        await act(method)


async def test_every_action_is_logged_with_the_documented_fields(
    client: ChatClient, room: RoomWithMembers
) -> None:
    await do_everything(client, room)
    page = await client.call(room.owner, "ListModerationLogs", room_id=room.id, page_size=100)
    seen = {}
    for line in page.logs:
        action = ModerationAction.Name(line.action).removeprefix(_PREFIX)
        seen[action] = (_fields(line, "before"), _fields(line, "after"))
        by_moderator = action in {"MUTE_MEMBER", "UNMUTE_MEMBER", "KICK_MEMBER", "BAN_MEMBER", "UNBAN_MEMBER"}
        if not line.as_admin:
            assert line.actor_role == (ACTOR_ROLE_MODERATOR if by_moderator else ACTOR_ROLE_OWNER)
        assert re.fullmatch(r"[0-9a-f]{32}", line.call_id)
    assert seen == {action: documented_fields(action) for action in model.ModerationAction}


def test_actions_of_the_log_are_those_of_the_contract() -> None:
    assert {f"{_PREFIX}{action}" for action in (*model.ModerationAction, "UNSPECIFIED")} == {
        *ModerationAction.keys()
    }


@pytest.mark.parametrize("action", ["TURN_ROOM", "READ_INVITATIONS"])
async def test_action_of_a_newer_build_is_unspecified(
    client: ChatClient, room: RoomWithMembers, action: str
) -> None:
    await client.call(room.owner, "LockRoom", room_id=room.id)
    await client.admin.execute(
        "UPDATE chat.moderation_logs SET action = $2 WHERE room_id = $1", uuid.UUID(room.id), action
    )
    page = await client.call(room.owner, "ListModerationLogs", room_id=room.id)
    assert [line.action for line in page.logs] == [MODERATION_ACTION_UNSPECIFIED]


def _fields(line: ModerationLog, name: str) -> set[str]:
    state: Struct = getattr(line, name)
    return set(state.fields)
