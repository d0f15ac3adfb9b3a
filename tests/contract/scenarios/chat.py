"""The reasons of the chat service."""

from __future__ import annotations

from typing import Any

from seda.chat.v1.message_service_pb2 import GetMessageRequest, SendMessageRequest
from seda.chat.v1.room_service_pb2 import GetRoomRequest
from tests.contract.scenarios.context import Scenario, Stage, nobody
from tests.contract.suite import Outcome
from tests.services.chat.world import new_user

_MESSAGES = "seda.chat.v1.MessageService"


async def _room_not_found(stage: Stage) -> Outcome:
    request = GetRoomRequest(room_id=nobody())
    return await stage.refused("chat", "seda.chat.v1.RoomService.GetRoom", request, new_user())


async def _message_not_found(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    request = GetMessageRequest(room_id=room_id, message_id=nobody())
    return await stage.refused("chat", f"{_MESSAGES}.GetMessage", request, bob)


async def _request_id_reused(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    request_id = nobody()
    await stage.world.send(bob, room_id, "one", request_id=request_id)
    return await _send(stage, bob, room_id, text="two", request_id=request_id)


async def _banned(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    await stage.world.sanction(room_id, bob, "BAN")
    return await _send(stage, bob, room_id)


async def _not_a_member(stage: Stage) -> Outcome:
    _, room_id = await _member(stage)
    return await _send(stage, new_user(), room_id)


async def _caller_muted(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    await stage.world.sanction(room_id, bob, "MUTE")
    return await _send(stage, bob, room_id)


async def _announcement_room(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    await stage.world.set_room(room_id, announcement=True)
    return await _send(stage, bob, room_id)


async def _room_locked(stage: Stage) -> Outcome:
    return await _stamped(stage, "locked_at")


async def _room_archived(stage: Stage) -> Outcome:
    return await _stamped(stage, "archived_at")


async def _parent_deleted(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    parent = (await stage.world.send(bob, room_id, "gone")).message
    await stage.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE id = $1", parent.id
    )
    return await _send(stage, bob, room_id, parent_id=parent.id)


async def _slow_mode(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    await stage.world.set_room(room_id, slow_mode_seconds=600)
    await stage.world.send(bob, room_id, "first")
    return await _send(stage, bob, room_id)


async def _track_not_found(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    return await _send(stage, bob, room_id, track_id=nobody())


async def _mention_not_a_member(stage: Stage) -> Outcome:
    bob, room_id = await _member(stage)
    return await _send(stage, bob, room_id, mention_user_ids=[nobody()])


async def _member(stage: Stage) -> tuple[str, str]:
    """A member of a new room who is nothing more, and the room."""
    bob = new_user()
    room = await stage.world.room(new_user())
    await stage.world.join(bob, room.id)
    return bob, room.id


async def _stamped(stage: Stage, column: str) -> Outcome:
    bob, room_id = await _member(stage)
    await stage.admin.execute(f"UPDATE chat.rooms SET {column} = now() WHERE id = $1", room_id)
    return await _send(stage, bob, room_id)


async def _send(stage: Stage, email: str, room_id: str, **fields: Any) -> Outcome:
    request = SendMessageRequest(room_id=room_id, **{"text": "a message", **fields})
    return await stage.refused("chat", f"{_MESSAGES}.SendMessage", request, email)


SCENARIOS: dict[str, Scenario] = {
    "ROOM_NOT_FOUND": _room_not_found,
    "MESSAGE_NOT_FOUND": _message_not_found,
    "REQUEST_ID_REUSED": _request_id_reused,
    "BANNED": _banned,
    "NOT_A_MEMBER": _not_a_member,
    "CALLER_MUTED": _caller_muted,
    "ANNOUNCEMENT_ROOM": _announcement_room,
    "ROOM_LOCKED": _room_locked,
    "ROOM_ARCHIVED": _room_archived,
    "PARENT_DELETED": _parent_deleted,
    "SLOW_MODE": _slow_mode,
    "TRACK_NOT_FOUND": _track_not_found,
    "MENTION_NOT_A_MEMBER": _mention_not_a_member,
}
