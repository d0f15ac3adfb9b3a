"""The order in which a search finds tracks, and where a page of it ends."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from search_text import SearchQuery

FIRST_ID = UUID(int=0)
"""An id before every track."""
DEFAULT_SIZE = 20
MAX_SIZE = 100
_LAST_CHARACTER = "\U0010ffff"


class MatchTier(enum.IntEnum):
    """How tracks are found, the best first. The numbers stand in page tokens and never change."""

    PREFIX = 0
    """The text begins with the query; by the text, which lists exact matches first."""
    SUBSTRING = 1
    """The query is in it, at the start of a word where there are no trigrams to look by; by the text."""
    FUZZY = 2
    """Enough of its trigrams are in it; the likest first."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The cursor after which a page goes on: a tier, and the last track of it that was shown.

    PREFIX and SUBSTRING go by `text` and `id`, LIKE by `similarity` (in millionths) and `id`.
    """

    tier: MatchTier
    text: str = ""
    similarity: int = 1_000_000
    id: UUID = FIRST_ID


START = Cursor(MatchTier.PREFIX)


def page_size(asked: int) -> int:
    """How many to show: 20 when nothing was asked for, 100 at most."""
    return min(asked, MAX_SIZE) or DEFAULT_SIZE


def tiers(query: SearchQuery, cursor: Cursor) -> list[Cursor]:
    """The tiers from a cursor on in which the query can find anything, each with where to begin in it.

    LIKE is for the first page alone, when the better ones do not fill it, and for its own later pages: where many
    texts contain the query it would cost much, and show what nobody looked for.
    """
    possible = [MatchTier.PREFIX]
    if query.has_trigrams or query.tsquery:
        possible.append(MatchTier.SUBSTRING)
    if query.has_trigrams and (cursor == START or cursor.tier is MatchTier.FUZZY):
        possible.append(MatchTier.FUZZY)
    return [cursor if tier is cursor.tier else Cursor(tier) for tier in possible if tier >= cursor.tier]


def prefix_upper_bound(start: str) -> str:
    """A text after all that begin with `start`, in the order of bytes."""
    return start + _LAST_CHARACTER
