"""The match tiers of a search, in their order."""

from __future__ import annotations

from search_text import SearchQuery
from search_text.tiers import START, Cursor, MatchTier


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
