"""SQL of reactions: what the rules need, read under the room's lock, and the writing statements."""

from __future__ import annotations

from typing import NamedTuple, cast
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.pagination import MAX_SIZE
from servicekit.sql import Command, Query
from services.chat.domain.model import Reaction
from services.chat.domain.reactions import ReactionContext
from services.chat.store.message_query import ROOM_ACCESS
from services.chat.store.rooms import ACCESS_FROM, CAN_READ, MEMBERSHIP_COLUMNS

# The reactions of the message `n` in no order, as the user $2 sees them. Whether that user gave an emoji is asked
# for each that the message has, which are few: what they gave and took back stays in the table and may be much.
# It is a look-up by the key. With removed_at as a condition it might become a read of all who gave the emoji, by
# the index of those.
TALLIES = """
       SELECT coalesce(array_agg(y.emoji), '{}') AS emojis, coalesce(array_agg(y.count), '{}') AS counts,
              coalesce(array_agg(y.first_at), '{}') AS first_ats,
              coalesce(array_agg(coalesce((
                SELECT e.removed_at IS NULL FROM chat.reactions e
                 WHERE e.room_id = n.room_id AND e.message_id = n.id AND e.user_id = $2 AND e.emoji = y.emoji
              ), false)), '{}') AS mine
         FROM chat.reaction_tallies y WHERE y.room_id = n.room_id AND y.message_id = n.id
"""
_CONTEXT = Query[ReactionContext, UUID, UUID, Micros | None, Micros | None, UUID](
    "chat.reaction_context",
    f"""
    WITH f AS (SELECT {MEMBERSHIP_COLUMNS}, r.locked_at, r.archived_at {ACCESS_FROM})
    SELECT f.private, f.role, f.invited, f.banned, f.muted, f.muted_on_platform, f.suspended, f.locked_at,
           f.archived_at, n.seq, n.deleted_at IS NOT NULL AS deleted, t.emojis, t.counts, t.first_ats, t.mine
      FROM f
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
      VALUES ($1, $2, $3, $4, clock_timestamp(), $5)
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
      UPDATE chat.reactions SET removed_at = clock_timestamp(), rev = $5
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
    """What the rules need; None when there is no such room."""
    return await session.row(
        _CONTEXT, room_id, caller.user_id, caller.muted_until, caller.suspended_until, message_id
    )


async def add(
    session: Session, room_id: UUID, message_id: UUID, user_id: UUID, emoji: str, rev: int
) -> Micros:
    """Write a reaction that does not stand yet, its tally and the room's rev; returns when it was added.

    The room must be locked.
    """
    row = await session.one(_ADD, room_id, message_id, user_id, emoji, rev)
    return row.created_at


async def remove(
    session: Session, room_id: UUID, message_id: UUID, user_id: UUID, emoji: str, rev: int
) -> None:
    """Take back a reaction that stands, with its tally and the room's rev. The room must be locked."""
    await session.execute(_REMOVE, room_id, message_id, user_id, emoji, rev)


class ReactionRow(NamedTuple):
    """The room's facts, whether there is such a live message, and a reaction; `user_id` is None for none."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    live: bool
    user_id: UUID | None
    emoji: str | None
    created_at: Micros | None
    rev: int | None

    def reaction(self, message_id: UUID) -> Reaction | None:
        """The reaction of this row, if it has one."""
        if self.user_id is None:
            return None
        emoji, created_at, rev = cast("tuple[str, Micros, int]", self[-3:])
        return Reaction(message_id, self.user_id, emoji, created_at, rev)


def _reactions(condition: str) -> str:
    """$1 room, $2 caller, $3 message, $4 how many, $5 emoji, $6 the rev to go on after."""
    return f"""
    {ROOM_ACCESS}
    SELECT f.private, f.role, f.invited, f.banned, n.id IS NOT NULL AS live, e.user_id, e.emoji, e.created_at, e.rev
      FROM f
      LEFT JOIN chat.messages n ON n.room_id = $1 AND n.id = $3 AND n.deleted_at IS NULL AND {CAN_READ}
      LEFT JOIN LATERAL (
        SELECT * FROM (
          SELECT e.user_id, e.emoji, e.created_at, e.rev FROM chat.reactions e
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
) -> list[ReactionRow]:
    """Who gave a live message which emoji, by emoji and rev, after that place; `only` one emoji, or "" for all.

    Of a room that exists there is at least one row.
    """
    emoji, rev = after
    if only:
        return await database.rows(_OF_EMOJI, room_id, user_id, message_id, limit, only, rev)
    return await database.rows(_ALL, room_id, user_id, message_id, limit, emoji, rev)
