"""SQL of purging the content of deleted messages; the tombstone stays, so seq has no gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.store.message_get import RESTORE_WINDOW_DAYS

# Decrements the tallies of the reactions that the CTE `reaction` (message_id, emoji, active) deletes in room $1.
DECREMENT_TALLIES = """
    removed AS (
      SELECT message_id, emoji, count(*)::int AS n FROM reaction WHERE active GROUP BY message_id, emoji
    ), decremented AS (
      UPDATE chat.reaction_tallies t SET count = t.count - g.n FROM removed g
       WHERE t.room_id = $1 AND t.message_id = g.message_id AND t.emoji = g.emoji AND t.count > g.n
    ), deleted AS (
      DELETE FROM chat.reaction_tallies t USING removed g
       WHERE t.room_id = $1 AND t.message_id = g.message_id AND t.emoji = g.emoji AND t.count <= g.n
    )
"""


class TombstoneRow(NamedTuple):
    """A deleted message to purge."""

    room_id: UUID
    seq: int


class DueTombstoneRow(NamedTuple):
    """A deleted message to purge, read under the room lock."""

    seq: int
    id: UUID


class DeletedDependentsRow(NamedTuple):
    """The number of deleted revisions, mentions and reactions."""

    removed: int


_EXPIRED = (
    f"deleted_at < statement_timestamp() - interval '{RESTORE_WINDOW_DAYS} days' AND emptied_at IS NULL"
)
_EXPIRED_TOMBSTONES = Query[TombstoneRow, int](
    "chat.expired_tombstones",
    f"SELECT room_id, seq FROM chat.messages WHERE {_EXPIRED} ORDER BY deleted_at LIMIT $1",
)
# Checks again under the lock. Materialized, so that the rows are read by key: the index of expired tombstones covers all
# rooms, and reading it would take long under this room's lock.
_DUE = Query[DueTombstoneRow, UUID, list[int]](
    "chat.tombstones_to_purge",
    f"""
    WITH found AS MATERIALIZED (
      SELECT seq, id, deleted_at, emptied_at FROM chat.messages WHERE room_id = $1 AND seq = ANY ($2)
    )
    SELECT seq, id FROM found WHERE {_EXPIRED} ORDER BY seq
    """,
)
_DELETE_DEPENDENTS = Query[DeletedDependentsRow, UUID, list[UUID], int](
    "chat.delete_dependents",
    f"""
    WITH revision AS (
      DELETE FROM chat.message_revisions v
       USING (SELECT w.message_id, w.number FROM chat.message_revisions w
               WHERE w.room_id = $1 AND w.message_id = ANY ($2) LIMIT $3) d
       WHERE v.room_id = $1 AND v.message_id = d.message_id AND v.number = d.number
      RETURNING 1
    ), mention AS (
      DELETE FROM chat.mentions e
       USING (SELECT o.message_id, o.user_id FROM chat.mentions o
               WHERE o.room_id = $1 AND o.message_id = ANY ($2)
               LIMIT $3 - (SELECT count(*) FROM revision)) d
       WHERE e.room_id = $1 AND e.message_id = d.message_id AND e.user_id = d.user_id
      RETURNING 1
    ), reaction AS (
      DELETE FROM chat.reactions r
       USING (SELECT o.message_id, o.user_id, o.emoji FROM chat.reactions o
               WHERE o.room_id = $1 AND o.message_id = ANY ($2)
               LIMIT $3 - (SELECT count(*) FROM revision) - (SELECT count(*) FROM mention)) d
       WHERE r.room_id = $1 AND r.message_id = d.message_id AND r.user_id = d.user_id AND r.emoji = d.emoji
      RETURNING r.message_id, r.emoji, r.removed_at IS NULL AS active
    ), {DECREMENT_TALLIES}
    SELECT ((SELECT count(*) FROM revision) + (SELECT count(*) FROM mention)
            + (SELECT count(*) FROM reaction))::int AS removed
    """,
)
_PURGE = Command[UUID, list[int], int](
    "chat.purge_messages",
    """
    UPDATE chat.messages m
       SET text = NULL, track_id = NULL, track = NULL, search_text = NULL, mention_user_ids = NULL,
           emptied_at = statement_timestamp(), rev = $3 + d.n - 1
      FROM (SELECT s.seq, row_number() OVER (ORDER BY s.seq) AS n FROM unnest($2::bigint[]) AS s(seq)) d
     WHERE m.room_id = $1 AND m.seq = d.seq
    """,
)


async def expired_tombstones(database: Database, limit: int) -> dict[UUID, list[int]]:
    """Return the seqs of deleted messages past the restore window, by room, the oldest first."""
    found: dict[UUID, list[int]] = {}
    for row in await database.rows(_EXPIRED_TOMBSTONES, limit):
        found.setdefault(row.room_id, []).append(row.seq)
    return found


async def due(session: Session, room_id: UUID, seqs: Sequence[int]) -> list[DueTombstoneRow]:
    """Return those of the messages that are still to purge. The caller holds the room lock."""
    return await session.rows(_DUE, room_id, list(seqs))


async def delete_dependents(session: Session, room_id: UUID, message_ids: Sequence[UUID], limit: int) -> int:
    """Delete up to `limit` revisions, mentions and reactions of deleted messages; returns their number.

    With tallies up to twice as many rows change. The caller holds the room lock. Takes no rev: only moderators
    with show_deleted see the dependents, and the purge that follows takes one.
    """
    row = await session.row(_DELETE_DEPENDENTS, room_id, list(message_ids), limit)
    return 0 if row is None else row.removed


async def purge(session: Session, room_id: UUID, seqs: Sequence[int], first_rev: int) -> int:
    """Clear the content of deleted messages, which take consecutive revs from `first_rev`; returns their number.

    The caller holds the room lock; the messages are deleted, not purged, and without dependents.
    """
    return await session.execute(_PURGE, room_id, list(seqs), first_rev)
