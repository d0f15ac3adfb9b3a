"""The match tiers of ListPublicRooms and its page cursor."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from search_text import SearchQuery

FIRST_ID = UUID(int=0)
"""An id that sorts before every room."""
MAX_SIMILARITY = 1_000_000
"""The similarity of a name that has all trigrams of the query, in millionths."""
_LAST_CHARACTER = "\U0010ffff"


class MatchTier(enum.IntEnum):
    """How a name matches the query, the best first. Page tokens contain the numbers, so they never change."""

    PREFIX = 0
    """The name begins with the query; ordered by name, so exact matches come first."""
    SUBSTRING = 1
    """The name contains the query, at the start of a word when the query has no trigram; ordered by name."""
    FUZZY = 2
    """The name has enough of the query's trigrams; ordered by similarity, the highest first."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The cursor of a page: a tier, and the last room of it that was returned.

    PREFIX and SUBSTRING go by `name` (as it is folded) and `id`, LIKE by `similarity`, `name` and `id`.
    """

    tier: MatchTier
    name: str = ""
    similarity: int = MAX_SIMILARITY
    id: UUID = FIRST_ID


FIRST_PAGE = Cursor(MatchTier.PREFIX)


def tiers(query: SearchQuery, cursor: Cursor) -> list[Cursor]:
    """Return the tiers from a cursor on that can match the query, each with its first cursor.

    An empty query matches every room in the first tier.
    """
    possible = [MatchTier.PREFIX]
    if query.has_trigrams:
        possible += [MatchTier.SUBSTRING, MatchTier.FUZZY]
    elif query.tsquery:
        possible.append(MatchTier.SUBSTRING)
    return [cursor if tier is cursor.tier else Cursor(tier) for tier in possible if tier >= cursor.tier]


def prefix_upper_bound(start: str) -> str:
    """Return an upper bound of all texts with this prefix, in byte order."""
    return start + _LAST_CHARACTER
