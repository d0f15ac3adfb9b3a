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


class Stage(enum.IntEnum):
    """How tracks are found, the best first. The numbers stand in page tokens and never change."""

    STARTING = 0
    """The text begins with the query; by the text, which lists exact matches first."""
    CONTAINING = 1
    """The query is in it, at the start of a word where there are no trigrams to look by; by the text."""
    LIKE = 2
    """Enough of its trigrams are in it; the likest first."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place after which a page goes on: a stage, and the last track of it that was shown.

    STARTING and CONTAINING go by `text` and `id`, LIKE by `likeness` (in millionths) and `id`.
    """

    stage: Stage
    text: str = ""
    likeness: int = 1_000_000
    id: UUID = FIRST_ID


START = Place(Stage.STARTING)


def page_size(asked: int) -> int:
    """How many to show: 20 when nothing was asked for, 100 at most."""
    return min(asked, MAX_SIZE) or DEFAULT_SIZE


def stages(query: SearchQuery, place: Place) -> list[Place]:
    """The stages from a place on in which the query can find anything, each with where to begin in it.

    LIKE is for the first page alone, when the better ones do not fill it, and for its own later pages: where many
    texts contain the query it would cost much, and show what nobody looked for.
    """
    possible = [Stage.STARTING]
    if query.has_trigrams or query.tsquery:
        possible.append(Stage.CONTAINING)
    if query.has_trigrams and (place == START or place.stage is Stage.LIKE):
        possible.append(Stage.LIKE)
    return [place if stage is place.stage else Place(stage) for stage in possible if stage >= place.stage]


def end_of(start: str) -> str:
    """A text after all that begin with `start`, in the order of bytes."""
    return start + _LAST_CHARACTER
