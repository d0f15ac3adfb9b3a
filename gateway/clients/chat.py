"""The chat service."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from seda.chat.v1.live_service_pb2 import WatchRequest, WatchResponse
from seda.chat.v1.live_service_pb2_grpc import LiveServiceStub
from seda.chat.v1.message_service_pb2 import (
    ListMessagesRequest,
    ListMessagesResponse,
    ListRepliesRequest,
    ListRepliesResponse,
    SearchMessagesRequest,
    SearchMessagesResponse,
    SendMessageRequest,
    SendMessageResponse,
)
from seda.chat.v1.message_service_pb2_grpc import MessageServiceStub
from seda.chat.v1.room_service_pb2 import (
    GetMyRoomsRevRequest,
    GetMyRoomsRevResponse,
    GetRoomRequest,
    GetRoomResponse,
    ListMyRoomsRequest,
    ListMyRoomsResponse,
)
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from servicekit.channels import ServiceClient
from servicekit.handlers import DEFAULT_DEADLINE
from servicekit.ids import new_id


class ChatClient:
    """Reads and writes messages with the caller's token and deadline."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._rooms = RoomServiceStub(client.channel)
        self._messages = MessageServiceStub(client.channel)
        self._live = LiveServiceStub(client.stream_channel)
        self._retrying_messages = MessageServiceStub(client.retrying_channel)

    async def send_message(self, request: SendMessageRequest) -> SendMessageResponse:
        """Send a message. Retried, so the request gets a request_id if it has none."""
        request.request_id = request.request_id or str(new_id())
        return await self._client.call(self._retrying_messages.SendMessage, request, timeout=DEFAULT_DEADLINE)

    async def list_messages(self, request: ListMessagesRequest, seconds: float) -> ListMessagesResponse:
        """Return a page of a room's messages."""
        return await self._client.call(self._messages.ListMessages, request, timeout=seconds)

    async def list_replies(self, request: ListRepliesRequest, seconds: float) -> ListRepliesResponse:
        """Return a page of a thread."""
        return await self._client.call(self._messages.ListReplies, request, timeout=seconds)

    async def search_messages(self, request: SearchMessagesRequest, seconds: float) -> SearchMessagesResponse:
        """Return a page of the messages that match."""
        return await self._client.call(self._messages.SearchMessages, request, timeout=seconds)

    async def get_room(self, room_id: str, seconds: float) -> GetRoomResponse:
        """Return a room with the caller's membership."""
        request = GetRoomRequest(room_id=room_id)
        return await self._client.call(self._rooms.GetRoom, request, timeout=seconds)

    async def list_my_rooms(self, request: ListMyRoomsRequest, seconds: float) -> ListMyRoomsResponse:
        """Return a page of the caller's rooms."""
        return await self._client.call(self._rooms.ListMyRooms, request, timeout=seconds)

    def watch(self, request: WatchRequest) -> AsyncGenerator[WatchResponse, None]:
        """Stream the changes of rooms."""
        return self._client.stream(self._live.Watch, request)

    async def get_my_rooms_rev(self, seconds: float) -> GetMyRoomsRevResponse:
        """Return the number of the last change of the caller's memberships."""
        return await self._client.call(self._rooms.GetMyRoomsRev, GetMyRoomsRevRequest(), timeout=seconds)
