"""SQL of SearchMessages. The cost of a search depends on the page, not on the number of hits.

First the newest messages of all rooms are looked at, a fixed number, in the order of time: that finds what is said
often. Older ones are found by the search index, window after window of time until the page is full; a window with too
many hits is split. The keys of the index are the words, the buckets of time, the room and, in place of a private
room's, one key for all public rooms; so neither what is outside the window nor what is in hidden rooms is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.pagination import MAX_SIZE
from servicekit.sql import Query
from services.chat.domain.message_search import BUCKET_BITS, SIZE_SHIFT, TimeWindow, split_window
from services.chat.store.message_query import (
    MESSAGE,
    NO_THREAD,
    MessageBatch,
    MessageQueryRow,
    compose_message_query,
    split_rows,
)
from services.chat.store.rooms import ACCESS_COLUMNS, ACCESS_FROM, CAN_READ, SANCTION_ACTIVE

RECENT = 500
"""How many of the newest messages are looked at one by one."""
MAX_HITS = 2_000
"""How many hits of one window are read; a window with more is split."""
_UNBOUNDED = (1 << 31) - 1
PUBLIC = UUID(int=0)
"""The key of all public rooms in the search index."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """The criteria; None and False match any. `phrases` are those of search_text; one of the first three is set."""

    phrases: list[str] | None
    track_id: UUID | None
    author_id: UUID | None
    room_id: UUID | None
    start_at: Micros | None
    has_track: bool = False
    public_only: bool = False

    @property
    def given(self) -> tuple[bool, bool, bool]:
        """Whether there are words, a track and an author."""
        return self.phrases is not None, self.track_id is not None, self.author_id is not None


class Cursor(NamedTuple):
    """A place in the order of time, room and seq, newest first: the last message of a page, or of those looked at."""

    created_at: Micros
    room_id: UUID
    seq: int


class RecentRow(NamedTuple):
    """A hit among the newest messages; or the last message that was looked at, if there may be older ones."""

    created_at: Micros
    room_id: UUID
    seq: int
    hit: bool


_SECOND = "floor(date_part('epoch', n.created_at AT TIME ZONE 'UTC'))::bigint"
# The expressions of the search index.
_BUCKETS = f"""(ARRAY[{", ".join(
    f"({size << SIZE_SHIFT} + ({_SECOND} >> {bits}))::int" for size, bits in enumerate(BUCKET_BITS)
)}])"""  # fmt: skip
_KEYS = f"(ARRAY[n.room_id, coalesce(n.private_room_id, '{PUBLIC}'::uuid), n.user_id, n.track_id])"
_TSVECTOR = "to_tsvector('simple', n.search_text)"

_LIVE = "n.deleted_at IS NULL AND n.type <> 'SYSTEM'"
_NEWEST = "n.created_at DESC, n.room_id DESC, n.seq DESC"
_JOIN_CALLER_MEMBERSHIP = (
    "LEFT JOIN chat.room_memberships m ON m.room_id = r.id AND m.user_id = $2 AND m.left_at IS NULL"
)
_VISIBLE = f"""
       (NOT r.private OR m.role IS NOT NULL AND NOT $7)
   AND NOT EXISTS (SELECT 1 FROM chat.sanctions s
                    WHERE s.room_id = r.id AND s.user_id = $2 AND s.kind = 'BAN' AND {SANCTION_ACTIVE})
"""
# Whole words and bigrams in a row, as they were normalized. The index compares what PostgreSQL's parser makes of each,
# which may be less.
_MATCHES = """
       ($1::uuid IS NULL OR n.room_id = $1)
   AND ($3::text[] IS NULL OR ' ' || n.search_text || ' ' LIKE ALL ($3))
   AND ($4::uuid IS NULL OR n.track_id = $4) AND ($5::uuid IS NULL OR n.user_id = $5)
   AND (NOT $6 OR n.track_id IS NOT NULL)
"""


def _visible(messages: str) -> str:
    """Return the expression for those rooms of messages that the caller may read: looked up once for each room."""
    return f"""
          SELECT r.id FROM (SELECT DISTINCT room_id FROM {messages}) h JOIN chat.rooms r ON r.id = h.room_id
            {_JOIN_CALLER_MEMBERSHIP} WHERE {_VISIBLE}
    """


# IS TRUE keeps the planner from turning a filter into a nested loop, or into the condition of another index.
_IN_VISIBLE = "(n.room_id IN (SELECT id FROM visible)) IS TRUE"
# LIMIT keeps a join one index lookup per message.
# $1 room or NULL, $2 caller, $3 phrases as patterns, $4 track, $5 author, $6 with a track, $7 in public rooms, $8 start,
# $9 $10 $11 the cursor, $12 the limit. What is read depends neither on the criteria nor on what hidden rooms say.
_RECENT = Query[
    RecentRow,
    UUID | None,
    UUID,
    list[str] | None,
    UUID | None,
    UUID | None,
    bool,
    bool,
    Micros | None,
    Micros,
    UUID,
    int,
    int,
](
    "chat.search_recent",
    f"""
    WITH recent AS MATERIALIZED (
      SELECT n.created_at, n.room_id, n.seq FROM chat.messages n
       WHERE {_LIVE} AND (n.created_at, n.room_id, n.seq) < ($9, $10, $11) ORDER BY {_NEWEST} LIMIT {RECENT}
    ), visible AS MATERIALIZED ({_visible("recent")}), hit AS MATERIALIZED (
      SELECT n.created_at, n.room_id, n.seq
        FROM (SELECT * FROM recent n WHERE {_IN_VISIBLE}) t
       CROSS JOIN LATERAL (
          SELECT n.created_at, n.room_id, n.seq, n.user_id, n.type, n.search_text, n.track_id, n.deleted_at
            FROM chat.messages n WHERE n.room_id = t.room_id AND n.seq = t.seq LIMIT 1
       ) n
       WHERE {_LIVE} AND {_MATCHES} AND ($8::timestamptz IS NULL OR n.created_at >= $8)
       ORDER BY {_NEWEST} LIMIT $12
    )
    SELECT created_at, room_id, seq, true AS hit FROM hit
    UNION ALL
    SELECT * FROM (SELECT created_at, room_id, seq, false FROM recent
                    WHERE (SELECT count(*) FROM recent) = {RECENT}
                    ORDER BY created_at, room_id, seq LIMIT 1) last
    """,
)
# $1 to $7 as above; $8 $9 $10 the cursor, $11 $12 $13 the windows, $14 the limit, $15 the most hits of a window. The windows come in the order of their ordinality without a sort, and the limit ends the loop before the next
# one is read. A window with more hits ends it too: all of its rows, which are any, then say so. `candidate` has no LIMIT of
# its own, for which the planner would read a table in its order and hope.
_WINDOWS = """
    WITH scope AS MATERIALIZED (
      SELECT ARRAY(
        SELECT '{public}'::uuid WHERE $1::uuid IS NULL
        UNION ALL
        SELECT m.room_id FROM chat.room_memberships m JOIN chat.rooms r ON r.id = m.room_id AND r.private
         WHERE $1 IS NULL AND NOT $7 AND m.user_id = $2 AND m.left_at IS NULL
        UNION ALL
        SELECT r.id FROM chat.rooms r {membership} WHERE r.id = $1 AND {may_read}
      ) AS keys
    )
    SELECT h.created_at, h.room_id, h.seq, w.step, h.more
      FROM unnest((SELECT $11::timestamptz[]), (SELECT $12::timestamptz[]), (SELECT $13::text[])) WITH ORDINALITY
             AS w(start_at, end_at, buckets, step)
     CROSS JOIN LATERAL (
        WITH candidate AS MATERIALIZED (
          SELECT n.created_at, n.room_id, n.seq FROM chat.messages n
           WHERE {live} AND {by}
             AND {buckets} && w.buckets::int[] AND {keys} && (SELECT keys FROM scope)
             AND (n.created_at >= w.start_at AND n.created_at < w.end_at) IS TRUE
             AND ((n.created_at, n.room_id, n.seq) < ($8, $9, $10)) IS TRUE
             AND ({matches}) IS TRUE
        ), found AS MATERIALIZED (
          SELECT * FROM candidate LIMIT $15
        ), size AS MATERIALIZED (
          SELECT count(*) = $15 AS more FROM found
        ), visible AS MATERIALIZED ({visible})
        SELECT n.*, size.more FROM found n, size
         WHERE size.more OR {in_visible} ORDER BY {newest} LIMIT {most}
     ) h
     ORDER BY w.step LIMIT $14
"""
# Only words of the patterns are lexemes: to the parser, % is a space.
_WORDS = f"{_TSVECTOR} @@ plainto_tsquery('simple', array_to_string($3::text[], ' '))"
_TRACK = f"{_KEYS} @> ARRAY[$4::uuid]"
_AUTHOR = f"{_KEYS} @> ARRAY[$5::uuid]"


class WindowRow(NamedTuple):
    """A hit in the window `step`, from 1; or with `more`, a sign that the window has too many."""

    created_at: Micros
    room_id: UUID
    seq: int
    step: int
    more: bool


_WindowQuery = Query[
    WindowRow,
    UUID | None,
    UUID,
    list[str] | None,
    UUID | None,
    UUID | None,
    bool,
    bool,
    Micros,
    UUID,
    int,
    list[Micros],
    list[Micros],
    list[str],
    int,
    int,
]


def _by_index(name: str, *conditions: str) -> _WindowQuery:
    """Return a statement whose conditions are all found by the index."""
    return _WindowQuery(
        name,
        _WINDOWS.format(
            public=PUBLIC,
            membership=_JOIN_CALLER_MEMBERSHIP,
            may_read=_VISIBLE,
            live=_LIVE,
            by=" AND ".join(conditions),
            buckets=_BUCKETS,
            keys=_KEYS,
            matches=_MATCHES,
            visible=_visible("found"),
            in_visible=_IN_VISIBLE,
            newest=_NEWEST,
            most=MAX_SIZE + 1,
        ),
    )


_BY_WORDS = _by_index("chat.search_words", _WORDS)
_BY_TRACK = _by_index("chat.search_track", _TRACK)
_BY_AUTHOR = _by_index("chat.search_author", _AUTHOR)
_BY_WORDS_TRACK = _by_index("chat.search_words_track", _WORDS, _TRACK)
_BY_WORDS_AUTHOR = _by_index("chat.search_words_author", _WORDS, _AUTHOR)
_BY_TRACK_AUTHOR = _by_index("chat.search_track_author", _TRACK, _AUTHOR)
_BY_WORDS_TRACK_AUTHOR = _by_index("chat.search_words_track_author", _WORDS, _TRACK, _AUTHOR)
# By Criteria.given.
_STATEMENTS = {
    (True, False, False): _BY_WORDS,
    (False, True, False): _BY_TRACK,
    (False, False, True): _BY_AUTHOR,
    (True, True, False): _BY_WORDS_TRACK,
    (True, False, True): _BY_WORDS_AUTHOR,
    (False, True, True): _BY_TRACK_AUTHOR,
    (True, True, True): _BY_WORDS_TRACK_AUTHOR,
}
_MESSAGES = Query[MessageQueryRow, UUID | None, UUID, list[UUID], list[int]](
    "chat.searched_messages",
    compose_message_query(
        f"""
        WITH access AS MATERIALIZED (
          SELECT {ACCESS_COLUMNS}, c.last_rev {ACCESS_FROM}
          UNION ALL
          SELECT false, NULL, false, false, 0 WHERE $1 IS NULL
        ), message AS MATERIALIZED (
          SELECT t.* FROM unnest((SELECT $3::uuid[]), (SELECT $4::bigint[])) AS k(room_id, seq)
           CROSS JOIN LATERAL (
             SELECT {MESSAGE}, {NO_THREAD} FROM chat.messages n
              WHERE n.room_id = k.room_id AND n.seq = k.seq AND {_LIVE} LIMIT 1
           ) t
           WHERE (SELECT {CAN_READ} FROM access)
        )
        """,
        rooms=True,
    ),
)


async def search_recent(
    session: Session, user_id: UUID, criteria: Criteria, after: Cursor, limit: int
) -> tuple[list[Cursor], Cursor | None]:
    """Return up to `limit` hits among the newest messages after the cursor, the newest first; and where they end.

    The end is None if there are no older messages.
    """
    rows = await session.rows(_RECENT, *_common(user_id, criteria), criteria.start_at, *after, limit)
    ends = [Cursor(*row[:3]) for row in rows if not row.hit]
    return [Cursor(*row[:3]) for row in rows if row.hit], ends[0] if ends else None


async def search_windows(
    session: Session,
    user_id: UUID,
    criteria: Criteria,
    after: Cursor,
    windows: Sequence[TimeWindow],
    limit: int,
) -> list[Cursor]:
    """Return up to `limit` hits after the cursor in the windows, which are in order.

    One statement, and one more for each split of a window with too many hits.
    """
    found: list[Cursor] = []
    pending, unbounded = list(windows), False
    while pending and len(found) < limit:
        taken = pending[:1] if unbounded else pending
        most = _UNBOUNDED if unbounded else MAX_HITS + 1
        rows = await session.rows(
            _STATEMENTS[criteria.given],
            *_common(user_id, criteria),
            *after,
            [window.start_at for window in taken],
            [window.end_at for window in taken],
            [f"{{{','.join(map(str, window.buckets))}}}" for window in taken],
            limit - len(found),
            most,
        )
        found += [Cursor(*row[:3]) for row in rows if not row.more]
        full = next((row.step for row in rows if row.more), len(taken) + 1)
        split = [part for window in taken[full - 1 : full] for part in split_window(window)]
        # What cannot be split is read alone, whatever it costs.
        unbounded = full <= len(taken) and not split
        pending = [*split, *pending[full - 1 if unbounded else full :]]
    return found


async def get_messages(
    session: Session, user_id: UUID, room_id: UUID | None, keys: Sequence[Cursor]
) -> MessageBatch:
    """Return the live ones of messages, in no order; with a room, also the caller's access to it."""
    rows = await session.rows(
        _MESSAGES, room_id, user_id, [key.room_id for key in keys], [key.seq for key in keys]
    )
    return split_rows(rows)


def _common(
    user_id: UUID, criteria: Criteria
) -> tuple[UUID | None, UUID, list[str] | None, UUID | None, UUID | None, bool, bool]:
    # Phrases are letters, digits and marks, so nothing needs an escape.
    patterns = None if criteria.phrases is None else [f"% {phrase} %" for phrase in criteria.phrases]
    filters = criteria.has_track, criteria.public_only
    return criteria.room_id, user_id, patterns, criteria.track_id, criteria.author_id, *filters
