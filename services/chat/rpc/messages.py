"""seda.chat.v1.MessageService."""

from __future__ import annotations

from uuid import UUID

from seda.chat.v1 import message_service_pb2 as pb
from servicekit.call import Call
from services.chat.actions.deps import Deps
from services.chat.actions.editing import edit_message
from services.chat.actions.messages import get_message, list_messages
from services.chat.actions.sending import send_message
from services.chat.actions.stubs import delete_message, restore_message
from services.chat.rpc.pending import pending
from services.chat.wire import messages as wire


@pending
class MessageServicer:
    """Writes and reads messages."""

    descriptor = pb.DESCRIPTOR.services_by_name["MessageService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def SendMessage(self, request: pb.SendMessageRequest, call: Call) -> pb.SendMessageResponse:
        """See the contract."""
        draft = wire.message_draft(request)
        return wire.sent(await send_message(self._deps, call.caller, draft, call.deadline))

    async def ListMessages(self, request: pb.ListMessagesRequest, call: Call) -> pb.ListMessagesResponse:
        """See the contract."""
        return wire.page(await list_messages(self._deps, call.caller, wire.listing(request)))

    async def GetMessage(self, request: pb.GetMessageRequest, call: Call) -> pb.GetMessageResponse:
        """See the contract."""
        room_id, message_id = UUID(request.room_id), UUID(request.message_id)
        message = await get_message(self._deps, call.caller, room_id, message_id)
        response = pb.GetMessageResponse()
        wire.fill_message(response.message, message)
        return response

    async def EditMessage(self, request: pb.EditMessageRequest, call: Call) -> pb.EditMessageResponse:
        """See the contract."""
        response = pb.EditMessageResponse()
        wire.fill_message(response.message, await edit_message(self._deps, call.caller, wire.edit(request)))
        return response

    async def DeleteMessage(self, request: pb.DeleteMessageRequest, call: Call) -> pb.DeleteMessageResponse:
        """See the contract."""
        response = pb.DeleteMessageResponse()
        wire.fill_message(
            response.message, await delete_message(self._deps, call.caller, wire.deletion(request))
        )
        return response

    async def RestoreMessage(
        self, request: pb.RestoreMessageRequest, call: Call
    ) -> pb.RestoreMessageResponse:
        """See the contract."""
        room_id, message_id = UUID(request.room_id), UUID(request.message_id)
        message = await restore_message(self._deps, call.caller, room_id, message_id, request.reason)
        response = pb.RestoreMessageResponse()
        wire.fill_message(response.message, message)
        return response
