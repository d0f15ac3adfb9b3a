"""SQL of the audit log of moderation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from servicekit.database import Session
from servicekit.sql import Command, Query
from services.chat.domain.model import LogLine, ModerationAction
from services.chat.domain.permissions import Actor
from services.chat.store.rooms import Reader

_INSERT = Command[
    UUID,
    UUID,
    int,
    UUID,
    str,
    bool,
    str,
    UUID | None,
    UUID | None,
    str | None,
    str | None,
    str | None,
    str,
    UUID | None,
    str | None,
](
    "chat.insert_audit_log",
    """
    INSERT INTO chat.moderation_logs (id, room_id, rev, actor_id, actor_role, as_admin, action, target_user_id,
                                      target_message_id, reason, before, after, request_id, idempotency_key, delegate,
                                      created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12::jsonb, $13, $14, $15, statement_timestamp())
    """,
)


_LOG = """
    SELECT l.id, l.room_id, l.rev, l.actor_id, l.actor_role, l.as_admin, l.action, l.target_user_id,
           l.target_message_id, l.reason, l.before, l.after, l.request_id AS call_id, l.created_at,
           l.delegate
      FROM chat.moderation_logs l
     WHERE l.room_id = $1 AND l.rev < $2
"""
_LOG_PAGE = Query[LogLine, UUID, int, int]("chat.log_page", f"{_LOG} ORDER BY l.rev DESC LIMIT $3")
_LOG_OF_USER = Query[LogLine, UUID, int, int, UUID](
    "chat.log_page_of_user", f"{_LOG} AND l.target_user_id = $4 ORDER BY l.rev DESC LIMIT $3"
)


class LoggedDeletionRow(NamedTuple):
    """A line about deleted messages. `start_time` is RFC 3339 text; None for a deletion from the beginning."""

    author_id: UUID | None
    reason: str | None
    start_time: str | None
    deleted_count: int


_DELETION_BY_REQUEST_ID = Query[LoggedDeletionRow, UUID, UUID, UUID](
    "chat.log_by_request_id",
    """
    SELECT l.target_user_id AS author_id, l.reason, l.after ->> 'start_time' AS start_time,
           (l.after ->> 'deleted_count')::int AS deleted_count
      FROM chat.moderation_logs l
     WHERE l.room_id = $1 AND l.actor_id = $2 AND l.idempotency_key = $3
    """,
)


async def deletion_by_request_id(
    session: Session, room_id: UUID, actor_id: UUID, request_id: UUID
) -> LoggedDeletionRow | None:
    """Return what an earlier DeleteMessagesByAuthor call with this request id logged."""
    return await session.row(_DELETION_BY_REQUEST_ID, room_id, actor_id, request_id)


async def logs(
    session: Reader, room_id: UUID, *, user_id: UUID | None, before_rev: int, limit: int
) -> list[LogLine]:
    """Return lines of the audit log, the newest first."""
    if user_id is None:
        return await session.rows(_LOG_PAGE, room_id, before_rev, limit)
    return await session.rows(_LOG_OF_USER, room_id, before_rev, limit, user_id)


async def insert(  # noqa: PLR0913 - one per column
    session: Session,
    room_id: UUID,
    *,
    log_id: UUID,
    rev: int,
    actor: Actor,
    action: ModerationAction,
    target_user_id: UUID | None,
    target_message_id: UUID | None,
    reason: str | None,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
    call_id: str,
    idempotency_key: UUID | None,
    delegate: str | None,
) -> None:
    """Insert a line of the audit log."""
    await session.execute(
        _INSERT,
        log_id,
        room_id,
        rev,
        actor.user_id,
        actor.role,
        actor.as_admin,
        action,
        target_user_id,
        target_message_id,
        reason or None,
        None if before is None else json.dumps(before),
        None if after is None else json.dumps(after),
        call_id,
        idempotency_key,
        delegate,
    )
