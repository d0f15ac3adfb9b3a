"""seda.chat.v1.ReactionService."""

from __future__ import annotations

from seda.chat.v1 import reaction_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from services.chat.actions.deps import Deps
from services.chat.actions.reactions import add_reaction, list_reactions, remove_reaction
from services.chat.wire.reactions import fill_reactions, list_reactions_response, reaction_listing


class ReactionServicer:
    """Adds, removes and lists reactions."""

    descriptor = pb.DESCRIPTOR.services_by_name["ReactionService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def AddReaction(self, request: pb.AddReactionRequest, call: Call) -> pb.AddReactionResponse:
        """See the contract."""
        room_id, message_id = parse_id(request.room_id), parse_id(request.message_id)
        response = pb.AddReactionResponse()
        fill_reactions(
            response, await add_reaction(self._deps, call.caller, room_id, message_id, request.emoji)
        )
        return response

    async def RemoveReaction(
        self, request: pb.RemoveReactionRequest, call: Call
    ) -> pb.RemoveReactionResponse:
        """See the contract."""
        room_id, message_id = parse_id(request.room_id), parse_id(request.message_id)
        response = pb.RemoveReactionResponse()
        fill_reactions(
            response, await remove_reaction(self._deps, call.caller, room_id, message_id, request.emoji)
        )
        return response

    async def ListReactions(self, request: pb.ListReactionsRequest, call: Call) -> pb.ListReactionsResponse:
        """See the contract."""
        return list_reactions_response(
            *await list_reactions(self._deps, call.caller, reaction_listing(request))
        )
