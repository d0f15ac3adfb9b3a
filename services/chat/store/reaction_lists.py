"""SQL that lists who reacted to a message."""

from __future__ import annotations

from typing import NamedTuple, cast
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.pages import MAX_SIZE
from servicekit.sql import Query
from services.chat.domain.model import Reaction
from services.chat.store.message_query import ROOM
from services.chat.store.rooms import MAY_READ


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
    {ROOM}
    SELECT f.private, f.role, f.invited, f.banned, n.id IS NOT NULL AS live, e.user_id, e.emoji, e.created_at, e.rev
      FROM f
      LEFT JOIN chat.messages n ON n.room_id = $1 AND n.id = $3 AND n.deleted_at IS NULL AND {MAY_READ}
      LEFT JOIN LATERAL (
        SELECT * FROM (
          SELECT e.user_id, e.emoji, e.created_at, e.rev FROM chat.reactions e
           WHERE e.room_id = $1 AND e.message_id = n.id AND e.removed_at IS NULL AND {condition}
           ORDER BY e.emoji, e.rev LIMIT {MAX_SIZE + 1}
        ) o LIMIT $4
      ) e ON true
     ORDER BY e.emoji, e.rev
    """  # noqa: S608 - only constants of this package


_ALL = Query[ReactionRow, UUID, UUID, UUID, int, str, int](
    "chat.reactions", _reactions("(e.emoji, e.rev) > ($5, $6)")
)
_OF_EMOJI = Query[ReactionRow, UUID, UUID, UUID, int, str, int](
    "chat.reactions_of_emoji", _reactions("e.emoji = $5 AND e.rev > $6")
)


async def reactions(
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
