"""The tiers of a ranked search over a normalized column."""

from __future__ import annotations

import enum

MAX_SIMILARITY = 1_000_000
"""The similarity of a text that contains the whole query, in millionths."""
_LAST_CHARACTER = "\U0010ffff"


class MatchTier(enum.IntEnum):
    """The tiers of matches, the best first. Page tokens contain the numbers, which never change."""

    PREFIX = 0
    """The text begins with the query; in the order of the texts, which lists exact matches first."""
    SUBSTRING = 1
    """The text contains the query, at the start of a word if the query has no trigrams; in the order of the texts."""
    FUZZY = 2
    """The text is similar to the query by its trigrams; in the order of similarity."""


def prefix_upper_bound(start: str) -> str:
    """A text after all texts that begin with `start`, in byte order."""
    return start + _LAST_CHARACTER
