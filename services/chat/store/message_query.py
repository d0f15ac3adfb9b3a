"""What all statements that read messages share: their columns, their row, and the reactions to what they found.

Such a statement gives a row for each message and one more, with seq 0, for the room: what decides whether the
caller may read it, its last rev, and the reactions to all the messages in arrays, which cost a fraction of what
a row for each would. For a room that does not exist there is no row at all.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast
from uuid import UUID

from servicekit.clock import Micros
from services.chat.domain.model import Message, Tally, TrackSnapshot
from services.chat.store.rooms import ACCESS_COLUMNS, ACCESS_FROM


class MessageRow(NamedTuple):
    """A message or, with seq 0, the room: all from `private` on is the room's alone."""

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
    private: bool = False
    role: str | None = None
    invited: bool = False
    banned: bool = False
    tallied_ids: list[UUID] | None = None
    emojis: list[str] | None = None
    counts: list[int] | None = None
    first_ats: list[Micros] | None = None
    my_ids: list[UUID] | None = None
    my_emojis: list[str] | None = None


def row_from_message(message: Message) -> MessageRow:
    """A message that an act has just written, as a statement would read it, without its reactions."""
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


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """What a statement found. `room` is None when there is none; `tallies` are by message, in their order."""

    room: MessageRow | None
    messages: list[MessageRow]
    tallies: dict[UUID, list[Tally]]


# The columns of a message `n`, and the sums of its thread: those of a root from threads, else none.
MESSAGE = """
       n.id, n.room_id, n.seq, n.rev, n.user_id, n.type, n.system_event, n.created_at, n.edited_at, n.root_id,
       coalesce(n.reply_to_id, n.root_id) AS reply_to_id, n.deleted_at, n.deleted_by, n.deletion_type, n.text,
       n.track_id, n.track AS track_json, n.mention_user_ids, n.root_seq
"""
NO_THREAD = "0 AS reply_count, NULL::timestamptz AS last_reply_at"
THREAD = "coalesce(t.reply_count, 0) AS reply_count, t.last_reply_at"
# LIMIT keeps it a look-up by the key per root: joined freely, it might become a read of all the room's threads.
THREAD_FROM = """
  LEFT JOIN LATERAL (SELECT t.reply_count, t.last_reply_at FROM chat.threads t
                      WHERE t.room_id = n.room_id AND t.root_id = n.id LIMIT 1) t ON true
"""
ROOM_ACCESS = f"WITH f AS MATERIALIZED (SELECT {ACCESS_COLUMNS}, c.last_rev {ACCESS_FROM})"
"""$1 is the room, $2 the caller."""
_ROOM_ONLY = """
       false AS private, NULL::text AS role, false AS invited, false AS banned, NULL::uuid[] AS tallied_ids,
       NULL::text[] AS emojis, NULL::int[] AS counts, NULL::timestamptz[] AS first_ats, NULL::uuid[] AS my_ids,
       NULL::text[] AS my_emojis
"""


# Of one room: all reactions by one pass over the index, and the caller's own by a look-up per message. LIMIT, which
# nothing reaches, keeps it one: PostgreSQL 15 would rather read all that the caller ever gave in the room.
_REACTIONS = """
      FROM chat.reaction_tallies y WHERE y.room_id = $1 AND y.message_id = ANY (ARRAY(SELECT x.id FROM x))
"""
# The caller's that stand, by an index of such: a message has few of them, and what was taken back may be much.
_MINE = """
      FROM unnest((SELECT t.ids FROM t)::uuid[]) AS i(id) CROSS JOIN LATERAL (
        SELECT e.message_id, e.emoji FROM chat.reactions e
         WHERE e.user_id = $2 AND e.room_id = $1 AND e.message_id = i.id AND e.removed_at IS NULL LIMIT 1000
      ) e
"""
# Of several rooms: a look-up per message; LIMIT, which nothing reaches, keeps it one.
_REACTIONS_OF_ROOMS = """
      FROM x CROSS JOIN LATERAL (
        SELECT y.message_id, y.emoji, y.count, y.first_at FROM chat.reaction_tallies y
         WHERE y.room_id = x.room_id AND y.message_id = x.id LIMIT 1000
      ) y
"""
_MINE_OF_ROOMS = """
      FROM x CROSS JOIN LATERAL (
        SELECT e.message_id, e.emoji FROM chat.reactions e
         WHERE e.user_id = $2 AND e.room_id = x.room_id AND e.message_id = x.id AND e.removed_at IS NULL LIMIT 1000
      ) e
"""


def compose_message_query(expressions: str, *, rooms: bool = False) -> str:
    """Complete a statement that begins with `expressions`: `f` as in ROOM_ACCESS, and `x` with the messages.

    `rooms`: the messages may be of several rooms. $1 and $2 are the room and the caller.
    """
    reactions, mine = (_REACTIONS_OF_ROOMS, _MINE_OF_ROOMS) if rooms else (_REACTIONS, _MINE)
    return f"""
    {expressions},
    t AS MATERIALIZED (
      SELECT array_agg(y.message_id) AS ids, array_agg(y.emoji) AS emojis, array_agg(y.count) AS counts,
             array_agg(y.first_at) AS first_ats
      {reactions}
    ), g AS MATERIALIZED (
      SELECT array_agg(e.message_id) AS ids, array_agg(e.emoji) AS emojis
      {mine}
    )
    SELECT x.*, {_ROOM_ONLY} FROM x
    UNION ALL
    SELECT $1, $1, 0, f.last_rev, NULL, '', NULL, 'epoch', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           NULL, NULL, 0, NULL, f.private, f.role, f.invited, f.banned, t.ids, t.emojis, t.counts, t.first_ats,
           g.ids, g.emojis
      FROM f, t, g
    """


def split_rows(rows: Iterable[MessageRow]) -> MessageBatch:
    """Tell the rows of such a statement apart."""
    room, messages = None, []
    for row in rows:
        if row.seq:
            messages.append(row)
        else:
            room = row
    return MessageBatch(room, messages, {} if room is None else _tallies(room))


# There are more of these than of anything else on a page.
_make_tally = cast("Callable[[Iterable[object]], Tally]", functools.partial(tuple.__new__, Tally))


def _tallies(room: MessageRow) -> dict[UUID, list[Tally]]:
    tallies: dict[UUID, list[Tally]] = {}
    if room.tallied_ids is None:
        return tallies
    mine = set(zip(room.my_ids or (), room.my_emojis or (), strict=True))
    # Of most pages the caller has reacted to nothing.
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
