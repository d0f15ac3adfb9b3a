"""Short ways to say what somebody reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seda.chat.v1 import message_service_pb2, reaction_service_pb2
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import (
    GetMessageResponse,
    ListMessagesResponse,
    ListRepliesResponse,
    ListRevisionsResponse,
    LookupMessagesResponse,
    SearchMessagesResponse,
)
from seda.chat.v1.reaction_service_pb2 import ListReactionsResponse
from seda.chat.v1.reaction_service_pb2_grpc import ReactionServiceStub
from seda.chat.v1.room_service_pb2 import ListPinsRequest, ListPinsResponse
from tests.services.chat.world import World
from tests.services.running import call, user


class Readers:
    """All methods that read messages."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._reactions = ReactionServiceStub(world.chat.channel)

    async def page(self, email: str, room_id: str, **fields: Any) -> ListMessagesResponse:
        """List messages."""
        return await self.world.page(email, room_id, **fields)

    async def replies(self, email: str, root: Message, **fields: Any) -> ListRepliesResponse:
        """List the replies under a root."""
        response: ListRepliesResponse = await self._ask(
            email, "ListReplies", room_id=root.room_id, root_id=root.id, **fields
        )
        return response

    async def get(self, email: str, message: Message, **fields: Any) -> Message:
        """Get a message."""
        response: GetMessageResponse = await self._ask(
            email, "GetMessage", room_id=message.room_id, message_id=message.id, **fields
        )
        return response.message

    async def lookup(self, email: str, room_id: str, ids: Iterable[str]) -> LookupMessagesResponse:
        """Look messages up."""
        response: LookupMessagesResponse = await self._ask(
            email, "LookupMessages", room_id=room_id, message_ids=ids
        )
        return response

    async def search(self, email: str, query: str = "", **fields: Any) -> SearchMessagesResponse:
        """Search messages."""
        response: SearchMessagesResponse = await self._ask(email, "SearchMessages", query=query, **fields)
        return response

    async def revisions(self, email: str, message: Message, **fields: Any) -> ListRevisionsResponse:
        """List what a message said."""
        response: ListRevisionsResponse = await self._ask(
            email, "ListRevisions", room_id=message.room_id, message_id=message.id, **fields
        )
        return response

    async def reactions(self, email: str, message: Message, **fields: Any) -> ListReactionsResponse:
        """List who reacted."""
        request = reaction_service_pb2.ListReactionsRequest(
            room_id=message.room_id, message_id=message.id, **fields
        )
        return await call(self._reactions.ListReactions, request, user(email))

    async def pins(self, email: str, room_id: str) -> ListPinsResponse:
        """List a room's pins."""
        return await call(self.world.rooms.ListPins, ListPinsRequest(room_id=room_id), user(email))

    async def _ask(self, email: str, method: str, **fields: Any) -> Any:
        request = getattr(message_service_pb2, f"{method}Request")(**fields)
        return await call(getattr(self.world.messages, method), request, user(email))
