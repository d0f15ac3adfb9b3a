"""The rules of reactions, applied to what was read under the room's lock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

import emoji

from servicekit.clock import Micros
from servicekit.errors import FieldViolation, InvalidFieldsError
from services.chat.domain.errors import MessageDeletedError, MessageNotFoundError, ReactionLimitError
from services.chat.domain.model import Tally
from services.chat.domain.permissions import check_not_archived, check_unlocked
from services.chat.domain.visibility import check_unmuted, check_writer

MAX_DISTINCT = 20
"""How many distinct emojis a message takes."""


class ReactionContext(NamedTuple):
    """What is read under the lock: the caller's place in the room, the message, and its tallies in no order."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    muted: bool
    muted_on_platform: bool
    suspended: bool
    locked_at: Micros | None
    archived_at: Micros | None
    seq: int | None
    deleted: bool
    emojis: list[str]
    counts: list[int]
    first_ats: list[Micros]
    mine: list[bool]


def sorted_tallies(
    first_ats: Iterable[Micros], emojis: Iterable[str], counts: Iterable[int], mine: Iterable[bool]
) -> list[Tally]:
    """The tallies of these columns as a message shows them."""
    return sorted(map(Tally._make, zip(first_ats, emojis, counts, mine, strict=True)))


def check_reaction(room_id: UUID, message_id: UUID, facts: ReactionContext | None) -> list[Tally]:
    """Whether the caller may change their reactions to the message; returns its tallies.

    Raises the first rule's error that is broken, in the contract's order.
    """
    known = check_writer(room_id, facts)
    check_unmuted(known)
    check_not_archived(known.archived_at)
    check_unlocked(known.locked_at)
    if known.seq is None:
        raise MessageNotFoundError(message_id)
    if known.deleted:
        raise MessageDeletedError(message_id)
    return sorted_tallies(known.first_ats, known.emojis, known.counts, known.mine)


def has_reacted(tallies: Sequence[Tally], emoji: str) -> bool:
    """Whether the caller has given the emoji."""
    return any(tally.me and tally.emoji == emoji for tally in tallies)


def check_distinct_limit(tallies: Sequence[Tally], emoji: str) -> None:
    """Raises ReactionLimitError when the message would have more distinct emojis than it takes."""
    if len(tallies) >= MAX_DISTINCT and all(tally.emoji != emoji for tally in tallies):
        raise ReactionLimitError


def add(tallies: Sequence[Tally], emoji: str, at: Micros) -> list[Tally]:
    """The tallies once the caller has given an emoji."""
    if any(tally.emoji == emoji for tally in tallies):
        return [
            tally._replace(times=tally.times + 1, me=True) if tally.emoji == emoji else tally
            for tally in tallies
        ]
    return [*tallies, Tally(at, emoji, 1, me=True)]


def remove(tallies: Sequence[Tally], emoji: str) -> list[Tally]:
    """The tallies once the caller has taken an emoji back."""
    changed = (
        tally._replace(times=tally.times - 1, me=False) if tally.emoji == emoji else tally
        for tally in tallies
    )
    return [tally for tally in changed if tally.times]


_NAMED = re.compile(r":[a-z0-9_+-]{1,62}:")


def check_emoji(text: str) -> None:
    """One emoji of Unicode, in any of the spellings that are shown alike, or `:name:`.

    `text` is in NFC. Raises InvalidFieldsError. Characters that only look joined, such as two animals with a
    joiner between them, are several emojis on the screen and none here.
    """
    if _NAMED.fullmatch(text) is None and not emoji.is_emoji(text):
        raise InvalidFieldsError(
            FieldViolation("emoji", "must be one emoji, or a :name: of a to z, 0 to 9, _ + -")
        )
