"""SQL of the message that an act is about."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Query
from services.chat.domain.model import DeletionType, Message, MessageType, SystemEvent
from services.chat.domain.reactions import sorted_tallies
from services.chat.store.message_query import track_from_json
from services.chat.store.reactions import TALLIES

RESTORE_WINDOW_DAYS = 30
"""For how long a deleted message can be restored."""


class MessageStateRow(NamedTuple):
    """A message, live or deleted, with its thread's sums and the reactions as one user sees them.

    `restorable` says whether a deleted one still has what it said and is young enough to come back.
    """

    id: UUID
    seq: int
    rev: int
    user_id: UUID | None
    type: str
    text: str | None
    track_id: UUID | None
    track: str | None
    system_event: str | None
    mention_user_ids: list[UUID] | None
    created_at: Micros
    edited_at: Micros | None
    root_id: UUID | None
    root_seq: int | None
    reply_to_id: UUID | None
    deleted_at: Micros | None
    deleted_by: UUID | None
    deletion_type: str | None
    restorable: bool
    reply_count: int
    last_reply_at: Micros | None
    emojis: list[str]
    counts: list[int]
    first_ats: list[Micros]
    mine: list[bool]

    def message(self, room_id: UUID) -> Message:
        """The message as a value, deleted ones with what they said."""
        return Message(
            id=self.id,
            room_id=room_id,
            seq=self.seq,
            rev=self.rev,
            user_id=self.user_id,
            type=MessageType(self.type),
            text=self.text,
            track=None if self.track_id is None else track_from_json(self.track_id, self.track or "{}"),
            system_event=None if self.system_event is None else SystemEvent(self.system_event),
            mention_user_ids=self.mention_user_ids,
            created_at=self.created_at,
            edited_at=self.edited_at,
            root_id=self.root_id,
            reply_to_id=self.reply_to_id if self.reply_to_id is not None else self.root_id,
            reply_count=self.reply_count,
            last_reply_at=self.last_reply_at,
            tallies=sorted_tallies(self.first_ats, self.emojis, self.counts, self.mine),
            deleted_at=self.deleted_at,
            deleted_by=self.deleted_by,
            deletion_type=None if self.deletion_type is None else DeletionType(self.deletion_type),
        )


_GET_MESSAGE = Query[MessageStateRow, UUID, UUID, UUID](
    "chat.get_message",
    f"""
    SELECT n.id, n.seq, n.rev, n.user_id, n.type, n.text, n.track_id, n.track, n.system_event,
           n.mention_user_ids, n.created_at, n.edited_at, n.root_id, n.root_seq, n.reply_to_id, n.deleted_at,
           n.deleted_by, n.deletion_type,
           n.emptied_at IS NULL
             AND coalesce(n.deleted_at > clock_timestamp() - interval '{RESTORE_WINDOW_DAYS} days', true) AS restorable,
           coalesce(s.reply_count, 0) AS reply_count, s.last_reply_at, t.emojis, t.counts, t.first_ats, t.mine
      FROM chat.messages n
      LEFT JOIN chat.threads s ON s.room_id = n.room_id AND s.root_id = n.id
     CROSS JOIN LATERAL ({TALLIES}) t
     WHERE n.room_id = $1 AND n.id = $3
    """,
)


async def get_message(
    session: Session, room_id: UUID, user_id: UUID, message_id: UUID
) -> MessageStateRow | None:
    """The message by its id. While the room is locked it stays as it is until the transaction ends."""
    return await session.row(_GET_MESSAGE, room_id, user_id, message_id)
