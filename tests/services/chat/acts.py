"""Short ways to say what somebody does to a message, and to look at all that a room has become by it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.field_mask_pb2 import FieldMask

from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import (
    DeleteMessageRequest,
    EditMessageRequest,
    RestoreMessageRequest,
)
from seda.chat.v1.reaction_service_pb2 import (
    AddReactionRequest,
    AddReactionResponse,
    RemoveReactionRequest,
    RemoveReactionResponse,
)
from seda.chat.v1.reaction_service_pb2_grpc import ReactionServiceStub
from seda.chat.v1.room_pb2 import Pin
from seda.chat.v1.room_service_pb2 import PinMessageRequest, UnpinMessageRequest
from tests.services.chat.world import World, new_user
from tests.services.running import call, user

_OF_A_ROOM = (
    "room_counters", "room_memberships", "room_invitations", "messages", "message_revisions", "threads", "mentions",
    "reactions", "reaction_tallies", "pins", "sanctions", "reports", "moderation_logs",
)  # fmt: skip

_T = TypeVar("_T")


async def together(calls: Iterable[Awaitable[_T]], at_once: int = 12) -> list[_T | BaseException]:
    """What calls end in, so many of them running at once: not more than get a connection in time."""
    slots = asyncio.Semaphore(at_once)

    async def one(call: Awaitable[_T]) -> _T:
        async with slots:
            return await call

    return await asyncio.gather(*map(one, calls), return_exceptions=True)


class Acts:
    """What users do to messages."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._reactions = ReactionServiceStub(world.chat.channel)

    async def edit(self, email: str, message: Message, **fields: Any) -> Message:
        """Edit a message: what is given is what is masked."""
        paths = [name for name in fields if name in {"text", "track_id"}]
        mask = fields.pop("update_mask", FieldMask(paths=paths))
        request = EditMessageRequest(
            room_id=message.room_id, message_id=message.id, update_mask=mask, **fields
        )
        return (await call(self.world.messages.EditMessage, request, user(email))).message

    async def delete(self, email: str, message: Message, **fields: Any) -> Message:
        """Delete a message; gives its stub."""
        request = DeleteMessageRequest(room_id=message.room_id, message_id=message.id, **fields)
        return (await call(self.world.messages.DeleteMessage, request, user(email))).message

    async def restore(self, email: str, message: Message, **fields: Any) -> Message:
        """Restore a message."""
        request = RestoreMessageRequest(room_id=message.room_id, message_id=message.id, **fields)
        return (await call(self.world.messages.RestoreMessage, request, user(email))).message

    async def react(self, email: str, message: Message, emoji: str = "🎵") -> AddReactionResponse:
        """Give a message an emoji."""
        request = AddReactionRequest(room_id=message.room_id, message_id=message.id, emoji=emoji)
        return await call(self._reactions.AddReaction, request, user(email))

    async def take_back(self, email: str, message: Message, emoji: str = "🎵") -> RemoveReactionResponse:
        """Take an emoji back."""
        request = RemoveReactionRequest(room_id=message.room_id, message_id=message.id, emoji=emoji)
        return await call(self._reactions.RemoveReaction, request, user(email))

    async def pin(self, email: str, message: Message) -> Pin:
        """Pin a message."""
        request = PinMessageRequest(room_id=message.room_id, message_id=message.id)
        return (await call(self.world.rooms.PinMessage, request, user(email))).pin

    async def unpin(self, email: str, message: Message) -> None:
        """Unpin a message."""
        request = UnpinMessageRequest(room_id=message.room_id, message_id=message.id)
        await call(self.world.rooms.UnpinMessage, request, user(email))

    async def member(self, room_id: str, role: str = "MEMBER") -> str:
        """A new member of a room."""
        email = new_user()
        await self.world.join(email, room_id)
        if role != "MEMBER":
            await self.world.set_role(room_id, email, role)
        return email

    async def rows(self, room_id: str) -> dict[str, list[str]]:
        """Everything that chat keeps of a room, table by table."""
        found = {}
        for table in _OF_A_ROOM:
            query = f"SELECT t::text FROM chat.{table} t WHERE room_id = $1 ORDER BY 1"
            found[table] = [row[0] for row in await self.world.admin.fetch(query, UUID(room_id))]
        return found

    async def log(self, room_id: str) -> list[dict[str, Any]]:
        """The room's moderation log in its order."""
        query = """
            SELECT rev, actor_id::text, actor_role, as_admin, action, target_user_id::text, target_message_id::text,
                   reason, before::jsonb, after::jsonb
              FROM chat.moderation_logs WHERE room_id = $1 ORDER BY rev
        """
        return [dict(row) for row in await self.world.admin.fetch(query, UUID(room_id))]

    async def thread(self, root: Message) -> tuple[int, int | None]:
        """What is kept of a thread: live replies, and the seq of the newest."""
        query = "SELECT reply_count, last_reply_seq FROM chat.threads WHERE room_id = $1 AND root_id = $2"
        row = await self.world.admin.fetchrow(query, UUID(root.room_id), UUID(root.id))
        return (row["reply_count"], row["last_reply_seq"]) if row else (0, None)

    async def age_deletion(self, message: Message, age: str) -> None:
        """Make a deleted message look deleted for that long."""
        await self.world.admin.execute(
            f"UPDATE chat.messages SET deleted_at = clock_timestamp() - interval '{age}' WHERE id = $1",
            UUID(message.id),
        )
