"""Reactions and their tallies."""

from __future__ import annotations

from typing import Protocol

from seda.chat.v1 import message_pb2
from services.chat.actions.reactions import Reacted
from services.chat.wire.message import Adding, fill_tallies


class ReactedResponse(Protocol):
    """An answer with a message's reactions: AddReactionResponse, RemoveReactionResponse."""

    rev: int

    @property
    def reactions(self) -> Adding[message_pb2.ReactionTally]:
        """All reactions of the message."""


def fill_reacted(into: ReactedResponse, reacted: Reacted) -> None:
    """Write what has become of a message's reactions."""
    fill_tallies(into.reactions, reacted.tallies)
    into.rev = reacted.rev
