"""seda.chat.v1.MessageService."""

from __future__ import annotations

from seda.chat.v1 import message_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from services.chat.actions.authorization import ActingAs
from services.chat.actions.deps import Deps
from services.chat.actions.message_delete import delete_message, restore_message
from services.chat.actions.message_edit import update_message
from services.chat.actions.message_list import get_message, list_messages, list_replies, lookup_messages
from services.chat.actions.message_revisions import list_revisions
from services.chat.actions.message_search import search_messages
from services.chat.actions.message_send import send_message
from services.chat.wire import messages as wire


class MessageServicer:
    """Sends, reads, edits and deletes messages."""

    descriptor = pb.DESCRIPTOR.services_by_name["MessageService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def SendMessage(self, request: pb.SendMessageRequest, call: Call) -> pb.SendMessageResponse:
        """See the contract."""
        draft = wire.message_draft(request)
        return wire.send_message_response(await send_message(self._deps, call.caller, draft, call.deadline))

    async def ListMessages(
        self, request: pb.ListMessagesRequest, call: Call
    ) -> pb.ListMessagesResponse | bytes:
        """See the contract."""
        return wire.list_messages_response(
            await list_messages(self._deps, call.caller, wire.listing(request))
        )

    async def ListReplies(self, request: pb.ListRepliesRequest, call: Call) -> pb.ListRepliesResponse:
        """See the contract."""
        return wire.list_replies_response(
            await list_replies(self._deps, call.caller, wire.reply_listing(request))
        )

    async def GetMessage(self, request: pb.GetMessageRequest, call: Call) -> pb.GetMessageResponse:
        """See the contract."""
        response = pb.GetMessageResponse()
        await self._get_message(request, response, call, as_admin=False)
        return response

    async def InspectMessage(
        self, request: pb.InspectMessageRequest, call: Call
    ) -> pb.InspectMessageResponse:
        """See the contract."""
        response = pb.InspectMessageResponse()
        await self._get_message(request, response, call, as_admin=True)
        return response

    async def LookupMessages(
        self, request: pb.LookupMessagesRequest, call: Call
    ) -> pb.LookupMessagesResponse:
        """See the contract."""
        room_id, message_ids = parse_id(request.room_id), list(map(parse_id, request.message_ids))
        return wire.lookup_messages_response(
            await lookup_messages(self._deps, call.caller, room_id, message_ids)
        )

    async def SearchMessages(
        self, request: pb.SearchMessagesRequest, call: Call
    ) -> pb.SearchMessagesResponse:
        """See the contract."""
        return wire.search_messages_response(
            await search_messages(self._deps, call.caller, wire.search(request))
        )

    async def UpdateMessage(self, request: pb.UpdateMessageRequest, call: Call) -> pb.UpdateMessageResponse:
        """See the contract."""
        response = pb.UpdateMessageResponse()
        wire.fill_written(response, *await update_message(self._deps, call.caller, wire.edit(request)))
        return response

    async def DeleteMessage(self, request: pb.DeleteMessageRequest, call: Call) -> pb.DeleteMessageResponse:
        """See the contract."""
        response = pb.DeleteMessageResponse()
        wire.fill_written(response, *await delete_message(self._deps, call.caller, wire.deletion(request)))
        return response

    async def RestoreMessage(
        self, request: pb.RestoreMessageRequest, call: Call
    ) -> pb.RestoreMessageResponse:
        """See the contract."""
        room_id, message_id = parse_id(request.room_id), parse_id(request.message_id)
        response = pb.RestoreMessageResponse()
        wire.fill_written(
            response, *await restore_message(self._deps, call.caller, room_id, message_id, request.reason)
        )
        return response

    async def ListRevisions(self, request: pb.ListRevisionsRequest, call: Call) -> pb.ListRevisionsResponse:
        """See the contract."""
        return wire.list_revisions_response(
            *await list_revisions(self._deps, call.caller, wire.revision_listing(request))
        )

    async def _get_message(
        self,
        request: pb.GetMessageRequest | pb.InspectMessageRequest,
        response: pb.GetMessageResponse | pb.InspectMessageResponse,
        call: Call,
        *,
        as_admin: bool,
    ) -> None:
        acting_as = ActingAs(parse_id(request.room_id), as_admin=as_admin, platform_moderators=True)
        message_id, deleted = parse_id(request.message_id), request.show_deleted
        wire.fill_result(
            response.message,
            await get_message(self._deps, call.caller, acting_as, message_id, deleted=deleted),
        )
