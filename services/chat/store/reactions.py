"""SQL of reactions."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.pagination import MAX_SIZE
from servicekit.sql import Command, Query
from services.chat.domain.model import Reaction
from services.chat.domain.reactions import ReactionContext
from services.chat.domain.visibility import RoomAccess
from services.chat.store.message_query import ROOM_ACCESS
from services.chat.store.rooms import ACCESS_FROM, CAN_READ, MEMBERSHIP_COLUMNS

# TallyColumns of the message `n` of room $1 for the user $2. The user's own reaction is one primary key lookup per emoji of the
# message: removed reactions stay in the table and may be many. With removed_at as a condition the planner might read
# all reactions of the emoji by their index instead.
TALLIES = """
       SELECT coalesce(array_agg(y.emoji), '{}') AS emojis, coalesce(array_agg(y.count), '{}') AS counts,
              coalesce(array_agg(y.first_at), '{}') AS first_ats,
              coalesce(array_agg(coalesce((
                SELECT e.removed_at IS NULL FROM chat.reactions e
                 WHERE e.room_id = $1 AND e.message_id = n.id AND e.user_id = $2 AND e.emoji = y.emoji
              ), false)), '{}') AS mine
         FROM chat.reaction_tallies y WHERE y.room_id = $1 AND y.message_id = n.id
"""
_CONTEXT = Query[ReactionContext, UUID, UUID, Micros | None, Micros | None, UUID](
    "chat.reaction_context",
    f"""
    WITH access AS (SELECT {MEMBERSHIP_COLUMNS}, r.locked_at, r.archived_at {ACCESS_FROM})
    SELECT access.*, n.seq, n.deleted_at IS NOT NULL AS deleted, t.emojis, t.counts, t.first_ats, t.mine
      FROM access
      LEFT JOIN chat.messages n ON n.room_id = $1 AND n.id = $5
     CROSS JOIN LATERAL ({TALLIES}) t
    """,
)


class AddedRow(NamedTuple):
    """When a reaction was added."""

    created_at: Micros


_ADD = Query[AddedRow, UUID, UUID, UUID, str, int](
    "chat.add_reaction",
    """
    WITH added AS (
      INSERT INTO chat.reactions AS e (room_id, message_id, user_id, emoji, created_at, rev)
      VALUES ($1, $2, $3, $4, statement_timestamp(), $5)
      ON CONFLICT (room_id, message_id, user_id, emoji) DO UPDATE
         SET created_at = excluded.created_at, removed_at = NULL, rev = excluded.rev
      RETURNING e.created_at
    ), tally AS (
      INSERT INTO chat.reaction_tallies AS t (room_id, message_id, emoji, count, first_at)
      SELECT $1, $2, $4, 1, created_at FROM added
      ON CONFLICT (room_id, message_id, emoji) DO UPDATE SET count = t.count + 1
    ), numbers AS (
      UPDATE chat.room_counters SET last_rev = $5 WHERE room_id = $1
    )
    SELECT created_at FROM added
    """,
)
_REMOVE = Command[UUID, UUID, UUID, str, int](
    "chat.remove_reaction",
    """
    WITH removed AS (
      UPDATE chat.reactions SET removed_at = statement_timestamp(), rev = $5
       WHERE room_id = $1 AND message_id = $2 AND user_id = $3 AND emoji = $4
    ), decremented AS (
      UPDATE chat.reaction_tallies SET count = count - 1
       WHERE room_id = $1 AND message_id = $2 AND emoji = $4 AND count > 1
    ), deleted AS (
      DELETE FROM chat.reaction_tallies
       WHERE room_id = $1 AND message_id = $2 AND emoji = $4 AND count = 1
    )
    UPDATE chat.room_counters SET last_rev = $5 WHERE room_id = $1
    """,
)


async def get_context(
    session: Session, room_id: UUID, caller: Caller, message_id: UUID
) -> ReactionContext | None:
    """Return the input of the rules; None when there is no such room."""
    return await session.row(
        _CONTEXT, room_id, caller.user_id, caller.muted_until, caller.suspended_until, message_id
    )


async def add(
    session: Session, room_id: UUID, message_id: UUID, user_id: UUID, emoji: str, rev: int
) -> Micros:
    """Write a new reaction, its tally and the room's rev; returns its time. The caller holds the room lock."""
    row = await session.one(_ADD, room_id, message_id, user_id, emoji, rev)
    return row.created_at


async def remove(
    session: Session, room_id: UUID, message_id: UUID, user_id: UUID, emoji: str, rev: int
) -> None:
    """Remove an active reaction, with its tally and the room's rev. The caller holds the room lock."""
    await session.execute(_REMOVE, room_id, message_id, user_id, emoji, rev)


class ReactionRow(NamedTuple):
    """The caller's access, whether there is such a live message, and a reaction to it, or None."""

    access: RoomAccess
    live: bool
    reaction: Reaction | None


class ReactionPage(NamedTuple):
    """Reactions to a message, with the caller's access to its room; `live`: there is such a live message."""

    access: RoomAccess | None
    live: bool
    reactions: list[Reaction]


def _reactions(condition: str) -> str:
    """$1 room, $2 caller, $3 message, $4 how many, $5 emoji, $6 the rev of the cursor."""
    return f"""
    {ROOM_ACCESS}
    SELECT access.private, access.role, access.invited, access.banned, n.id IS NOT NULL AS live,
           e.message_id, e.user_id, e.emoji, e.created_at, e.rev
      FROM access
      LEFT JOIN chat.messages n ON n.room_id = $1 AND n.id = $3 AND n.deleted_at IS NULL AND {CAN_READ}
      LEFT JOIN LATERAL (
        SELECT * FROM (
          SELECT e.message_id, e.user_id, e.emoji, e.created_at, e.rev FROM chat.reactions e
           WHERE e.room_id = $1 AND e.message_id = n.id AND e.removed_at IS NULL AND {condition}
           ORDER BY e.emoji, e.rev LIMIT {MAX_SIZE + 1}
        ) o LIMIT $4
      ) e ON true
     ORDER BY e.emoji, e.rev
    """


_ALL = Query[ReactionRow, UUID, UUID, UUID, int, str, int](
    "chat.reactions", _reactions("(e.emoji, e.rev) > ($5, $6)")
)
_OF_EMOJI = Query[ReactionRow, UUID, UUID, UUID, int, str, int](
    "chat.reactions_of_emoji", _reactions("e.emoji = $5 AND e.rev > $6")
)


async def list_reactions(
    database: Database,
    room_id: UUID,
    user_id: UUID,
    message_id: UUID,
    *,
    only: str,
    after: tuple[str, int],
    limit: int,
) -> ReactionPage:
    """Return reactions to a live message, sorted by emoji and rev, after a cursor; `only`: of one emoji, "" for all."""
    emoji, rev = after
    if only:
        rows = await database.rows(_OF_EMOJI, room_id, user_id, message_id, limit, only, rev)
    else:
        rows = await database.rows(_ALL, room_id, user_id, message_id, limit, emoji, rev)
    if not rows:
        return ReactionPage(None, False, [])
    reactions = [row.reaction for row in rows if row.reaction is not None]
    return ReactionPage(rows[0].access, rows[0].live, reactions)
