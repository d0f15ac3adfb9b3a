"""The order in which the list of public rooms finds rooms, and where a page of it ends."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from search_text import SearchQuery

FIRST_ID = UUID(int=0)
"""An id before every room."""
LIKEST = 1_000_000
"""The likeness of a name that has all of the query, in millionths."""
_LAST_CHARACTER = "\U0010ffff"


class Stage(enum.IntEnum):
    """How rooms are found, the best first. The numbers stand in page tokens and never change."""

    STARTING = 0
    """The name begins with the query; by name, which lists exact matches first."""
    CONTAINING = 1
    """The query is in the name, at the start of a word where there are no trigrams to look by; by name."""
    LIKE = 2
    """Enough of its trigrams are in the name; the likest first."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place after which a page goes on: a stage, and the last room of it that was shown.

    STARTING and CONTAINING go by `name` (as it is folded) and `id`, LIKE by `likeness`, `name` and `id`.
    """

    stage: Stage
    name: str = ""
    likeness: int = LIKEST
    id: UUID = FIRST_ID


START = Place(Stage.STARTING)


def stages(query: SearchQuery, place: Place) -> list[Place]:
    """The stages from a place on in which the query can find anything, each with where to begin in it.

    A query without text finds every room, all of them in the first stage.
    """
    possible = [Stage.STARTING]
    if query.has_trigrams:
        possible += [Stage.CONTAINING, Stage.LIKE]
    elif query.tsquery:
        possible.append(Stage.CONTAINING)
    return [place if stage is place.stage else Place(stage) for stage in possible if stage >= place.stage]


def end_of(start: str) -> str:
    """A text after all that begin with `start`, in the order of bytes."""
    return start + _LAST_CHARACTER
