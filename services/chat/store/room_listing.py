"""SQL that lists public rooms.

Each way of finding rooms has an index of its own, whatever the query, and reads a bounded number of rows. The
bounds stand in inner SELECTs without an order: an order would need all matches, of which a common syllable has
a large part of the table.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from folding import Needle
from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.chat.domain.model import Room
from services.chat.domain.room_search import Place, Stage, end_of
from services.chat.store.rooms import ROOM

CANDIDATES = 1_000
"""How many matches are looked at where only an order could tell which are the best."""


class PublicRow(NamedTuple):
    """A public room, and what decides its place: see Place."""

    id: UUID
    name: str
    description: str
    private: bool
    created_by: UUID | None
    created_at: Micros
    updated_at: Micros
    rev: int
    locked_at: Micros | None
    archived_at: Micros | None
    announcement: bool
    slow_mode_seconds: int
    member_count: int
    search_name: str
    likeness: int
    member: bool

    @property
    def room(self) -> Room:
        """The room without its place."""
        return Room(*self[:13])


_PUBLIC = "NOT r.private AND r.archived_at IS NULL"


def _text(found: str, caller: int) -> str:
    """The rooms that `found` finds, in its order; parameter number `caller` is the caller's id."""
    return f"""
    SELECT {ROOM}, h.search_name, h.likeness, m.user_id IS NOT NULL AS member
      FROM ({found}) h
      JOIN chat.rooms r ON r.id = h.id
      JOIN chat.room_counters c ON c.room_id = h.id
      LEFT JOIN chat.room_memberships m ON m.room_id = h.id AND m.user_id = ${caller} AND m.left_at IS NULL
     ORDER BY h.likeness DESC, h.search_name, h.id
    """  # noqa: S608 - only constants of this module


def _containing(condition: str) -> str:
    return f"""
        SELECT t.id, t.search_name, 0 AS likeness
          FROM (SELECT r.id, r.search_name FROM chat.rooms r WHERE {_PUBLIC} AND {condition} LIMIT {CANDIDATES}) t
         WHERE (t.search_name, t.id) > ($3, $4)
         ORDER BY t.search_name, t.id LIMIT $5
    """  # noqa: S608 - only constants of this module


# A range of names in the order of bytes: the index gives the rows in their final order, and no others. The
# start itself is before all of them, so that the first page and later ones are one statement.
_STARTING = Query[PublicRow, str, str, UUID, int, UUID](
    "chat.public_rooms_starting",
    _text(
        f"""
        SELECT r.id, r.search_name, 0 AS likeness FROM chat.rooms r
         WHERE {_PUBLIC} AND (r.search_name, r.id) > ($2, $3) AND r.search_name >= $2 AND r.search_name < $1
         ORDER BY r.search_name, r.id LIMIT $4
        """,  # noqa: S608 - only constants of this module
        5,
    ),
)
_CONTAINING = Query[PublicRow, str, str, str, UUID, int, UUID](
    "chat.public_rooms_containing",
    _text(_containing("r.search_name LIKE $1 AND r.search_name NOT LIKE $2"), 6),
)
# The words find, the text decides: a tsquery knows no punctuation. No pattern, since one of less than three
# letters would make the trigram index a tempting and slow way.
_HAVING_WORDS = Query[PublicRow, str, str, str, UUID, int, UUID](
    "chat.public_rooms_words",
    _text(
        _containing(
            "to_tsvector('simple', r.search_name) @@ $2::text::tsquery"
            " AND strpos(r.search_name, $1) > 0 AND NOT starts_with(r.search_name, $1)"
        ),
        6,
    ),
)
# The operator's threshold is pg_trgm's own, 0.6 of the query's trigrams.
_LIKE = Query[PublicRow, str, str, int, str, UUID, int, UUID](
    "chat.public_rooms_like",
    _text(
        f"""
        SELECT t.id, t.search_name, t.likeness
          FROM (SELECT r.id, r.search_name,
                       (extensions.word_similarity($1, r.search_name) * 1000000)::int AS likeness
                  FROM chat.rooms r
                 WHERE {_PUBLIC} AND r.search_name OPERATOR(extensions.%>) $1 AND r.search_name NOT LIKE $2
                 LIMIT {CANDIDATES}) t
         WHERE t.likeness < $3 OR t.likeness = $3 AND (t.search_name, t.id) > ($4, $5)
         ORDER BY t.likeness DESC, t.search_name, t.id LIMIT $6
        """,  # noqa: S608 - only constants of this module
        7,
    ),
)


async def public_rooms(
    database: Database, caller_id: UUID, needle: Needle, place: Place, count: int
) -> list[PublicRow]:
    """Up to `count` rooms of the place's stage that come after it. No two stages find the same room."""
    if place.stage is Stage.STARTING:
        start = place.name or needle.text
        return await database.rows(_STARTING, end_of(needle.text), start, place.id, count, caller_id)
    after = (place.name, place.id)
    if place.stage is Stage.LIKE:
        likeness = place.likeness
        return await database.rows(_LIKE, needle.text, needle.contains, likeness, *after, count, caller_id)
    if needle.has_trigrams:
        return await database.rows(_CONTAINING, needle.contains, needle.starts, *after, count, caller_id)
    return await database.rows(_HAVING_WORDS, needle.text, needle.words, *after, count, caller_id)
