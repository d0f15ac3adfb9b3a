"""SQL of reactions: what the rules need, read under the room's lock, and the writing statements."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Command, Query
from services.chat.domain.reactions import ReactionFacts
from services.chat.store.rooms import FACTS_FROM, STANDING

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
_FACTS = Query[ReactionFacts, UUID, UUID, Micros | None, Micros | None, UUID](
    "chat.reaction_facts",
    f"""
    WITH f AS (SELECT {STANDING}, r.locked_at, r.archived_at {FACTS_FROM})
    SELECT f.private, f.role, f.invited, f.banned, f.muted, f.muted_on_platform, f.suspended, f.locked_at,
           f.archived_at, n.seq, n.deleted_at IS NOT NULL AS deleted, t.emojis, t.counts, t.first_ats, t.mine
      FROM f
      LEFT JOIN chat.messages n ON n.room_id = $1 AND n.id = $5
     CROSS JOIN LATERAL ({TALLIES}) t
    """,  # noqa: S608 - only constants of this module
)


class GivenRow(NamedTuple):
    """When a reaction was given."""

    created_at: Micros


_GIVE = Query[GivenRow, UUID, UUID, UUID, str, int](
    "chat.give_reaction",
    """
    WITH given AS (
      INSERT INTO chat.reactions AS e (room_id, message_id, user_id, emoji, created_at, rev)
      VALUES ($1, $2, $3, $4, clock_timestamp(), $5)
      ON CONFLICT (room_id, message_id, user_id, emoji) DO UPDATE
         SET created_at = excluded.created_at, removed_at = NULL, rev = excluded.rev
      RETURNING e.created_at
    ), tally AS (
      INSERT INTO chat.reaction_tallies AS t (room_id, message_id, emoji, count, first_at)
      SELECT $1, $2, $4, 1, created_at FROM given
      ON CONFLICT (room_id, message_id, emoji) DO UPDATE SET count = t.count + 1
    ), numbers AS (
      UPDATE chat.room_counters SET last_rev = $5 WHERE room_id = $1
    )
    SELECT created_at FROM given
    """,
)
_TAKE_BACK = Command[UUID, UUID, UUID, str, int](
    "chat.take_back_reaction",
    """
    WITH taken AS (
      UPDATE chat.reactions SET removed_at = clock_timestamp(), rev = $5
       WHERE room_id = $1 AND message_id = $2 AND user_id = $3 AND emoji = $4
    ), fewer AS (
      UPDATE chat.reaction_tallies SET count = count - 1
       WHERE room_id = $1 AND message_id = $2 AND emoji = $4 AND count > 1
    ), none AS (
      DELETE FROM chat.reaction_tallies
       WHERE room_id = $1 AND message_id = $2 AND emoji = $4 AND count = 1
    )
    UPDATE chat.room_counters SET last_rev = $5 WHERE room_id = $1
    """,
)


async def facts(session: Session, room_id: UUID, caller: Caller, message_id: UUID) -> ReactionFacts | None:
    """What the rules need; None when there is no such room."""
    return await session.row(
        _FACTS, room_id, caller.user_id, caller.muted_until, caller.suspended_until, message_id
    )


async def give(
    session: Session, room_id: UUID, message_id: UUID, user_id: UUID, emoji: str, rev: int
) -> Micros:
    """Write a reaction that does not stand yet, its tally and the room's rev; returns when it was given.

    The room must be locked.
    """
    row = await session.row(_GIVE, room_id, message_id, user_id, emoji, rev)
    assert row is not None  # noqa: S101 - the statement always returns its row
    return row.created_at


async def take_back(
    session: Session, room_id: UUID, message_id: UUID, user_id: UUID, emoji: str, rev: int
) -> None:
    """Take back a reaction that stands, with its tally and the room's rev. The room must be locked."""
    await session.execute(_TAKE_BACK, room_id, message_id, user_id, emoji, rev)
