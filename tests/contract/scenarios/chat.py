"""The reasons of the chat service."""

from __future__ import annotations

from typing import Any

from seda.chat.v1.live_service_pb2 import WatchRequest
from seda.chat.v1.message_service_pb2 import GetMessageRequest, SearchMessagesRequest, SendMessageRequest
from seda.chat.v1.room_service_pb2 import GetRoomRequest
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.chat.live.watch import MAX_MY_ROOMS
from tests.contract.auth_headers import user_header
from tests.contract.scenarios.context import Scenario, ScenarioContext, call_method, unknown_id
from tests.contract.suite import Outcome
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import running

_MESSAGES = "seda.chat.v1.MessageService"


async def _room_not_found(context: ScenarioContext) -> Outcome:
    request = GetRoomRequest(room_id=unknown_id())
    return await context.refusal("chat", "seda.chat.v1.RoomService.GetRoom", request, new_user())


async def _message_not_found(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    request = GetMessageRequest(room_id=room_id, message_id=unknown_id())
    return await context.refusal("chat", f"{_MESSAGES}.GetMessage", request, bob)


async def _request_id_reused(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    request_id = unknown_id()
    await context.client.send_message(bob, room_id, "one", request_id=request_id)
    return await _send(context, bob, room_id, text="two", request_id=request_id)


async def _banned(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    await context.client.db.add_sanction(room_id, bob, "BAN")
    return await _send(context, bob, room_id)


async def _not_a_member(context: ScenarioContext) -> Outcome:
    _, room_id = await _member(context)
    return await _send(context, new_user(), room_id)


async def _caller_muted(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    await context.client.db.add_sanction(room_id, bob, "MUTE")
    return await _send(context, bob, room_id)


async def _announcement_room(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    await context.client.db.set_room(room_id, announcement=True)
    return await _send(context, bob, room_id)


async def _room_locked(context: ScenarioContext) -> Outcome:
    return await _stamped(context, "locked_at")


async def _room_archived(context: ScenarioContext) -> Outcome:
    return await _stamped(context, "archived_at")


async def _parent_deleted(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    parent = await context.client.send_message(bob, room_id, "gone")
    await context.admin.execute(
        "UPDATE chat.messages SET deleted_at = now(), deletion_type = 'AUTHOR' WHERE id = $1", parent.id
    )
    return await _send(context, bob, room_id, parent_id=parent.id)


async def _slow_mode(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    await context.client.db.set_room(room_id, slow_mode_seconds=600)
    await context.client.send_message(bob, room_id, "first")
    return await _send(context, bob, room_id)


async def _track_not_found(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    return await _send(context, bob, room_id, track_id=unknown_id())


async def _mention_not_a_member(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    return await _send(context, bob, room_id, mention_user_ids=[unknown_id()])


async def _search_too_broad(context: ScenarioContext) -> Outcome:
    bob, room_id = await _member(context)
    targets = {
        f"{name}_target": f"127.0.0.1:{context.suite.processes[name].process.servers.port}"
        for name in ("users", "tracks")
    }
    async with running(ChatSettings, build_chat, context.database, **targets, search_timeout_ms=100) as chat:
        # Cache the caller.
        await ChatClient(chat, context.admin).get_room(bob, room_id)
        async with context.admin.transaction():
            await context.admin.execute("LOCK TABLE chat.messages IN ACCESS EXCLUSIVE MODE")
            request = SearchMessagesRequest(query="late")
            return await call_method(chat.channel, f"{_MESSAGES}.SearchMessages", request, user_header(bob))


async def _too_many_rooms(context: ScenarioContext) -> Outcome:
    bob, _ = await _member(context)
    await context.admin.execute(
        """
        WITH room AS (
          INSERT INTO chat.rooms (id, name, rev) SELECT gen_random_uuid(), 'one of many', 1
            FROM generate_series(1, $2::int) RETURNING id
        ), counters AS (
          INSERT INTO chat.room_counters (room_id, last_rev) SELECT id, 1 FROM room
        )
        INSERT INTO chat.room_memberships (room_id, user_id, joined_at, rev) SELECT id, $1, now(), 1 FROM room
        """,
        await context.client.db.user_id(bob),
        MAX_MY_ROOMS,
    )
    request = WatchRequest(all_my_rooms=True)
    return await context.refusal("chat", "seda.chat.v1.LiveService.Watch", request, bob)


async def _member(context: ScenarioContext) -> tuple[str, str]:
    """A plain member of a new room, and the room."""
    bob = new_user()
    room = await context.client.create_room(new_user())
    await context.client.join_room(bob, room.id)
    return bob, room.id


async def _stamped(context: ScenarioContext, column: str) -> Outcome:
    bob, room_id = await _member(context)
    await context.admin.execute(f"UPDATE chat.rooms SET {column} = now() WHERE id = $1", room_id)
    return await _send(context, bob, room_id)


async def _send(context: ScenarioContext, email: str, room_id: str, **fields: Any) -> Outcome:
    request = SendMessageRequest(room_id=room_id, **{"text": "a message", **fields})
    return await context.refusal("chat", f"{_MESSAGES}.SendMessage", request, email)


SCENARIOS: dict[str, Scenario] = {
    "TOO_MANY_ROOMS": _too_many_rooms,
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
    "SEARCH_TOO_BROAD": _search_too_broad,
}
