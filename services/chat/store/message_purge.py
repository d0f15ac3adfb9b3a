"""SQL of taking away for good what deleted messages said: a stub stays, so that seq has no gap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.chat.store.message_get import RESTORE_WINDOW_DAYS

# The tallies of the reactions that the CTE `reaction` (message_id, emoji, active) deletes in the room $1.
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
    """A deleted message that is to be emptied."""

    room_id: UUID
    seq: int


class DueTombstoneRow(NamedTuple):
    """The same, read under its room's lock."""

    seq: int
    id: UUID


class DeletedDependentsRow(NamedTuple):
    """How many revisions, mentions and reactions were removed."""

    removed: int


# now() and not the running clock: only what stays the same during a statement is looked up in an index.
_EXPIRED = f"deleted_at < now() - interval '{RESTORE_WINDOW_DAYS} days' AND emptied_at IS NULL"
_EXPIRED_TOMBSTONES = Query[TombstoneRow, int](
    "chat.expired_tombstones",
    f"SELECT room_id, seq FROM chat.messages WHERE {_EXPIRED} ORDER BY deleted_at LIMIT $1",
)
# Since they were found they may have been emptied. They are read by their key before anything else is asked: the
# index of what is to be emptied holds that of all rooms, which may be much, and this one is locked.
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
           emptied_at = clock_timestamp(), rev = $3 + d.n - 1
      FROM (SELECT s.seq, row_number() OVER (ORDER BY s.seq) AS n FROM unnest($2::bigint[]) AS s(seq)) d
     WHERE m.room_id = $1 AND m.seq = d.seq
    """,
)


async def expired_tombstones(database: Database, limit: int) -> dict[UUID, list[int]]:
    """The seqs of messages that were deleted too long ago to be restored, room by room, the oldest first."""
    found: dict[UUID, list[int]] = {}
    for row in await database.rows(_EXPIRED_TOMBSTONES, limit):
        found.setdefault(row.room_id, []).append(row.seq)
    return found


async def due(session: Session, room_id: UUID, seqs: Sequence[int]) -> list[DueTombstoneRow]:
    """Those of the messages that still are to be emptied. The room must be locked."""
    return await session.rows(_DUE, room_id, list(seqs))


async def delete_dependents(session: Session, room_id: UUID, message_ids: Sequence[UUID], limit: int) -> int:
    """Remove revisions, mentions and reactions of deleted messages, up to `limit` of them; returns how many.

    With the tallies that is up to twice as many rows. The room must be locked. No rev is taken: all of
    it is shown, if at all, to moderators who ask for deleted messages, and the emptying that follows takes one.
    """
    row = await session.row(_DELETE_DEPENDENTS, room_id, list(message_ids), limit)
    return 0 if row is None else row.removed


async def purge(session: Session, room_id: UUID, seqs: Sequence[int], first_rev: int) -> int:
    """Remove what deleted messages said, numbering them from `first_rev` on; returns how many there were.

    The room must be locked, the messages be deleted and not emptied, and nothing be left to strip.
    """
    return await session.execute(_PURGE, room_id, list(seqs), first_rev)
