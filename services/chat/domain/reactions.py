"""The rules of reactions, applied to what was read under the room lock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import emoji

from servicekit.clock import Micros
from servicekit.errors import FieldViolation, InvalidFieldsError
from services.chat.domain.errors import (
    MessageDeletedError,
    MessageNotFoundError,
    ReactionLimitError,
    RoomNotFoundError,
)
from services.chat.domain.model import Tally
from services.chat.domain.permissions import check_writer
from services.chat.domain.visibility import CallerMembership

MAX_DISTINCT = 20
"""The maximum number of distinct emojis on a message."""


class TallyColumns(NamedTuple):
    """The tallies of one message in no order, as arrays; `mine`: the caller has given the emoji."""

    emojis: list[str]
    counts: list[int]
    first_ats: list[Micros]
    mine: list[bool]

    def sorted_tallies(self) -> list[Tally]:
        """Return the tallies in the order in which a message shows them."""
        return sorted(map(Tally._make, zip(self.first_ats, self.emojis, self.counts, self.mine, strict=True)))


class ReactionContext(NamedTuple):
    """What is read under the room lock. `seq` is None when the room has no such message."""

    membership: CallerMembership
    locked_at: Micros | None
    archived_at: Micros | None
    seq: int | None
    deleted: bool
    tallies: TallyColumns


def check_reaction(room_id: UUID, message_id: UUID, context: ReactionContext | None) -> list[Tally]:
    """Require that the caller may react to the message, and return its tallies.

    Raises the error of the first broken rule, in the contract's order.
    """
    if context is None:
        raise RoomNotFoundError(room_id)
    check_writer(room_id, context.membership, context.archived_at, context.locked_at)
    if context.seq is None:
        raise MessageNotFoundError(message_id)
    if context.deleted:
        raise MessageDeletedError(message_id)
    return context.tallies.sorted_tallies()


def has_reacted(tallies: Sequence[Tally], emoji: str) -> bool:
    """Return whether the caller has given the emoji."""
    return any(tally.me and tally.emoji == emoji for tally in tallies)


def check_distinct_limit(tallies: Sequence[Tally], emoji: str) -> None:
    """Raise ReactionLimitError when the emoji would exceed MAX_DISTINCT."""
    if len(tallies) >= MAX_DISTINCT and all(tally.emoji != emoji for tally in tallies):
        raise ReactionLimitError


def add(tallies: Sequence[Tally], emoji: str, at: Micros) -> list[Tally]:
    """Return the tallies after the caller has added an emoji."""
    if any(tally.emoji == emoji for tally in tallies):
        return [
            tally._replace(times=tally.times + 1, me=True) if tally.emoji == emoji else tally
            for tally in tallies
        ]
    return [*tallies, Tally(at, emoji, 1, me=True)]


def remove(tallies: Sequence[Tally], emoji: str) -> list[Tally]:
    """Return the tallies after the caller has removed an emoji."""
    changed = (
        tally._replace(times=tally.times - 1, me=False) if tally.emoji == emoji else tally
        for tally in tallies
    )
    return [tally for tally in changed if tally.times]


_NAMED = re.compile(r":[a-z0-9_+-]{1,62}:")
# U+FE0E and U+FE0F ask for the plain or the coloured picture; who types an emoji rarely chooses.
_SELECTORS = str.maketrans("", "", "\ufe0e\ufe0f")
_CANONICAL = {
    text.translate(_SELECTORS): text
    for text, data in emoji.EMOJI_DATA.items()
    if data["status"] <= emoji.STATUS["fully_qualified"]
}


def canonical_emoji(text: str) -> str:
    """Return the one spelling under which an emoji is stored: Unicode's fully-qualified one.

    A text that is no emoji is returned as it is.
    """
    return _CANONICAL.get(text.translate(_SELECTORS), text)


def require_emoji(text: str) -> str:
    """Return the canonical spelling of one Unicode emoji, or a `:name:`.

    `text` is in NFC. Raises InvalidFieldsError, also for a sequence with joiners that is no emoji of Unicode.
    """
    canonical = canonical_emoji(text)
    if canonical in emoji.EMOJI_DATA or _NAMED.fullmatch(text) is not None:
        return canonical
    raise InvalidFieldsError(
        FieldViolation("emoji", "must be one emoji, or a :name: of a to z, 0 to 9, _ + -")
    )
