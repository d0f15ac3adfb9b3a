"""Short ways to say what a test of chat does."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from typing import Any

import asyncpg

from seda.chat.v1 import membership_service_pb2, room_service_pb2
from seda.chat.v1.membership_service_pb2 import JoinRoomRequest, JoinRoomResponse
from seda.chat.v1.membership_service_pb2_grpc import MembershipServiceStub
from seda.chat.v1.message_service_pb2 import (
    GetMessageRequest,
    GetMessageResponse,
    ListMessagesRequest,
    ListMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import (
    CreateRoomRequest,
    CreateRoomResponse,
    GetRoomRequest,
    GetRoomResponse,
)
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from tests.services.running import Running, call, user

DOMAIN = "chat.seda.fm"
_names = itertools.count(1)


def new_user() -> str:
    """The e-mail address of somebody who has never been here."""
    return f"listener{next(_names)}-{uuid.uuid4().hex[:8]}@example.org"


class World:
    """The chat service as its users see it, and its tables as the superuser does."""

    def __init__(self, chat: Running, admin: asyncpg.Connection) -> None:
        self.chat = chat
        self.admin = admin
        self._admin_turn = asyncio.Lock()
        self.rooms = RoomServiceStub(chat.channel)
        self.members = MembershipServiceStub(chat.channel)
        self.messages = MessageServiceStub(chat.channel)

    async def create_room(
        self, email: str, name: str = "Late night records", **fields: Any
    ) -> CreateRoomResponse:
        """Create a room."""
        return await call(self.rooms.CreateRoom, CreateRoomRequest(name=name, **fields), user(email))

    async def room(self, email: str, **fields: Any) -> Room:
        """A new room."""
        return (await self.create_room(email, **fields)).room

    async def get_room(self, email: str, room_id: str) -> GetRoomResponse:
        """Get a room."""
        return await call(self.rooms.GetRoom, GetRoomRequest(room_id=room_id), user(email))

    async def join(self, email: str, room_id: str) -> JoinRoomResponse:
        """Join a room."""
        return await call(self.members.JoinRoom, JoinRoomRequest(room_id=room_id), user(email))

    async def send(self, email: str, room_id: str, text: str = "", **fields: Any) -> SendMessageResponse:
        """Send a message."""
        request = SendMessageRequest(room_id=room_id, text=text, **fields)
        return await call(self.messages.SendMessage, request, user(email))

    async def get(self, email: str, room_id: str, message_id: str) -> GetMessageResponse:
        """Get a message."""
        request = GetMessageRequest(room_id=room_id, message_id=message_id)
        return await call(self.messages.GetMessage, request, user(email))

    async def page(self, email: str, room_id: str, **fields: Any) -> ListMessagesResponse:
        """List messages."""
        return await call(
            self.messages.ListMessages, ListMessagesRequest(room_id=room_id, **fields), user(email)
        )

    async def ask(self, email: str, method: str, **fields: Any) -> Any:
        """Call a method of RoomService or MembershipService by its name."""
        stub, module = (
            (self.rooms, room_service_pb2)
            if hasattr(self.rooms, method)
            else (self.members, membership_service_pb2)
        )
        return await call(getattr(stub, method), getattr(module, f"{method}Request")(**fields), user(email))

    async def user_id(self, email: str) -> str:
        """The id of a user who has called before."""
        return str(await self.admin.fetchval("SELECT id FROM users.users WHERE email = $1", email))

    async def admin_value(self, query: str, *args: object) -> Any:
        """A value that the superuser reads; waits for the others who do, as all share one connection."""
        async with self._admin_turn:
            return await self.admin.fetchval(query, *args)

    async def set_room(self, room_id: str, **columns: object) -> None:
        """Change a room's columns behind the service's back."""
        for name, value in columns.items():
            await self.admin.execute(f"UPDATE chat.rooms SET {name} = $2 WHERE id = $1", room_id, value)

    async def set_role(self, room_id: str, email: str, role: str) -> None:
        """Change a member's role behind the service's back."""
        await self.admin.execute(
            "UPDATE chat.room_memberships SET role = $3 WHERE room_id = $1 AND user_id = $2",
            room_id,
            await self.user_id(email),
            role,
        )

    async def owners(self, room_id: str) -> list[str]:
        """Who owns a room."""
        rows = await self.admin.fetch(
            "SELECT u.email FROM chat.room_memberships m JOIN users.users u ON u.id = m.user_id"
            " WHERE m.room_id = $1 AND m.left_at IS NULL AND m.role = 'OWNER'",
            room_id,
        )
        return [row["email"] for row in rows]

    async def sanction(self, room_id: str, email: str, kind: str, expires: str = "1 hour") -> None:
        """Mute or ban somebody in a room; a ban also ends the membership, as BanMember will."""
        user_id = await self.user_id(email)
        await self.admin.execute(
            "INSERT INTO chat.sanctions (id, room_id, user_id, kind, reason, starts_at, expires_at, rev)"
            " VALUES (gen_random_uuid(), $1, $2, $3, 'test', now() - interval '2 hours',"
            f" now() + interval '{expires}', 1)",
            room_id,
            user_id,
            kind,
        )
        if kind == "BAN":
            await self.admin.execute(
                "UPDATE chat.room_memberships SET left_at = now() WHERE room_id = $1 AND user_id = $2",
                room_id,
                user_id,
            )

    async def numbers(self, room_id: str) -> list[tuple[int, int]]:
        """The (seq, rev) of all messages of a room, in order."""
        rows = await self.admin.fetch(
            "SELECT seq, rev FROM chat.messages WHERE room_id = $1 ORDER BY seq", room_id
        )
        return [(row["seq"], row["rev"]) for row in rows]
