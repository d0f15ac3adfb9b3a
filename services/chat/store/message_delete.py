"""SQL of deleting messages, with their thread counts and pins, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Query
from services.chat.domain.model import DeletionType


class DeletedRow(NamedTuple):
    """The numbers of deleted messages and ended pins; each took a rev."""

    messages: int
    pins: int


# The deleted messages are still live in the statement's snapshot, so the thread counts exclude them by seq.
_DELETE = Query[DeletedRow, UUID, list[int], UUID | None, str, int](
    "chat.delete_messages",
    """
    WITH targets AS (
      SELECT d.seq, row_number() OVER (ORDER BY d.seq) AS n FROM unnest($2::bigint[]) AS d(seq)
    ), deleted AS (
      UPDATE chat.messages m
         SET deleted_at = statement_timestamp(), deleted_by = $3, deletion_type = $4, rev = $5 + d.n - 1
        FROM targets d
       WHERE m.room_id = $1 AND m.seq = d.seq AND m.deleted_at IS NULL
      RETURNING m.id, m.seq, m.root_id, m.root_seq
    ), thread AS (
      UPDATE chat.threads t
         SET reply_count = t.reply_count - d.removed, last_reply_seq = l.seq, last_reply_at = l.created_at
        FROM (SELECT root_id, root_seq, count(*) AS removed FROM deleted
               WHERE root_id IS NOT NULL GROUP BY root_id, root_seq) d
        LEFT JOIN LATERAL (
          SELECT r.seq, r.created_at FROM chat.messages r
           WHERE r.room_id = $1 AND r.root_id IS NOT NULL AND r.root_seq = d.root_seq
             AND r.deleted_at IS NULL AND r.seq <> ALL ($2)
           ORDER BY r.seq DESC LIMIT 1
        ) l ON true
       WHERE t.room_id = $1 AND t.root_id = d.root_id
    ), pinned AS (
      SELECT p.message_id, row_number() OVER (ORDER BY p.message_id) AS n
        FROM chat.pins p JOIN deleted d ON d.id = p.message_id
       WHERE p.room_id = $1 AND p.removed_at IS NULL
    ), pin AS (
      UPDATE chat.pins p SET removed_at = statement_timestamp(), rev = $5 + cardinality($2) + i.n - 1
        FROM pinned i WHERE p.room_id = $1 AND p.message_id = i.message_id
      RETURNING 1
    )
    SELECT (SELECT count(*) FROM deleted)::int AS messages, (SELECT count(*) FROM pin)::int AS pins
    """,
)


@dataclass(frozen=True, slots=True)
class AuthorFilter:
    """Selects a user's live messages in a room: since a time, within some seconds before now, or all."""

    room_id: UUID
    user_id: UUID
    since: Micros | None = None
    window_seconds: float | None = None


class SeqRow(NamedTuple):
    """The seq of a message."""

    seq: int


# The author's index is in the order of time, so older messages are not read. `coalesce` keeps the planner from the
# index of all rooms' messages in the order of time, which is a partial one of what is no SYSTEM message.
_BY_AUTHOR_FROM = """
      FROM chat.messages m
     WHERE m.room_id = $1 AND m.user_id = $2 AND m.deleted_at IS NULL AND coalesce(m.type, '') <> 'SYSTEM'
       AND m.created_at >= (SELECT coalesce(
             greatest($3::timestamptz, statement_timestamp() - $4::float8 * interval '1 second'), '-infinity'))
"""
_SEQS_BY_AUTHOR = Query[SeqRow, UUID, UUID, Micros | None, float | None, int](
    "chat.seqs_by_author",
    f"SELECT m.seq {_BY_AUTHOR_FROM} ORDER BY m.created_at DESC LIMIT $5",
)


class CountRow(NamedTuple):
    """A count."""

    found: int


_COUNT_BY_AUTHOR = Query[CountRow, UUID, UUID, Micros | None, float | None](
    "chat.count_by_author",
    f"SELECT count(*)::int AS found {_BY_AUTHOR_FROM}",
)


async def delete(
    session: Session,
    room_id: UUID,
    seqs: Sequence[int],
    *,
    deleted_by: UUID | None,
    deletion_type: DeletionType,
    first_rev: int,
) -> DeletedRow:
    """Delete live messages; they and their pins take consecutive revs from `first_rev`. The caller holds the room lock.

    The seqs must be distinct and of live messages.
    """
    return await session.one(_DELETE, room_id, list(seqs), deleted_by, deletion_type, first_rev)


async def seqs_by_author(session: Session, author_filter: AuthorFilter, limit: int) -> list[int]:
    """Return the seqs of the newest selected messages, without SYSTEM messages."""
    rows = await session.rows(
        _SEQS_BY_AUTHOR,
        author_filter.room_id,
        author_filter.user_id,
        author_filter.since,
        author_filter.window_seconds,
        limit,
    )
    return [row.seq for row in rows]


async def count_by_author(database: Database, author_filter: AuthorFilter) -> int:
    """Count the selected messages. Reads them all, so it must not run under the room lock."""
    row = await database.row(
        _COUNT_BY_AUTHOR,
        author_filter.room_id,
        author_filter.user_id,
        author_filter.since,
        author_filter.window_seconds,
    )
    return 0 if row is None else row.found
