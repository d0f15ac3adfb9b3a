"""SQL for reading messages."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, cast
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.chat.domain.model import Message, MessageType, SystemEvent, ThreadView, TrackSnapshot
from services.chat.domain.paging import Window
from services.chat.store.rooms import FACTS, FACTS_FROM


class MessageRow(NamedTuple):
    """The room's facts, and beside them one message; `seq` is None where there is no message to show."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    last_rev: int
    id: UUID | None
    seq: int | None
    rev: int | None
    user_id: UUID | None
    type: str | None
    text: str | None
    track_id: UUID | None
    track: str | None
    system_event: str | None
    mention_user_ids: list[UUID] | None
    created_at: Micros | None
    edited_at: Micros | None
    root_id: UUID | None
    root_seq: int | None
    reply_to_id: UUID | None
    reply_count: int | None
    last_reply_at: Micros | None

    def message(self, room_id: UUID) -> Message:
        """The message of this row; call it only where there is one."""
        there = cast("tuple[UUID, int, int, Micros]", (self.id, self.seq, self.rev, self.created_at))
        message_id, seq, rev, created_at = there
        return Message(
            id=message_id,
            room_id=room_id,
            seq=seq,
            rev=rev,
            user_id=self.user_id,
            type=MessageType(self.type or ""),
            text=self.text,
            track=None if self.track_id is None else track_from_json(self.track_id, self.track or "{}"),
            system_event=None if self.system_event is None else SystemEvent(self.system_event),
            mention_user_ids=self.mention_user_ids,
            created_at=created_at,
            edited_at=self.edited_at,
            root_id=self.root_id,
            reply_to_id=self.reply_to_id if self.reply_to_id is not None else self.root_id,
            reply_count=self.reply_count or 0,
            last_reply_at=self.last_reply_at,
        )


_COLUMNS = """
       x.id, x.seq, x.rev, x.user_id, x.type, x.text, x.track_id, x.track, x.system_event,
       x.mention_user_ids, x.created_at, x.edited_at, x.root_id, x.root_seq, x.reply_to_id,
       x.reply_count, x.last_reply_at
"""
_MESSAGE = """
       n.id, n.seq, n.rev, n.user_id, n.type, n.text, n.track_id, n.track, n.system_event,
       n.mention_user_ids, n.created_at, n.edited_at, n.root_id, n.root_seq, n.reply_to_id
"""
_NO_SUMS = "NULL::int AS reply_count, NULL::timestamptz AS last_reply_at"
# The page is not even read for a caller who may not see it, so that the time it takes tells nothing.
_MAY_READ = "NOT f.banned AND (NOT f.private OR f.role IS NOT NULL)"


def _page_text(condition: str, replies: str) -> str:
    """Both halves of a window and the first replies, in one snapshot; rows come in no order.

    $1 room, $2 caller, $3 older from (this seq and before), $4 how many, $5 newer from (after this seq),
    $6 how many, $7 replies per root.
    """
    half = f"""
        SELECT {_MESSAGE} FROM chat.messages n
         WHERE n.room_id = $1 AND n.deleted_at IS NULL {condition}
    """  # noqa: S608 - only constants of this module
    return f"""
    WITH f AS (SELECT {FACTS}, c.last_rev {FACTS_FROM}),
    p AS (
      SELECT h.*, t.reply_count, t.last_reply_at
        FROM f
       CROSS JOIN LATERAL (
         ({half} AND n.seq <= $3 ORDER BY n.seq DESC LIMIT $4)
         UNION ALL
         ({half} AND n.seq > $5 ORDER BY n.seq LIMIT $6)
       ) h
        LEFT JOIN chat.threads t ON t.room_id = $1 AND t.root_id = h.id
       WHERE {_MAY_READ}
    )
    SELECT f.private, f.role, f.invited, f.banned, f.last_rev, {_COLUMNS}
      FROM f LEFT JOIN (
        SELECT p.* FROM p
        {replies}
      ) x ON true
    """  # noqa: S608 - only constants of this module


_REPLIES = f"""
        UNION ALL
        SELECT r.*, {_NO_SUMS}
          FROM p
         CROSS JOIN LATERAL (
           SELECT {_MESSAGE} FROM chat.messages n
            WHERE n.room_id = $1 AND n.root_id IS NOT NULL AND n.root_seq = p.seq AND n.deleted_at IS NULL
            ORDER BY n.seq LIMIT $7
         ) r
         WHERE p.reply_count > 0
"""  # noqa: S608 - only constants of this module
_ROOTS_PAGE = Query[MessageRow, UUID, UUID, int, int, int, int, int](
    "chat.page_roots", _page_text("AND n.root_id IS NULL", _REPLIES)
)
_ALL_PAGE = Query[MessageRow, UUID, UUID, int, int, int, int]("chat.page_all", _page_text("", ""))
_ONE = Query[MessageRow, UUID, UUID, UUID](
    "chat.message",
    f"""
    WITH f AS (SELECT {FACTS}, c.last_rev {FACTS_FROM})
    SELECT f.private, f.role, f.invited, f.banned, f.last_rev, {_COLUMNS}
      FROM f LEFT JOIN LATERAL (
        SELECT {_MESSAGE}, t.reply_count, t.last_reply_at
          FROM chat.messages n LEFT JOIN chat.threads t ON t.room_id = n.room_id AND t.root_id = n.id
         WHERE n.room_id = $1 AND n.id = $3 AND n.deleted_at IS NULL AND {_MAY_READ}
      ) x ON true
    """,  # noqa: S608 - only constants of this module
)
_BY_SEQ = Query[MessageRow, UUID, UUID, int](
    "chat.message_by_seq",
    f"""
    WITH f AS (SELECT {FACTS}, c.last_rev {FACTS_FROM})
    SELECT f.private, f.role, f.invited, f.banned, f.last_rev, {_COLUMNS}
      FROM f LEFT JOIN LATERAL (
        SELECT {_MESSAGE}, t.reply_count, t.last_reply_at
          FROM chat.messages n LEFT JOIN chat.threads t ON t.room_id = n.room_id AND t.root_id = n.id
         WHERE n.room_id = $1 AND n.seq = $3
      ) x ON true
    """,  # noqa: S608 - only constants of this module
)


async def page(
    database: Database, room_id: UUID, user_id: UUID, view: ThreadView, window: Window, replies: int
) -> list[MessageRow]:
    """A page's rows in no order, replies among them; at least one row when the room exists."""
    bounds = (window.older_from, window.older, window.newer_from, window.newer)
    if view is ThreadView.ALL:
        return await database.rows(_ALL_PAGE, room_id, user_id, *bounds)
    return await database.rows(_ROOTS_PAGE, room_id, user_id, *bounds, replies)


async def message(database: Database, room_id: UUID, user_id: UUID, message_id: UUID) -> MessageRow | None:
    """A live message by its id, with the room's facts; None when there is no such room."""
    return await database.row(_ONE, room_id, user_id, message_id)


async def message_by_seq(database: Database, room_id: UUID, user_id: UUID, seq: int) -> MessageRow | None:
    """A message by its seq as it is now, for its own author."""
    return await database.row(_BY_SEQ, room_id, user_id, seq)


def track_to_json(track: TrackSnapshot) -> str:
    """The column's form of a snapshot."""
    values: dict[str, Any] = {
        "provider": track.provider,
        "provider_id": track.provider_id,
        "url": track.url,
        "title": track.title,
        "artist": track.artist,
        "artwork_url": track.artwork_url,
    }
    if track.duration_seconds is not None:
        values["duration_seconds"] = track.duration_seconds
    return json.dumps(values)


def track_from_json(track_id: UUID, text: str) -> TrackSnapshot:
    """The snapshot in a column."""
    return TrackSnapshot(track_id=track_id, **json.loads(text))
