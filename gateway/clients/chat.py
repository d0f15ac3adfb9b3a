"""The chat service."""

from __future__ import annotations

from seda.chat.v1.message_service_pb2 import (
    ListMessagesRequest,
    ListMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from servicekit.channels import Peer
from servicekit.handlers import DEFAULT_DEADLINE
from servicekit.ids import new_id


class ChatClient:
    """Reads and writes messages as the caller, for as long as the caller waits."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = MessageServiceStub(peer.channel)
        self._repeating = MessageServiceStub(peer.repeating)

    async def send_message(self, request: SendMessageRequest) -> SendMessageResponse:
        """Write a message, once although the call is repeated: the request gets a request_id where it has none."""
        request.request_id = request.request_id or str(new_id())
        return await self._peer.call(self._repeating.SendMessage, request, timeout=DEFAULT_DEADLINE)

    async def list_messages(self, request: ListMessagesRequest) -> ListMessagesResponse:
        """A page of a room's messages."""
        return await self._peer.call(self._stub.ListMessages, request, timeout=DEFAULT_DEADLINE)
