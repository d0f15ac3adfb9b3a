"""The match tiers of ListPublicRooms and its page cursor."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from search_text import SearchQuery
from search_text.tiers import MAX_SIMILARITY, MatchTier

FIRST_ID = UUID(int=0)
"""An id that sorts before every room."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The cursor of a page: a tier, and the last room of it that was returned.

    PREFIX and SUBSTRING are ordered by `name` (normalized) and `id`, FUZZY by `similarity`, `name` and `id`.
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
