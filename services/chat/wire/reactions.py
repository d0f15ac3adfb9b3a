"""Reactions and their tallies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from seda.chat.v1 import message_pb2
from servicekit.timestamps import to_proto
from services.chat.actions.reactions import Reacted
from services.chat.domain.model import Tally


class TallyList(Protocol):
    """A repeated field of ReactionTally."""

    def add(self) -> message_pb2.ReactionTally:
        """A new element."""


class ReactedResponse(Protocol):
    """An answer with a message's reactions: AddReactionResponse, RemoveReactionResponse."""

    rev: int

    @property
    def reactions(self) -> TallyList:
        """All reactions of the message."""


def fill_tallies(into: TallyList, tallies: Iterable[Tally]) -> None:
    """Write a message's reactions, in their order."""
    for tally in tallies:
        added = into.add()
        added.emoji = tally.emoji
        added.count = tally.count
        added.me = tally.me
        to_proto(added.first_react_time, tally.first_at)


def fill_reacted(into: ReactedResponse, reacted: Reacted) -> None:
    """Write what has become of a message's reactions."""
    fill_tallies(into.reactions, reacted.tallies)
    into.rev = reacted.rev
