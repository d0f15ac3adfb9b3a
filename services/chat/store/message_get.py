"""SQL of the message that an action changes."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.database import Session
from servicekit.sql import Query
from services.chat.domain.model import Message
from services.chat.domain.reactions import TallyColumns
from services.chat.store.message_query import MESSAGE, MessageRow, message_from_row
from services.chat.store.reactions import TALLIES

RESTORE_WINDOW_DAYS = 30
"""How long a deleted message can be restored: 30 days, then its content is purged."""


class MessageStateRow(NamedTuple):
    """A message, live or deleted, with the reactions as one user sees them.

    `restorable`: if it is deleted, its content is not purged and the restore window is open.
    """

    row: MessageRow
    restorable: bool
    tallies: TallyColumns

    def message(self) -> Message:
        """Return the message as a value; a deleted one keeps its content."""
        return message_from_row(self.row, self.tallies.sorted_tallies())


_GET_MESSAGE = Query[MessageStateRow, UUID, UUID, UUID](
    "chat.get_message",
    f"""
    SELECT {MESSAGE}, coalesce(s.reply_count, 0) AS reply_count, s.last_reply_at,
           n.emptied_at IS NULL
             AND coalesce(n.deleted_at > statement_timestamp() - interval '{RESTORE_WINDOW_DAYS} days', true) AS restorable,
           t.emojis, t.counts, t.first_ats, t.mine
      FROM chat.messages n
      LEFT JOIN chat.threads s ON s.room_id = $1 AND s.root_id = n.id
     CROSS JOIN LATERAL ({TALLIES}) t
     WHERE n.room_id = $1 AND n.id = $3
    """,
)


async def get_message(
    session: Session, room_id: UUID, user_id: UUID, message_id: UUID
) -> MessageStateRow | None:
    """Return a message by its id. Under the room lock it does not change until the transaction ends."""
    return await session.row(_GET_MESSAGE, room_id, user_id, message_id)
