"""The chat service."""

from __future__ import annotations

from seda.chat.v1.message_service_pb2 import (
    ListMessagesRequest,
    ListMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from servicekit.channels import ServiceClient
from servicekit.handlers import DEFAULT_DEADLINE
from servicekit.ids import new_id


class ChatClient:
    """Reads and writes messages with the caller's token and deadline."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._stub = MessageServiceStub(client.channel)
        self._retrying_stub = MessageServiceStub(client.retrying_channel)

    async def send_message(self, request: SendMessageRequest) -> SendMessageResponse:
        """Send a message. Retried, so the request gets a request_id if it has none."""
        request.request_id = request.request_id or str(new_id())
        return await self._client.call(self._retrying_stub.SendMessage, request, timeout=DEFAULT_DEADLINE)

    async def list_messages(self, request: ListMessagesRequest) -> ListMessagesResponse:
        """Return a page of a room's messages."""
        return await self._client.call(self._stub.ListMessages, request, timeout=DEFAULT_DEADLINE)
