"""Makes clients of Watch, and compares what they know with what the service says."""

from __future__ import annotations

from typing import Any

from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import THREAD_VIEW_ALL
from tests.services.chat.chat_client import ChatClient
from tests.services.running import user
from tests.support.live_client import LiveClient, LiveRoom


def watcher(client: ChatClient, email: str, **options: bool) -> LiveClient:
    """A client of the process that `client` calls."""
    return LiveClient(LiveServiceStub(client.chat.channel), lambda: user(email), **options)


async def load(client: ChatClient, email: str, room_id: str) -> tuple[LiveRoom, str]:
    """A room as pages and lists show it, and the epoch of its rev, which is read first: later changes may be in it."""
    got = await client.get_room(email, room_id)
    room = LiveRoom(rev=got.position.rev, room=got.room, member_count=got.room.member_count)
    for message in await _all(client, email, "ListMessages", room_id, thread_view=THREAD_VIEW_ALL):
        room.messages[message.id] = message
    for member in await _all(client, email, "ListMembers", room_id):
        room.members[member.user_id] = member
    for pinned in await _all(client, email, "ListPins", room_id):
        room.pins[pinned.pin.message_id] = pinned.pin.pinner_id
    return room, got.position.epoch


async def _all(client: ChatClient, email: str, method: str, room_id: str, **fields: Any) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        page = await client.call(email, method, room_id=room_id, page_size=100, page_token=token, **fields)
        found += next((value for field, value in page.ListFields() if field.is_repeated), [])
        token = page.next_page_token
        if not token:
            return found


def facts(room: LiveRoom) -> dict[str, object]:
    """What a client knows of a room, without what depends on who asks."""
    assert room.room is not None
    return {
        "messages": {each.id: _message(each) for each in room.messages.values()},
        "members": {each.user_id: (each.role, each.rev) for each in room.members.values()},
        "pins": room.pins,
        "member_count": room.member_count,
        "room": (room.room.name, room.room.rev, room.room.HasField("lock_time"), room.room.announcement),
    }


def _message(message: Message) -> bytes:
    copy = Message()
    copy.CopyFrom(message)
    for tally in copy.reactions:
        tally.me = False
    return copy.SerializeToString(deterministic=True)
