"""What all statements that read messages share: columns, row types, and the reactions to the messages.

Such a statement returns a row for each message, and one for the room: the caller's access, the room's last rev, and
the reactions to all the messages as arrays, which cost a fraction of a row for each. For a room that does not exist
there is no row.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from uuid import UUID

from servicekit.clock import Micros
from services.chat.domain.model import (
    DeletionType,
    Message,
    MessageType,
    SystemEvent,
    Tally,
    TrackSnapshot,
)
from services.chat.domain.visibility import RoomAccess
from services.chat.store.rooms import ACCESS_COLUMNS, ACCESS_FROM


class MessageRow(NamedTuple):
    """A message. `reply_to_id` of a direct reply is the root; a reply has no thread of its own."""

    id: UUID
    room_id: UUID
    seq: int
    rev: int
    user_id: UUID | None
    type: str
    system_event: str | None
    created_at: Micros
    edited_at: Micros | None = None
    root_id: UUID | None = None
    reply_to_id: UUID | None = None
    deleted_at: Micros | None = None
    deleted_by: UUID | None = None
    deletion_type: str | None = None
    text: str | None = None
    track_id: UUID | None = None
    track_json: str | None = None
    mention_user_ids: list[UUID] | None = None
    root_seq: int | None = None
    reply_count: int = 0
    last_reply_at: Micros | None = None


class RoomStateRow(NamedTuple):
    """The room of a message query, with the reactions to the messages that it returned, as arrays."""

    access: RoomAccess
    last_rev: int
    tallied_ids: list[UUID] | None
    emojis: list[str] | None
    counts: list[int] | None
    first_ats: list[Micros] | None
    my_ids: list[UUID] | None
    my_emojis: list[str] | None


class MessageQueryRow(NamedTuple):
    """A row of a message query: a message, or the room."""

    message: MessageRow | None
    room: RoomStateRow | None


def row_from_message(message: Message) -> MessageRow:
    """Return the row of a message that an action has just written, without its reactions."""
    return MessageRow(
        id=message.id,
        room_id=message.room_id,
        seq=message.seq,
        rev=message.rev,
        user_id=message.user_id,
        type=message.type,
        text=message.text,
        track_id=None if message.track is None else message.track.track_id,
        track_json=None if message.track is None else track_to_json(message.track),
        system_event=message.system_event,
        mention_user_ids=message.mention_user_ids,
        created_at=message.created_at,
        edited_at=message.edited_at,
        root_id=message.root_id,
        reply_to_id=message.reply_to_id,
        deleted_at=message.deleted_at,
        deleted_by=message.deleted_by,
        deletion_type=message.deletion_type,
        reply_count=message.reply_count,
        last_reply_at=message.last_reply_at,
    )


def message_from_row(row: MessageRow, tallies: list[Tally]) -> Message:
    """Return a message as a value; a deleted one keeps its content."""
    return Message(
        id=row.id,
        room_id=row.room_id,
        seq=row.seq,
        rev=row.rev,
        user_id=row.user_id,
        type=MessageType(row.type),
        text=row.text,
        track=None if row.track_id is None else track_from_json(row.track_id, row.track_json or "{}"),
        system_event=None if row.system_event is None else SystemEvent(row.system_event),
        mention_user_ids=row.mention_user_ids,
        created_at=row.created_at,
        edited_at=row.edited_at,
        root_id=row.root_id,
        reply_to_id=row.reply_to_id,
        reply_count=row.reply_count,
        last_reply_at=row.last_reply_at,
        tallies=tallies,
        deleted_at=row.deleted_at,
        deleted_by=row.deleted_by,
        deletion_type=None if row.deletion_type is None else DeletionType(row.deletion_type),
    )


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """The result of a message query. `room` is None when there is none; `tallies` are by message, sorted."""

    room: RoomStateRow | None
    messages: list[MessageRow]
    tallies: dict[UUID, list[Tally]]


# The columns of a message `n`, then those of its thread, which only a root has.
MESSAGE = """
       n.id, n.room_id, n.seq, n.rev, n.user_id, n.type, n.system_event, n.created_at, n.edited_at, n.root_id,
       coalesce(n.reply_to_id, n.root_id) AS reply_to_id, n.deleted_at, n.deleted_by, n.deletion_type, n.text,
       n.track_id, n.track AS track_json, n.mention_user_ids, n.root_seq
"""
NO_THREAD = "0 AS reply_count, NULL::timestamptz AS last_reply_at"
THREAD = "coalesce(t.reply_count, 0) AS reply_count, t.last_reply_at"
# LIMIT keeps it one index lookup per root; as a plain join the planner might read all threads of the room.
THREAD_FROM = """
  LEFT JOIN LATERAL (SELECT t.reply_count, t.last_reply_at FROM chat.threads t
                      WHERE t.room_id = $1 AND t.root_id = n.id LIMIT 1) t ON true
"""
ROOM_ACCESS = f"WITH access AS MATERIALIZED (SELECT {ACCESS_COLUMNS}, c.last_rev {ACCESS_FROM})"
"""$1 is the room, $2 the caller."""
NO_ROOM = """
       NULL::boolean AS private, NULL::text AS role, NULL::boolean AS invited, NULL::boolean AS banned,
       NULL::bigint AS last_rev, NULL::uuid[] AS tallied_ids, NULL::text[] AS emojis, NULL::int[] AS counts,
       NULL::timestamptz[] AS first_ats, NULL::uuid[] AS my_ids, NULL::text[] AS my_emojis
"""
NO_MESSAGE = ", ".join(["NULL"] * len(MessageRow._fields))


# Of one room: all tallies by one index scan, and the caller's own reactions by one lookup per message. LIMIT, which is
# never reached, keeps it a lookup: PostgreSQL 15 would read all that the caller ever gave in the room.
_REACTIONS = """
      FROM chat.reaction_tallies y WHERE y.room_id = $1 AND y.message_id = ANY (ARRAY(SELECT id FROM message))
"""
# The caller's active reactions, by their partial index: removed ones may be many.
_MINE = """
      FROM unnest((SELECT tallies.ids FROM tallies)::uuid[]) AS i(id) CROSS JOIN LATERAL (
        SELECT e.message_id, e.emoji FROM chat.reactions e
         WHERE e.user_id = $2 AND e.room_id = $1 AND e.message_id = i.id AND e.removed_at IS NULL LIMIT 1000
      ) e
"""
# Of several rooms: one lookup per message; LIMIT, which is never reached, keeps it one.
_REACTIONS_OF_ROOMS = """
      FROM message x CROSS JOIN LATERAL (
        SELECT y.message_id, y.emoji, y.count, y.first_at FROM chat.reaction_tallies y
         WHERE y.room_id = x.room_id AND y.message_id = x.id LIMIT 1000
      ) y
"""
_MINE_OF_ROOMS = """
      FROM message x CROSS JOIN LATERAL (
        SELECT e.message_id, e.emoji FROM chat.reactions e
         WHERE e.user_id = $2 AND e.room_id = x.room_id AND e.message_id = x.id AND e.removed_at IS NULL LIMIT 1000
      ) e
"""


def _reaction_expressions(reactions: str, mine: str) -> str:
    return f"""
    tallies AS MATERIALIZED (
      SELECT array_agg(y.message_id) AS ids, array_agg(y.emoji) AS emojis, array_agg(y.count) AS counts,
             array_agg(y.first_at) AS first_ats
      {reactions}
    ), mine AS MATERIALIZED (
      SELECT array_agg(e.message_id) AS ids, array_agg(e.emoji) AS emojis
      {mine}
    )"""


REACTION_EXPRESSIONS = _reaction_expressions(_REACTIONS, _MINE)
"""The CTEs with the reactions to the messages of the CTE `message`, of room $1, and those of the caller $2."""
ROOM_STATE = """
           access.private, access.role, access.invited, access.banned, access.last_rev,
           tallies.ids, tallies.emojis, tallies.counts, tallies.first_ats, mine.ids, mine.emojis
"""
"""The columns of the room's row."""


def compose_message_query(expressions: str, *, rooms: bool = False) -> str:
    """Complete a statement that begins with `expressions`: the CTE `access` as in ROOM_ACCESS, and `message`.

    `rooms`: the messages may be of several rooms. $1 and $2 are the room and the caller.
    """
    reactions = _reaction_expressions(_REACTIONS_OF_ROOMS, _MINE_OF_ROOMS) if rooms else REACTION_EXPRESSIONS
    return f"""
    {expressions},
    {reactions}
    SELECT message.*, {NO_ROOM} FROM message
    UNION ALL
    SELECT {NO_MESSAGE}, {ROOM_STATE}
      FROM access, tallies, mine
    """


def split_rows(rows: Iterable[MessageQueryRow]) -> MessageBatch:
    """Separate the messages of such a statement from the room."""
    room, messages = None, []
    for message, state in rows:
        if message is not None:
            messages.append(message)
        else:
            room = state
    return MessageBatch(room, messages, {} if room is None else group_tallies(room))


# Built without Tally's own __new__: a page has more tallies than anything else.
_make_tally = cast("Callable[[Iterable[object]], Tally]", functools.partial(tuple.__new__, Tally))


def group_tallies(room: RoomStateRow) -> dict[UUID, list[Tally]]:
    """Return the tallies by message, sorted, with the marks on the caller's own reactions."""
    tallies: dict[UUID, list[Tally]] = {}
    if room.tallied_ids is None:
        return tallies
    mine = set(zip(room.my_ids or (), room.my_emojis or (), strict=True))
    # On most pages the caller has reacted to nothing.
    pairs = zip(room.tallied_ids, room.emojis or (), strict=True)
    me = [pair in mine for pair in pairs] if mine else [False] * len(room.tallied_ids)
    columns = zip(room.first_ats or (), room.emojis or (), room.counts or (), me, strict=True)
    for message_id, tally in zip(room.tallied_ids, map(_make_tally, columns), strict=True):
        if message_id in tallies:
            tallies[message_id].append(tally)
        else:
            tallies[message_id] = [tally]
    for several in tallies.values():
        several.sort()
    return tallies


def track_to_json(track: TrackSnapshot) -> str:
    """Return the column value of a snapshot."""
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
    """Return the snapshot of a column value."""
    return TrackSnapshot(track_id=track_id, **json.loads(text))
