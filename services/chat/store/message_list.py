"""SQL of ListMessages, ListReplies and the other lists of a room's messages: the statements of a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Database, Session
from servicekit.pagination import MAX_SIZE
from servicekit.sql import Query
from services.chat.domain.model import ThreadView
from services.chat.domain.pagination import Window
from services.chat.domain.visibility import RoomAccess
from services.chat.store.message_query import (
    MESSAGE,
    NO_THREAD,
    ROOM_ACCESS,
    THREAD,
    THREAD_FROM,
    MessageBatch,
    MessageQueryRow,
    compose_message_query,
    split_rows,
)
from services.chat.store.rooms import CAN_READ

_MAX_PREVIEW = 5
LIVE, IS_ROOT = "n.deleted_at IS NULL", "n.root_id IS NULL"
_DELETED = "n.deleted_at IS NOT NULL"


def _limited(columns: str, condition: str, order: str, count: str, most: int) -> str:
    """Return the first `count` messages that meet a condition.

    The planner estimates an unknown limit as a tenth of the table, and would prefer a custom plan at every call. The
    inner limit bounds the estimate.
    """
    rows = f"SELECT {columns} FROM chat.messages n WHERE n.room_id = $1 AND {condition}"
    return (
        f"(SELECT * FROM ({rows} ORDER BY n.seq {order} LIMIT {most}) o ORDER BY o.seq {order} LIMIT {count})"
    )


def _one_side(columns: str, conditions: Sequence[str], side: str, order: str, count: str) -> str:
    """Return the messages of one side of a window that meet one of the conditions; each condition has an index."""
    parts = [_limited(columns, f"{each} AND {side}", order, count, MAX_SIZE + 1) for each in conditions]
    if len(parts) == 1:
        return parts[0]
    return f"(SELECT * FROM ({' UNION ALL '.join(parts)}) u ORDER BY u.seq {order} LIMIT {count})"


def within_window(*conditions: str, columns: str = MESSAGE) -> str:
    """Return both sides of a window: $3 newest older seq, $4 its limit, $5 the seq before the newer side, $6 its limit."""
    older = _one_side(columns, conditions, "n.seq <= $3", "DESC", "$4")
    newer = _one_side(columns, conditions, "n.seq > $5", "ASC", "$6")
    return f"{older} UNION ALL {newer}"


def first_replies(columns: str, root: str, count: str) -> str:
    """Return the first live replies of the root with the seq `root`."""
    condition = f"n.root_id IS NOT NULL AND n.root_seq = {root} AND {LIVE}"
    return _limited(columns, condition, "ASC", count, _MAX_PREVIEW)


def _roots(*conditions: str) -> str:
    """Return roots with up to $7 first live replies of each."""
    replies = first_replies(f"{MESSAGE}, {NO_THREAD}", "root.seq", "$7")
    return compose_message_query(
        f"""
        {ROOM_ACCESS}, root AS MATERIALIZED (
          SELECT n.*, {THREAD}
            FROM access CROSS JOIN LATERAL ({within_window(*conditions)}) n {THREAD_FROM}
           WHERE {CAN_READ}
        ), message AS MATERIALIZED (
          SELECT root.* FROM root
          UNION ALL
          SELECT r.* FROM root CROSS JOIN LATERAL {replies} r WHERE root.reply_count > 0
        )
        """
    )


def _roots_and_replies(condition: str) -> str:
    """Return roots and replies alike."""
    return compose_message_query(
        f"""
        {ROOM_ACCESS}, message AS MATERIALIZED (
          SELECT n.*, {THREAD}
            FROM access CROSS JOIN LATERAL ({within_window(condition)}) n {THREAD_FROM}
           WHERE {CAN_READ}
        )
        """
    )


_ROOTS = Query[MessageQueryRow, UUID, UUID, int, int, int, int, int](
    "chat.page_roots", _roots(f"{IS_ROOT} AND {LIVE}")
)
_ROOTS_AND_DELETED = Query[MessageQueryRow, UUID, UUID, int, int, int, int, int](
    "chat.page_roots_and_deleted", _roots(f"{IS_ROOT} AND {LIVE}", f"{IS_ROOT} AND {_DELETED}")
)
_ALL = Query[MessageQueryRow, UUID, UUID, int, int, int, int]("chat.page_all", _roots_and_replies(LIVE))
_ALL_AND_DELETED = Query[MessageQueryRow, UUID, UUID, int, int, int, int](
    "chat.page_all_and_deleted", _roots_and_replies("true")
)


def _replies(*conditions: str) -> str:
    """Return a thread's replies in a window that meet one of the conditions, and its root $7, live or deleted."""
    replies = [f"n.root_id IS NOT NULL AND n.root_seq = root.seq AND {each}" for each in conditions]
    return compose_message_query(
        f"""
        {ROOM_ACCESS}, root AS MATERIALIZED (
          SELECT {MESSAGE}, {THREAD}
            FROM access CROSS JOIN chat.messages n {THREAD_FROM}
           WHERE n.room_id = $1 AND n.id = $7 AND {IS_ROOT} AND {CAN_READ}
        ), message AS MATERIALIZED (
          SELECT root.* FROM root
          UNION ALL
          SELECT r.*, {NO_THREAD} FROM root CROSS JOIN LATERAL ({within_window(*replies)}) r
        )
        """
    )


_REPLIES = Query[MessageQueryRow, UUID, UUID, int, int, int, int, UUID]("chat.page_replies", _replies(LIVE))
_REPLIES_AND_DELETED = Query[MessageQueryRow, UUID, UUID, int, int, int, int, UUID](
    "chat.page_replies_and_deleted", _replies(LIVE, _DELETED)
)


def _by_condition(condition: str, may_read: str = CAN_READ) -> str:
    return compose_message_query(
        f"""
        {ROOM_ACCESS}, message AS MATERIALIZED (
          SELECT {MESSAGE}, {THREAD}
            FROM access CROSS JOIN chat.messages n {THREAD_FROM}
           WHERE n.room_id = $1 AND {condition} AND {may_read}
        )
        """
    )


_BY_ID = Query[MessageQueryRow, UUID, UUID, list[UUID]](
    "chat.messages_by_id", _by_condition("n.id = ANY ($3)")
)
_BY_ID_UNCHECKED = Query[MessageQueryRow, UUID, UUID, UUID](
    "chat.message_by_id_unchecked", _by_condition("n.id = $3", "true")
)
_BY_SEQ = Query[MessageQueryRow, UUID, UUID, int]("chat.message_by_seq", _by_condition("n.seq = $3", "true"))


class ViewerStateRow(NamedTuple):
    """The caller's access, the room's last rev, and the caller's reactions to messages."""

    access: RoomAccess
    last_rev: int
    my_ids: list[UUID] | None
    my_emojis: list[str] | None


_VIEWER_STATE = Query[ViewerStateRow, UUID, UUID, list[UUID]](
    "chat.page_viewer_state",
    f"""
    {ROOM_ACCESS}
    SELECT access.private, access.role, access.invited, access.banned, access.last_rev, mine.my_ids, mine.my_emojis
      FROM access CROSS JOIN LATERAL (
        SELECT array_agg(e.message_id) AS my_ids, array_agg(e.emoji) AS my_emojis
          FROM unnest((SELECT $3::uuid[])) AS i(id) CROSS JOIN LATERAL (
            SELECT r.message_id, r.emoji FROM chat.reactions r
             WHERE r.user_id = $2 AND r.room_id = $1 AND r.message_id = i.id AND r.removed_at IS NULL LIMIT 1000
          ) e
         WHERE {CAN_READ}
      ) mine
    """,
)


async def viewer_state(
    database: Database, room_id: UUID, user_id: UUID, message_ids: list[UUID]
) -> ViewerStateRow | None:
    """Return the caller's access and reactions to these messages; None when there is no such room."""
    return await database.row(_VIEWER_STATE, room_id, user_id, message_ids)


async def page(
    database: Database,
    room_id: UUID,
    user_id: UUID,
    view: ThreadView,
    window: Window,
    *,
    replies: int,
    deleted: bool,
) -> MessageBatch:
    """Return a page's messages in no order, with their first replies; with `deleted` also deleted ones."""
    bounds = (window.older_from, window.older, window.newer_from, window.newer)
    if view is ThreadView.ALL:
        statement = _ALL_AND_DELETED if deleted else _ALL
        return split_rows(await database.rows(statement, room_id, user_id, *bounds))
    of_roots = _ROOTS_AND_DELETED if deleted else _ROOTS
    return split_rows(await database.rows(of_roots, room_id, user_id, *bounds, replies))


async def replies(
    database: Database, room_id: UUID, user_id: UUID, root_id: UUID, window: Window, *, deleted: bool
) -> MessageBatch:
    """Return a page of a thread in no order, with its root, live or deleted, if there is one."""
    bounds = (window.older_from, window.older, window.newer_from, window.newer)
    statement = _REPLIES_AND_DELETED if deleted else _REPLIES
    return split_rows(await database.rows(statement, room_id, user_id, *bounds, root_id))


async def by_ids(database: Database, room_id: UUID, user_id: UUID, message_ids: list[UUID]) -> MessageBatch:
    """Return the room's messages of these ids, live or deleted, in no order."""
    return split_rows(await database.rows(_BY_ID, room_id, user_id, message_ids))


async def by_id_unchecked(session: Session, room_id: UUID, user_id: UUID, message_id: UUID) -> MessageBatch:
    """Return the room's message of that id, live or deleted, without the access check."""
    return split_rows(await session.rows(_BY_ID_UNCHECKED, room_id, user_id, message_id))


async def by_seq(database: Database, room_id: UUID, user_id: UUID, seq: int) -> MessageBatch:
    """Return a room's message by its seq, live or deleted, for its author."""
    return split_rows(await database.rows(_BY_SEQ, room_id, user_id, seq))
