"""Calls every method of chat as any user: `await client.send_message(ada, room.id, "hello")`."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from typing import Any

import asyncpg
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message as AnyMessage

from seda.chat.v1 import (
    live_service_pb2,
    membership_service_pb2,
    message_service_pb2,
    moderation_service_pb2,
    reaction_service_pb2,
    room_service_pb2,
)
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.membership_service_pb2 import JoinRoomResponse
from seda.chat.v1.membership_service_pb2_grpc import MembershipServiceStub
from seda.chat.v1.message_pb2 import Message, TrackSnapshot
from seda.chat.v1.message_service_pb2 import (
    ListMessagesResponse,
    ListRepliesResponse,
    ListRevisionsResponse,
    LookupMessagesResponse,
    SearchMessagesResponse,
)
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.moderation_service_pb2_grpc import ModerationServiceStub
from seda.chat.v1.reaction_service_pb2 import (
    AddReactionResponse,
    ListReactionsResponse,
    RemoveReactionResponse,
)
from seda.chat.v1.reaction_service_pb2_grpc import ReactionServiceStub
from seda.chat.v1.room_pb2 import Pin, Room
from seda.chat.v1.room_service_pb2 import GetRoomResponse, ListPinsResponse
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from tests.services.chat.chat_database import ChatDatabase
from tests.services.running import Running, call, user

DOMAIN = "chat.seda.fm"
_SERVICES: tuple[tuple[Any, Any], ...] = (
    (room_service_pb2, RoomServiceStub),
    (live_service_pb2, LiveServiceStub),
    (membership_service_pb2, MembershipServiceStub),
    (message_service_pb2, MessageServiceStub),
    (reaction_service_pb2, ReactionServiceStub),
    (moderation_service_pb2, ModerationServiceStub),
)
_numbers = itertools.count(1)


def new_user() -> str:
    """The e-mail address of a user who has never called."""
    return f"listener{next(_numbers)}-{uuid.uuid4().hex[:8]}@example.org"


class ChatClient:
    """One process of chat. `db` is the superuser's connection to its database."""

    def __init__(self, chat: Running, admin: asyncpg.Connection) -> None:
        self.chat = chat
        self.admin = admin
        self.db = ChatDatabase(admin)
        self._methods: dict[str, tuple[Any, type[AnyMessage]]] = {}
        for module, stub_type in _SERVICES:
            stub = stub_type(chat.channel)
            for service in module.DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    self._methods[method.name] = (
                        getattr(stub, method.name),
                        getattr(module, method.input_type.name),
                    )

    async def call(self, email: str, method: str, /, **fields: Any) -> Any:
        """Call a method by its name. Requests of ModerationService have a reason unless one is given."""
        send, request_type = self._methods[method]
        descriptor = request_type.DESCRIPTOR
        if descriptor.file is moderation_service_pb2.DESCRIPTOR and "reason" in descriptor.fields_by_name:
            fields.setdefault("reason", "because")
        return await call(send, request_type(**fields), user(email))

    async def _call_on(self, email: str, method: str, message: Message, **fields: Any) -> Any:
        return await self.call(email, method, room_id=message.room_id, message_id=message.id, **fields)

    async def create_room(
        self, email: str, name: str = "Late night records", request_id: str = "", **fields: Any
    ) -> Room:
        """CreateRoom."""
        wanted = {"name": name, **fields}
        room: Room = (await self.call(email, "CreateRoom", room=wanted, request_id=request_id)).room
        return room

    async def get_room(self, email: str, room_id: str) -> GetRoomResponse:
        """GetRoom."""
        response: GetRoomResponse = await self.call(email, "GetRoom", room_id=room_id)
        return response

    async def join_room(self, email: str, room_id: str) -> JoinRoomResponse:
        """JoinRoom."""
        response: JoinRoomResponse = await self.call(email, "JoinRoom", room_id=room_id)
        return response

    async def join_as(self, room_id: str, role: str = "MEMBER") -> str:
        """Let a new user join a room and have a role; gives their address."""
        email = new_user()
        await self.join_room(email, room_id)
        if role != "MEMBER":
            await self.db.set_role(room_id, email, role)
        return email

    async def send_message(self, email: str, room_id: str, text: str = "", **fields: Any) -> Message:
        """SendMessage."""
        message: Message = (
            await self.call(email, "SendMessage", room_id=room_id, text=text, **fields)
        ).message
        return message

    async def update_message(self, email: str, message: Message, **fields: Any) -> Message:
        """UpdateMessage; masks the fields that are given, unless `update_mask` does."""
        paths = [{"track_id": "track"}.get(name, name) for name in fields if name in ("text", "track_id")]
        mask = fields.pop("update_mask", FieldMask(paths=paths))
        if "track_id" in fields:
            fields["track"] = TrackSnapshot(track_id=fields.pop("track_id"))
        wanted = Message(room_id=message.room_id, id=message.id, **fields)
        edited: Message = (await self.call(email, "UpdateMessage", message=wanted, update_mask=mask)).message
        return edited

    async def delete_message(self, email: str, message: Message, **fields: Any) -> Message:
        """DeleteMessage; gives the tombstone."""
        tombstone: Message = (await self._call_on(email, "DeleteMessage", message, **fields)).message
        return tombstone

    async def restore_message(self, email: str, message: Message, **fields: Any) -> Message:
        """RestoreMessage."""
        restored: Message = (await self._call_on(email, "RestoreMessage", message, **fields)).message
        return restored

    async def get_message(self, email: str, message: Message, **fields: Any) -> Message:
        """GetMessage."""
        found: Message = (await self._call_on(email, "GetMessage", message, **fields)).message
        return found

    async def inspect_message(self, email: str, message: Message, **fields: Any) -> Message:
        """InspectMessage."""
        found: Message = (await self._call_on(email, "InspectMessage", message, **fields)).message
        return found

    async def lookup_messages(self, email: str, room_id: str, ids: Iterable[str]) -> LookupMessagesResponse:
        """LookupMessages."""
        response: LookupMessagesResponse = await self.call(
            email, "LookupMessages", room_id=room_id, message_ids=ids
        )
        return response

    async def list_messages(self, email: str, room_id: str, **fields: Any) -> ListMessagesResponse:
        """ListMessages."""
        response: ListMessagesResponse = await self.call(email, "ListMessages", room_id=room_id, **fields)
        return response

    async def list_replies(self, email: str, root: Message, **fields: Any) -> ListRepliesResponse:
        """ListReplies."""
        response: ListRepliesResponse = await self.call(
            email, "ListReplies", room_id=root.room_id, root_id=root.id, **fields
        )
        return response

    async def list_revisions(self, email: str, message: Message, **fields: Any) -> ListRevisionsResponse:
        """ListRevisions."""
        response: ListRevisionsResponse = await self._call_on(email, "ListRevisions", message, **fields)
        return response

    async def search_messages(self, email: str, query: str = "", **fields: Any) -> SearchMessagesResponse:
        """SearchMessages."""
        response: SearchMessagesResponse = await self.call(email, "SearchMessages", query=query, **fields)
        return response

    async def add_reaction(self, email: str, message: Message, emoji: str = "🎵") -> AddReactionResponse:
        """AddReaction."""
        response: AddReactionResponse = await self._call_on(email, "AddReaction", message, emoji=emoji)
        return response

    async def remove_reaction(
        self, email: str, message: Message, emoji: str = "🎵"
    ) -> RemoveReactionResponse:
        """RemoveReaction."""
        response: RemoveReactionResponse = await self._call_on(email, "RemoveReaction", message, emoji=emoji)
        return response

    async def list_reactions(self, email: str, message: Message, **fields: Any) -> ListReactionsResponse:
        """ListReactions."""
        response: ListReactionsResponse = await self._call_on(email, "ListReactions", message, **fields)
        return response

    async def pin_message(self, email: str, message: Message) -> Pin:
        """PinMessage."""
        pin: Pin = (await self._call_on(email, "PinMessage", message)).pin
        return pin

    async def unpin_message(self, email: str, message: Message) -> None:
        """UnpinMessage."""
        await self._call_on(email, "UnpinMessage", message)

    async def list_pins(self, email: str, room_id: str, **fields: Any) -> ListPinsResponse:
        """ListPins."""
        response: ListPinsResponse = await self.call(email, "ListPins", room_id=room_id, **fields)
        return response


class RoomWithMembers:
    """A room with an owner, a moderator and two members."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.owner, self.moderator, self.member, self.other = (new_user() for _ in range(4))
        self.id = ""

    async def create(self, **fields: Any) -> RoomWithMembers:
        """Create the room and let everybody join."""
        self.id = (await self.client.create_room(self.owner, **fields)).id
        for email in (self.moderator, self.member, self.other):
            await self.client.join_room(email, self.id)
        await self.client.db.set_role(self.id, self.moderator, "MODERATOR")
        return self
