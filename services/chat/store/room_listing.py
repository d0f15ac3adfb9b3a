"""SQL of the lists of rooms, and of unread counts.

Each match tier of the public rooms has an index and reads a bounded number of rows. The bounds are in inner SELECTs
without an order: sorting would need all matches, which for a common syllable are a large part of the table.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from search_text import SearchQuery
from search_text.tiers import MatchTier, prefix_upper_bound, words_tsvector
from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.chat.domain.model import Room
from services.chat.domain.room_search import Cursor
from services.chat.store.membership import MemberRow
from services.chat.store.message_query import MESSAGE, NO_THREAD, MessageRow
from services.chat.store.rooms import ROOM_COLUMNS, muted_until

CANDIDATES = 1_000
"""The maximum number of matches that are read before they are sorted."""


class PublicRow(NamedTuple):
    """A public room, its sort keys (see Cursor), and whether the caller is a member."""

    room: Room
    search_name: str
    similarity: int
    member: bool


_PUBLIC = "NOT r.private AND r.archived_at IS NULL"


def _text(found: str, caller: int) -> str:
    """Return the rooms that `found` selects, in its order; `caller` is the number of the caller's parameter."""
    return f"""
    SELECT {ROOM_COLUMNS}, h.search_name, h.similarity, m.user_id IS NOT NULL AS member
      FROM ({found}) h
      JOIN chat.rooms r ON r.id = h.id
      JOIN chat.room_counters c ON c.room_id = h.id
      LEFT JOIN chat.room_memberships m ON m.room_id = h.id AND m.user_id = ${caller} AND m.left_at IS NULL
     ORDER BY h.similarity DESC, h.search_name, h.id
    """


def _substring(condition: str) -> str:
    return f"""
        SELECT t.id, t.search_name, 0 AS similarity
          FROM (SELECT r.id, r.search_name FROM chat.rooms r WHERE {_PUBLIC} AND {condition} LIMIT {CANDIDATES}) t
         WHERE (t.search_name, t.id) > ($3, $4)
         ORDER BY t.search_name, t.id LIMIT $5
    """


# A range of names in byte order: the index returns exactly these rows in their final order. The prefix itself sorts
# before all of them, so the first page and later ones share the statement.
_PREFIX = Query[PublicRow, str, str, UUID, int, UUID](
    "chat.public_rooms_prefix",
    _text(
        f"""
        SELECT r.id, r.search_name, 0 AS similarity FROM chat.rooms r
         WHERE {_PUBLIC} AND (r.search_name, r.id) > ($2, $3) AND r.search_name >= $2 AND r.search_name < $1
         ORDER BY r.search_name, r.id LIMIT $4
        """,
        5,
    ),
)
_SUBSTRING = Query[PublicRow, str, str, str, UUID, int, UUID](
    "chat.public_rooms_substring",
    _text(_substring("r.search_name LIKE $1 AND r.search_name NOT LIKE $2"), 6),
)
# The tsquery finds candidates and strpos decides, as a tsquery ignores punctuation. Not LIKE: with fewer than three
# letters the planner might choose the trigram index, which is slow then.
_HAVING_WORDS = Query[PublicRow, str, str, str, UUID, int, UUID](
    "chat.public_rooms_words",
    _text(
        _substring(
            f"{words_tsvector('r.search_name')} @@ $2::text::tsquery"
            " AND strpos(r.search_name, $1) > 0 AND NOT starts_with(r.search_name, $1)"
        ),
        6,
    ),
)
# The operator's threshold is pg_trgm's default, 0.6 of the query's trigrams.
_FUZZY = Query[PublicRow, str, str, int, str, UUID, int, UUID](
    "chat.public_rooms_fuzzy",
    _text(
        f"""
        SELECT t.id, t.search_name, t.similarity
          FROM (SELECT r.id, r.search_name,
                       (extensions.word_similarity($1, r.search_name) * 1000000)::int AS similarity
                  FROM chat.rooms r
                 WHERE {_PUBLIC} AND r.search_name OPERATOR(extensions.%>) $1 AND r.search_name NOT LIKE $2
                 LIMIT {CANDIDATES}) t
         WHERE t.similarity < $3 OR t.similarity = $3 AND (t.search_name, t.id) > ($4, $5)
         ORDER BY t.similarity DESC, t.search_name, t.id LIMIT $6
        """,
        7,
    ),
)


async def public_rooms(
    database: Database, caller_id: UUID, query: SearchQuery, cursor: Cursor, count: int
) -> list[PublicRow]:
    """Return up to `count` rooms of the cursor's tier after it. No room is in two tiers."""
    if cursor.tier is MatchTier.PREFIX:
        start = cursor.name or query.text
        return await database.rows(
            _PREFIX, prefix_upper_bound(query.text), start, cursor.id, count, caller_id
        )
    after = (cursor.name, cursor.id)
    if cursor.tier is MatchTier.FUZZY:
        similarity = cursor.similarity
        return await database.rows(
            _FUZZY, query.text, query.substring_pattern, similarity, *after, count, caller_id
        )
    if query.has_trigrams:
        return await database.rows(
            _SUBSTRING, query.substring_pattern, query.prefix_pattern, *after, count, caller_id
        )
    return await database.rows(_HAVING_WORDS, query.text, query.tsquery, *after, count, caller_id)


_FIRST = 100
"""The number of messages after the read marker among which unread ones are counted."""


class MyRoomRow(NamedTuple):
    """A room of the caller with the membership, the unread counts, and the newest live message, if there is one."""

    room: Room
    member: MemberRow
    last_read_seq: int
    last_rev: int
    unread: int
    unread_capped: bool
    mentions: int
    mentions_capped: bool
    muted_until: Micros | None
    last_message: MessageRow | None


# Reads one more than it counts, to detect whether there are more; that last one is not counted.
_COUNTED = f"""
       SELECT (count(*) FILTER (WHERE a.news)
                - (count(*) > {_FIRST} AND max(a.seq) IS NOT DISTINCT FROM max(a.seq) FILTER (WHERE a.news))::int
              )::int AS news,
              count(*) > {_FIRST} AS capped
"""
# Every room costs a few index probes and at most 101 rows for each count. A room that is read to the end costs no row:
# the inner comparison of the read marker with the newest seq ends the scan.
_MY_ROOMS = Query[MyRoomRow, UUID, UUID, int](
    "chat.my_rooms",
    f"""
    SELECT {ROOM_COLUMNS}, m.room_id, m.user_id, m.role, m.joined_at, m.rev, m.last_read_seq, c.last_rev,
           u.news AS unread, u.capped AS unread_capped, w.news AS mentions, w.capped AS mentions_capped,
           {muted_until("m.room_id", "$1")}, x.*
      FROM (SELECT o.room_id, o.user_id, o.role, o.joined_at, o.rev, o.last_read_seq FROM chat.room_memberships o
             WHERE o.user_id = $1 AND o.left_at IS NULL AND o.room_id > $2
             ORDER BY o.room_id LIMIT $3) m
      JOIN chat.rooms r ON r.id = m.room_id
      JOIN chat.room_counters c ON c.room_id = m.room_id
     CROSS JOIN LATERAL (
       {_COUNTED}
         FROM (SELECT n.type <> 'SYSTEM' AND n.user_id IS DISTINCT FROM $1 AS news,
                      n.seq
                 FROM chat.messages n
                WHERE n.room_id = m.room_id AND n.seq > m.last_read_seq AND n.root_id IS NULL
                  AND n.deleted_at IS NULL AND m.last_read_seq < c.last_seq
                ORDER BY n.seq LIMIT {_FIRST + 1}) a
     ) u
     CROSS JOIN LATERAL (
       {_COUNTED}
         FROM (SELECT n.user_id IS DISTINCT FROM $1 AS news, e.message_seq AS seq
                 FROM chat.mentions e
                 JOIN chat.messages n ON n.room_id = e.room_id AND n.seq = e.message_seq
                WHERE e.user_id = $1 AND e.room_id = m.room_id AND e.message_seq > m.last_read_seq
                  AND n.deleted_at IS NULL AND m.last_read_seq < c.last_seq
                ORDER BY e.message_seq LIMIT {_FIRST + 1}) a
     ) w
      LEFT JOIN LATERAL (
       SELECT {MESSAGE}, {NO_THREAD}
         FROM chat.messages n
        WHERE n.room_id = m.room_id AND n.deleted_at IS NULL
        ORDER BY n.seq DESC LIMIT 1
     ) x ON true
     ORDER BY m.room_id
    """,
)


class RoomsRevRow(NamedTuple):
    """The number of the last change of a user's memberships."""

    rooms_rev: int


_ROOMS_REV = Query[RoomsRevRow, UUID](
    "chat.rooms_rev", "SELECT rooms_rev FROM chat.user_counters WHERE user_id = $1"
)


async def rooms_rev(database: Database, user_id: UUID) -> int:
    """Return the number of the last change of a user's memberships; 0 if there was none."""
    row = await database.row(_ROOMS_REV, user_id)
    return 0 if row is None else row.rooms_rev


async def my_rooms(database: Database, user_id: UUID, after: UUID, limit: int) -> list[MyRoomRow]:
    """Return a user's rooms with ids above `after`, sorted by id, in one snapshot."""
    return await database.rows(_MY_ROOMS, user_id, after, limit)
