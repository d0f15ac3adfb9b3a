"""Converters of ReactionService."""

from __future__ import annotations

from typing import Protocol

from seda.chat.v1 import message_pb2, position_pb2, reaction_service_pb2
from servicekit.ids import parse_id
from servicekit.pagination import page_size
from servicekit.timestamps import to_proto
from services.chat.actions.reactions import ReactionListing, ReactionsResult
from services.chat.domain.model import Reaction
from services.chat.wire.message import Adding, fill_tallies
from services.chat.wire.rooms import fill_position


class ReactionsResponse(Protocol):
    """A response with a message's reactions: AddReactionResponse, RemoveReactionResponse."""

    @property
    def position(self) -> position_pb2.Position:
        """Return the room's position."""

    @property
    def reactions(self) -> Adding[message_pb2.ReactionTally]:
        """Return all tallies of the message."""


def fill_reactions(into: ReactionsResponse, reacted: ReactionsResult) -> None:
    """Write a message's reactions."""
    fill_tallies(into.reactions, reacted.tallies)
    fill_position(into.position, reacted.position)


def reaction_listing(request: reaction_service_pb2.ListReactionsRequest) -> ReactionListing:
    """Convert a ListReactions request."""
    return ReactionListing(
        room_id=parse_id(request.room_id),
        message_id=parse_id(request.message_id),
        emoji=request.emoji,
        page_size=page_size(request.page_size),
        page_token=request.page_token,
    )


def list_reactions_response(
    page: list[Reaction], next_page_token: str
) -> reaction_service_pb2.ListReactionsResponse:
    """Convert a page of reactions."""
    response = reaction_service_pb2.ListReactionsResponse(next_page_token=next_page_token)
    for reaction in page:
        into = response.reactions.add(
            message_id=str(reaction.message_id),
            user_id=str(reaction.user_id),
            emoji=reaction.emoji,
            rev=reaction.rev,
        )
        to_proto(into.create_time, reaction.created_at)
    return response
