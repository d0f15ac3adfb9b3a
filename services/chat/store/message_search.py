"""SQL of SearchMessages."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.pagination import MAX_SIZE
from servicekit.sql import Query
from services.chat.store.message_query import (
    MESSAGE,
    NO_THREAD,
    MessageBatch,
    MessageQueryRow,
    compose_message_query,
    split_rows,
)
from services.chat.store.rooms import ACCESS_COLUMNS, ACCESS_FROM, CAN_READ, SANCTION_ACTIVE


@dataclass(frozen=True, slots=True)
class Criteria:
    """The criteria; None matches any. `words` are normalized and separated by spaces; one of the first three is set."""

    words: str | None
    track_id: UUID | None
    author_id: UUID | None
    room_id: UUID | None
    start_at: Micros | None
    end_at: Micros | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The cursor: the last message of a page, in the order of time, room and seq, newest first."""

    created_at: Micros
    room_id: UUID
    seq: int


_WORDS = "n.search_text IS NOT NULL AND to_tsvector('simple', n.search_text) @@ plainto_tsquery('simple', $3)"
_TRACK = "n.track_id = $4"
_AUTHOR = "n.user_id = $5"
_VISIBLE = f"""
       (NOT r.private OR m.role IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM chat.sanctions s
                    WHERE s.room_id = r.id AND s.user_id = $2 AND s.kind = 'BAN' AND {SANCTION_ACTIVE})
"""
_JOIN_CALLER_MEMBERSHIP = (
    "LEFT JOIN chat.room_memberships m ON m.room_id = r.id AND m.user_id = $2 AND m.left_at IS NULL"
)
_NEWEST = "n.created_at DESC, n.room_id DESC, n.seq DESC"


def _hits(by: str) -> str:
    """Return the conditions of messages `n`: `by` is the index condition, the other criteria filter."""
    others = [f"({parameter} IS NULL OR {clause})" for parameter, clause in (
        ("$3::text", _WORDS), ("$4::uuid", _TRACK), ("$5::uuid", _AUTHOR),
    ) if clause != by]  # fmt: skip
    return f"""
             {by} AND {" AND ".join(others)}
         AND n.deleted_at IS NULL AND n.type <> 'SYSTEM' AND ($1::uuid IS NULL OR n.room_id = $1)
         AND ($6::timestamptz IS NULL OR n.created_at >= $6)
         AND ($7::timestamptz IS NULL OR n.created_at < $7)
         AND (n.created_at, n.room_id, n.seq) < ($8, $9, $10)
         AND (SELECT {CAN_READ} FROM access)
    """


def _search(found: str) -> str:
    """$1 room or NULL, $2 caller, $3 words, $4 track, $5 author, $6 $7 times, $8 $9 $10 the cursor, $11 the limit.

    Access is checked for each room, so messages of hidden rooms are skipped. A search in a hidden room reads no more
    rows than one in a missing room.
    """
    return compose_message_query(
        f"""
        WITH access AS MATERIALIZED (
          SELECT {ACCESS_COLUMNS}, c.last_rev {ACCESS_FROM}
          UNION ALL
          SELECT false, NULL, false, false, 0 WHERE $1 IS NULL
        ), {found}
        """,
        rooms=True,
    )


def _sorted(by: str) -> str:
    """Search by an index without time: all hits are read and sorted.

    A common word or a busy author has many hits in few rooms: access is checked once per room and then looked up in a
    hash table. `IN (...) IS TRUE` keeps the planner from turning it into a nested loop.
    """
    return f"""
        hit AS MATERIALIZED (
          SELECT n.created_at, n.room_id, n.seq FROM chat.messages n WHERE {_hits(by)}
        ), visible AS MATERIALIZED (
          SELECT r.id FROM (SELECT DISTINCT room_id FROM hit) h JOIN chat.rooms r ON r.id = h.room_id
            {_JOIN_CALLER_MEMBERSHIP} WHERE {_VISIBLE}
        ), message AS MATERIALIZED (
          SELECT {MESSAGE}, {NO_THREAD}
            FROM (SELECT * FROM (
                    SELECT n.room_id, n.seq FROM hit n WHERE (n.room_id IN (SELECT id FROM visible)) IS TRUE
                     ORDER BY {_NEWEST} LIMIT {MAX_SIZE + 1}
                  ) o LIMIT $11) t
            JOIN chat.messages n ON n.room_id = t.room_id AND n.seq = t.seq
        )
    """


def _in_order(by: str) -> str:
    """Search by an index in the order of time: it is read until there are enough hits."""
    return f"""
        message AS MATERIALIZED (
          SELECT * FROM (
            SELECT {MESSAGE}, {NO_THREAD}
              FROM chat.messages n JOIN chat.rooms r ON r.id = n.room_id {_JOIN_CALLER_MEMBERSHIP}
             WHERE {_hits(by)} AND {_VISIBLE}
             ORDER BY {_NEWEST} LIMIT {MAX_SIZE + 1}
          ) o LIMIT $11
        )
    """


_Search = Query[
    MessageQueryRow,
    UUID | None,
    UUID,
    str | None,
    UUID | None,
    UUID | None,
    Micros | None,
    Micros | None,
    Micros,
    UUID,
    int,
    int,
]
_BY_WORDS = _Search("chat.search_words", _search(_sorted(_WORDS)))
_BY_TRACK = _Search("chat.search_track", _search(_in_order(_TRACK)))
_BY_AUTHOR = _Search("chat.search_author", _search(_sorted(_AUTHOR)))


async def search(
    database: Database, user_id: UUID, criteria: Criteria, after: Cursor, limit: int
) -> MessageBatch:
    """Return up to `limit` live messages after the cursor that the caller may read, in no order.

    With a room, the result's `room` has the caller's access to it.
    """
    # Words are usually more selective than a track or an author.
    if criteria.words is not None:
        statement = _BY_WORDS
    elif criteria.track_id is not None:
        statement = _BY_TRACK
    else:
        statement = _BY_AUTHOR
    return split_rows(
        await database.rows(
            statement,
            criteria.room_id,
            user_id,
            criteria.words,
            criteria.track_id,
            criteria.author_id,
            criteria.start_at,
            criteria.end_at,
            after.created_at,
            after.room_id,
            after.seq,
            limit,
        )
    )
