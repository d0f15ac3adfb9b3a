"""SQL that lists public rooms.

Each way of finding rooms has an index of its own, whatever the query, and reads a bounded number of rows. The
bounds stand in inner SELECTs without an order: an order would need all matches, of which a common syllable has
a large part of the table.
"""

from __future__ import annotations

from typing import NamedTuple, cast
from uuid import UUID

from search_text import SearchQuery
from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.chat.domain.model import (
    Member,
    MemberRole,
    Message,
    MessageType,
    MyRoom,
    Room,
    SystemEvent,
    Unread,
)
from services.chat.domain.room_search import Cursor, MatchTier, prefix_upper_bound
from services.chat.store.message_query import track_from_json
from services.chat.store.rooms import ROOM_COLUMNS

CANDIDATES = 1_000
"""How many matches are looked at where only an order could tell which are the best."""


class PublicRow(NamedTuple):
    """A public room, and what decides its cursor: see Cursor."""

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
    similarity: int
    member: bool

    @property
    def room(self) -> Room:
        """The room without its cursor."""
        return Room(*self[:13])


_PUBLIC = "NOT r.private AND r.archived_at IS NULL"


def _text(found: str, caller: int) -> str:
    """The rooms that `found` finds, in its order; parameter number `caller` is the caller's id."""
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


# A range of names in the order of bytes: the index gives the rows in their final order, and no others. The
# start itself is before all of them, so that the first page and later ones are one statement.
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
# The words find, the text decides: a tsquery knows no punctuation. No pattern, since one of less than three
# letters would make the trigram index a tempting and slow way.
_HAVING_WORDS = Query[PublicRow, str, str, str, UUID, int, UUID](
    "chat.public_rooms_words",
    _text(
        _substring(
            "to_tsvector('simple', r.search_name) @@ $2::text::tsquery"
            " AND strpos(r.search_name, $1) > 0 AND NOT starts_with(r.search_name, $1)"
        ),
        6,
    ),
)
# The operator's threshold is pg_trgm's own, 0.6 of the query's trigrams.
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
    """Up to `count` rooms of the place's tier that come after it. No two tiers find the same room."""
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
"""Among how many messages after the read marker those that count are counted."""


class MyRow(NamedTuple):
    """A room, the caller's place in it, what is new, and the newest live message; `message_id` is None for none."""

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
    role: str
    joined_at: Micros
    member_rev: int
    last_read_seq: int
    last_rev: int
    unread: int
    unread_capped: bool
    mentions: int
    mentions_capped: bool
    message_id: UUID | None
    seq: int | None
    message_rev: int | None
    user_id: UUID | None
    type: str | None
    text: str | None
    track_id: UUID | None
    track: str | None
    system_event: str | None
    mention_user_ids: list[UUID] | None
    sent_at: Micros | None
    edited_at: Micros | None
    root_id: UUID | None
    reply_to_id: UUID | None

    def my_room(self, caller_id: UUID) -> MyRoom:
        """The row as a value."""
        return MyRoom(
            room=Room._make(self[:13]),
            member=Member(self.id, caller_id, MemberRole(self.role), self.joined_at, self.member_rev),
            last_message=None if self.message_id is None else self._message(self.message_id),
            unread=Unread(self.unread, self.unread_capped),
            mentions=Unread(self.mentions, self.mentions_capped),
            last_read_seq=self.last_read_seq,
            rev=self.last_rev,
        )

    def _message(self, message_id: UUID) -> Message:
        seq, rev, sent_at = cast("tuple[int, int, Micros]", (self.seq, self.message_rev, self.sent_at))
        return Message(
            id=message_id,
            room_id=self.id,
            seq=seq,
            rev=rev,
            user_id=self.user_id,
            type=MessageType(self.type or ""),
            text=self.text,
            track=None if self.track_id is None else track_from_json(self.track_id, self.track or "{}"),
            system_event=None if self.system_event is None else SystemEvent(self.system_event),
            mention_user_ids=self.mention_user_ids,
            created_at=sent_at,
            edited_at=self.edited_at,
            root_id=self.root_id,
            reply_to_id=self.reply_to_id if self.reply_to_id is not None else self.root_id,
        )


# One more than is counted tells whether there are more; it is the last of them, and counts for nothing else.
_COUNTED = f"""
       SELECT (count(*) FILTER (WHERE a.news)
                - (count(*) > {_FIRST} AND max(a.seq) IS NOT DISTINCT FROM max(a.seq) FILTER (WHERE a.news))::int
              )::int AS news,
              count(*) > {_FIRST} AS capped
"""
# Every room costs a few probes of an index and the rows that are shown or counted, of which there are at most
# 101 each. A room in which everything is read is not even looked into: that is what the comparison of the read
# mark with the newest seq is for, inside.
_MINE = Query[MyRow, UUID, UUID, int](
    "chat.my_rooms",
    f"""
    SELECT {ROOM_COLUMNS}, m.role, m.joined_at, m.rev AS member_rev, m.last_read_seq, c.last_rev,
           u.news AS unread, u.capped AS unread_capped, w.news AS mentions, w.capped AS mentions_capped,
           x.id AS message_id, x.seq, x.rev AS message_rev, x.user_id, x.type, x.text, x.track_id, x.track,
           x.system_event, x.mention_user_ids, x.created_at AS sent_at, x.edited_at, x.root_id, x.reply_to_id
      FROM (SELECT o.room_id, o.role, o.joined_at, o.rev, o.last_read_seq FROM chat.room_memberships o
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
       SELECT n.id, n.seq, n.rev, n.user_id, n.type, n.text, n.track_id, n.track, n.system_event,
              n.mention_user_ids, n.created_at, n.edited_at, n.root_id, n.reply_to_id
         FROM chat.messages n
        WHERE n.room_id = m.room_id AND n.deleted_at IS NULL
        ORDER BY n.seq DESC LIMIT 1
     ) x ON true
     ORDER BY m.room_id
    """,
)


async def my_rooms(database: Database, user_id: UUID, after: UUID, limit: int) -> list[MyRoom]:
    """A user's rooms of ids after `after`, in the order of their ids; one statement, one snapshot."""
    return [row.my_room(user_id) for row in await database.rows(_MINE, user_id, after, limit)]
