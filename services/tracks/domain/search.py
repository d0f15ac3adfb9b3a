"""The match tiers of a search, in their order, and the cursor of its pages."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from search_text import SearchQuery
from search_text.tiers import MAX_SIMILARITY, MatchTier

FIRST_ID = UUID(int=0)
"""Sorts before every track."""
DEFAULT_SIZE = 20
MAX_SIZE = 100


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of a page: a tier, and the sort key of the last track in it.

    PREFIX and SUBSTRING sort by `text` and `id`, FUZZY by `similarity` (in millionths) and `id`.
    """

    tier: MatchTier
    text: str = ""
    similarity: int = MAX_SIMILARITY
    id: UUID = FIRST_ID


START = Cursor(MatchTier.PREFIX)


def page_size(requested: int) -> int:
    """Return the page size: 20 by default, 100 at most."""
    return min(requested, MAX_SIZE) or DEFAULT_SIZE


def tiers(query: SearchQuery, cursor: Cursor) -> list[Cursor]:
    """Return the tiers to search from a cursor on, each with its own cursor.

    FUZZY runs only if the better tiers do not fill the first page, and for its own later pages: for a query that
    many texts contain it would be expensive and irrelevant.
    """
    possible = [MatchTier.PREFIX]
    if query.has_trigrams or query.tsquery:
        possible.append(MatchTier.SUBSTRING)
    if query.has_trigrams and (cursor == START or cursor.tier is MatchTier.FUZZY):
        possible.append(MatchTier.FUZZY)
    return [cursor if tier is cursor.tier else Cursor(tier) for tier in possible if tier >= cursor.tier]
