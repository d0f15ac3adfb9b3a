"""SQL of editing and restoring a message."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Command, Query
from services.chat.domain.message_edit import Content
from services.chat.store.message_query import track_to_json


class EditedRow(NamedTuple):
    """The time of an edit."""

    edited_at: Micros


# The revision copies the content before the update of the same statement.
_EDIT = Query[EditedRow, UUID, int, int, str, str | None, UUID | None, str | None, str | None](
    "chat.edit_message",
    """
    WITH revision AS (
      INSERT INTO chat.message_revisions (room_id, message_id, number, text, track_id, track, replaced_at)
      SELECT $1, n.id,
             1 + coalesce((SELECT max(v.number) FROM chat.message_revisions v
                            WHERE v.room_id = $1 AND v.message_id = n.id), 0),
             n.text, n.track_id, n.track, statement_timestamp()
        FROM chat.messages n WHERE n.room_id = $1 AND n.seq = $2
      RETURNING replaced_at
    )
    UPDATE chat.messages n
       SET rev = $3, type = $4, text = $5, track_id = $6, track = $7::text::jsonb,
           search_text = CASE WHEN n.text IS NOT DISTINCT FROM $5 THEN n.search_text ELSE $8 END, edited_at = v.replaced_at
      FROM revision v
     WHERE n.room_id = $1 AND n.seq = $2
    RETURNING v.replaced_at AS edited_at
    """,
)
_RESTORE = Command[UUID, int, int](
    "chat.restore_message",
    """
    WITH restored AS (
      UPDATE chat.messages SET rev = $3, deleted_at = NULL, deleted_by = NULL, deletion_type = NULL
       WHERE room_id = $1 AND seq = $2
      RETURNING root_id, seq, created_at
    )
    UPDATE chat.threads t
       SET reply_count = t.reply_count + 1,
           last_reply_seq = greatest(t.last_reply_seq, r.seq),
           last_reply_at = CASE WHEN t.last_reply_seq > r.seq THEN t.last_reply_at ELSE r.created_at END
      FROM restored r
     WHERE t.room_id = $1 AND t.root_id = r.root_id
    """,
)


async def edit(
    session: Session, room_id: UUID, seq: int, content: Content, search_text: str | None, rev: int
) -> Micros:
    """Store a message's content as a revision and write the new content; returns the time.

    `search_text` is the normalized form of a changed text. The caller holds the room lock.
    """
    track = content.track
    row = await session.one(
        _EDIT,
        room_id,
        seq,
        rev,
        content.type,
        content.text,
        None if track is None else track.track_id,
        None if track is None else track_to_json(track),
        search_text,
    )
    return row.edited_at


async def restore(session: Session, room_id: UUID, seq: int, rev: int) -> None:
    """Restore a deleted message, with its thread counts. The caller holds the room lock."""
    await session.execute(_RESTORE, room_id, seq, rev)
