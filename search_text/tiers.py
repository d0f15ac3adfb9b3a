"""The tiers of a ranked search over a normalized column, and the cursor of its pages."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

FIRST_ID = UUID(int=0)
"""Sorts before every row."""
MAX_SIMILARITY = 1_000_000
"""The similarity of a text that contains the whole query, in millionths."""
# A superset of unspaced.py in two ranges: all characters from Thai on, but for more Latin and Greek, and symbols.
_UNSPACED = r"\u0E00-\u1DFF\u2E80-\U0003FFFF"
_LAST_CHARACTER = "\U0010ffff"
# No normalized column is longer.
_MAX_TEXT = 2_600


class MatchTier(enum.IntEnum):
    """The tiers of matches, the best first. Page tokens contain the numbers, which never change."""

    PREFIX = 0
    """The text begins with the query; in the order of the texts, which lists exact matches first."""
    SUBSTRING = 1
    """The text contains the query, at the start of a word if the query has no trigrams; in the order of the texts."""
    FUZZY = 2
    """The text is similar to the query by its trigrams; in the order of similarity."""


def words_tsvector(column: str) -> str:
    """Return the SQL expression of the words index: for SUBSTRING, where a query has no trigrams.

    Of a run of an unspaced script it has each two characters in a row: those that begin at an even place, then those
    at an odd one. So the start of a query is the start of one of them, or of a run's last character.
    """
    even = _split_pairs(column)
    odd = _split_pairs(rf"regexp_replace({column}, '(^|[^{_UNSPACED}])([{_UNSPACED}])', '\1 \2 ', 'g')")
    return f"to_tsvector('simple', {column} || ' ' || {even} || ' ' || {odd})"


def _split_pairs(text: str) -> str:
    return rf"regexp_replace({text}, '([{_UNSPACED}]{{2}})', ' \1 ', 'g')"


def prefix_upper_bound(start: str) -> str:
    """A text after all texts that begin with `start`, in byte order."""
    return start + _LAST_CHARACTER


@dataclass(frozen=True, slots=True)
class Cursor:
    """The end of a page: a tier, and the sort key of its last row.

    PREFIX and SUBSTRING sort by `text` and `id`, FUZZY by `similarity` (in millionths) and `id`.
    """

    tier: MatchTier
    text: str = ""
    similarity: int = MAX_SIMILARITY
    id: UUID = FIRST_ID

    @property
    def parts(self) -> tuple[tuple[int, int], tuple[str, str]]:
        """The numbers and texts that a page token holds."""
        return (self.tier, self.similarity), (str(self.id), self.text)

    @classmethod
    def from_parts(cls, numbers: Sequence[int], texts: Sequence[str]) -> Cursor:
        """Return the cursor of a page token. Raises ValueError for parts that no cursor has."""
        (tier, similarity), (row_id, text) = numbers, texts
        if not 0 <= similarity <= MAX_SIMILARITY or "\0" in text or len(text) > _MAX_TEXT:
            raise ValueError("no cursor has these values")
        return cls(MatchTier(tier), text, similarity, UUID(row_id))


START = Cursor(MatchTier.PREFIX)
