"""The order in which the list of public rooms finds rooms, and where a page of it ends."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from search_text import SearchQuery

FIRST_ID = UUID(int=0)
"""An id before every room."""
MAX_SIMILARITY = 1_000_000
"""The similarity of a name that has all of the query, in millionths."""
_LAST_CHARACTER = "\U0010ffff"


class MatchTier(enum.IntEnum):
    """How rooms are found, the best first. The numbers stand in page tokens and never change."""

    PREFIX = 0
    """The name begins with the query; by name, which lists exact matches first."""
    SUBSTRING = 1
    """The query is in the name, at the start of a word where there are no trigrams to look by; by name."""
    FUZZY = 2
    """Enough of its trigrams are in the name; the likest first."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after which a page goes on: a tier, and the last room of it that was shown.

    PREFIX and SUBSTRING go by `name` (as it is folded) and `id`, LIKE by `similarity`, `name` and `id`.
    """

    tier: MatchTier
    name: str = ""
    similarity: int = MAX_SIMILARITY
    id: UUID = FIRST_ID


FIRST_PAGE = Cursor(MatchTier.PREFIX)


def tiers(query: SearchQuery, cursor: Cursor) -> list[Cursor]:
    """The tiers from a cursor on in which the needle can find anything, each with where to begin in it.

    A needle without text finds every room, all of them in the first tier.
    """
    possible = [MatchTier.PREFIX]
    if query.has_trigrams:
        possible += [MatchTier.SUBSTRING, MatchTier.FUZZY]
    elif query.tsquery:
        possible.append(MatchTier.SUBSTRING)
    return [cursor if tier is cursor.tier else Cursor(tier) for tier in possible if tier >= cursor.tier]


def prefix_upper_bound(start: str) -> str:
    """A text after all that begin with `start`, in the order of bytes."""
    return start + _LAST_CHARACTER
