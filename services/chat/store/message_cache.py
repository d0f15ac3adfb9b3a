"""SQL of ListMessages for a process that has most of a page's messages: their content stays in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.chat.domain.model import Tally, ThreadView
from services.chat.domain.pagination import Window
from services.chat.store.message_list import IS_ROOT, LIVE, first_replies, within_window
from services.chat.store.message_query import (
    MESSAGE,
    NO_MESSAGE,
    NO_ROOM,
    NO_THREAD,
    REACTION_EXPRESSIONS,
    ROOM_ACCESS,
    ROOM_STATE,
    MessageRow,
    RoomStateRow,
    group_tallies,
)
from services.chat.store.rooms import CAN_READ


class PageStateRow(NamedTuple):
    """The room of a page, and as arrays the seqs of its messages, known or not, and its roots that have live replies."""

    state: RoomStateRow
    seqs: list[int]
    thread_seqs: list[int] | None
    reply_counts: list[int] | None
    last_reply_ats: list[Micros] | None


class PageDeltaRow(NamedTuple):
    """A row of a page: a message that is not known, or the room."""

    message: MessageRow | None
    room: PageStateRow | None


@dataclass(frozen=True, slots=True)
class PageDelta:
    """The result of a page's statement. `messages` are those that were not known; `tallies` are of all, by message."""

    room: PageStateRow
    messages: list[MessageRow]
    tallies: dict[UUID, list[Tally]]


class KnownRevs(NamedTuple):
    """The revs of known messages, eight bytes of each seq from `first_seq` on; 0 for a seq without one."""

    first_seq: int
    revs: bytes


_KEY = "n.id, n.seq, n.rev"


def _delta(condition: str, replies: str = "") -> str:
    """Return a page's seqs and the messages whose revs are not those in $8, of eight bytes for each seq from $7 on.

    Such a message is looked up once more. LIMIT, which is never reached, keeps it and the threads index lookups.
    """
    return f"""
    {ROOM_ACCESS}, top AS MATERIALIZED (
      SELECT n.* FROM access CROSS JOIN LATERAL ({within_window(condition, columns=_KEY)}) n WHERE {CAN_READ}
    ), thread AS MATERIALIZED (
      SELECT top.seq, t.reply_count, t.last_reply_at
        FROM top JOIN (SELECT t.root_id, t.reply_count, t.last_reply_at FROM chat.threads t
                        WHERE t.room_id = $1 AND t.root_id = ANY (ARRAY(SELECT id FROM top)) AND t.reply_count > 0
                        LIMIT 1000) t ON t.root_id = top.id
    ), message AS MATERIALIZED (
      SELECT top.id, top.seq, top.rev FROM top {replies}
    ), {REACTION_EXPRESSIONS}
    SELECT n.*, {NO_ROOM}, NULL::bigint[] AS seqs, NULL::bigint[] AS thread_seqs, NULL::int[] AS reply_counts,
           NULL::timestamptz[] AS last_reply_ats
      FROM message x CROSS JOIN LATERAL (
        SELECT {MESSAGE}, {NO_THREAD} FROM chat.messages n WHERE n.room_id = $1 AND n.seq = x.seq LIMIT 1
      ) n
     WHERE CASE WHEN x.seq - $7 BETWEEN 0 AND 99999
                THEN int8send(x.rev) <> substring($8::bytea FROM (x.seq - $7)::int * 8 + 1 FOR 8) ELSE true END
    UNION ALL
    SELECT {NO_MESSAGE}, {ROOM_STATE}, ARRAY(SELECT seq FROM message), h.seqs, h.reply_counts, h.last_reply_ats
      FROM access, tallies, mine, (
        SELECT array_agg(seq) AS seqs, array_agg(reply_count) AS reply_counts, array_agg(last_reply_at) AS last_reply_ats
          FROM thread
      ) h
    """


_ROOTS = Query[PageDeltaRow, UUID, UUID, int, int, int, int, int, bytes, int](
    "chat.page_roots_delta",
    _delta(
        f"{IS_ROOT} AND {LIVE}",
        f"UNION ALL SELECT r.* FROM thread CROSS JOIN LATERAL {first_replies(_KEY, 'thread.seq', '$9')} r",
    ),
)
_ALL = Query[PageDeltaRow, UUID, UUID, int, int, int, int, int, bytes]("chat.page_all_delta", _delta(LIVE))


async def page_delta(
    database: Database,
    room_id: UUID,
    user_id: UUID,
    view: ThreadView,
    window: Window,
    *,
    replies: int,
    known: KnownRevs,
) -> PageDelta | None:
    """Return the live messages of a page in no order, without those that are known.

    None when there is no such room.
    """
    bounds = (window.older_from, window.older, window.newer_from, window.newer, *known)
    if view is ThreadView.ALL:
        rows = await database.rows(_ALL, room_id, user_id, *bounds)
    else:
        rows = await database.rows(_ROOTS, room_id, user_id, *bounds, replies)
    room = next((row.room for row in rows if row.room is not None), None)
    if room is None:
        return None
    messages = [row.message for row in rows if row.message is not None]
    return PageDelta(room, messages, group_tallies(room.state))
