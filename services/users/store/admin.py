"""Statements of administrative actions and of their audit log."""

from __future__ import annotations

import json
from typing import NamedTuple
from uuid import UUID

from servicekit.call import current_call
from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.ids import new_id
from servicekit.sql import Command, Query
from services.users.domain.admin import AdminAction, AdminActionFilter, UserState
from services.users.store.users import COLUMNS, UserRow


class AdminActionRow(NamedTuple):
    """An entry of the audit log. `before` and `after` are JSON objects."""

    id: UUID
    actor_kind: str
    actor_id: UUID | None
    action: str
    target_id: UUID
    before: str
    after: str
    reason: str
    request_id: str
    created_at: Micros
    delegate: str | None


# All administrators are locked, in the order of their ids: two actions, each of which leaves one administrator, must
# not together leave none. After a wait PostgreSQL reads each row again.
_LOCK = Query[UserState, list[UUID]](
    "users.lock_with_admins",
    """
    SELECT id, role, muted_until, suspended_until, clock_timestamp() AS now
    FROM users.users
    WHERE (role = 'ADMIN' OR id = ANY ($1)) AND erased_at IS NULL
    ORDER BY id
    FOR NO KEY UPDATE
    """,
)

_SET_STATE = Query[UserRow, UUID, str, Micros | None, Micros | None](
    "users.set_state",
    f"""
    UPDATE users.users
    SET role = $2,
        muted_until = $3,
        suspended_until = $4,
        updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE id = $1
    RETURNING {COLUMNS}
    """,
)

_ADMIN_ACTIONS = """
    SELECT id, actor_kind, actor_id, action, target_id, before, after, reason, request_id, created_at,
        delegate
    FROM users.admin_actions
    WHERE (created_at, id) < ($1, $2) AND created_at >= $3
"""
_NEWEST = "ORDER BY created_at DESC, id DESC LIMIT $4"
# Each begins with an index. The further conditions leave out what one user did, or what was done to one row.
_LIST = Query[AdminActionRow, Micros, UUID, Micros, int](
    "users.list_admin_actions", f"{_ADMIN_ACTIONS} {_NEWEST}"
)
_LIST_OF_ACTION = Query[AdminActionRow, Micros, UUID, Micros, int, str](
    "users.list_admin_actions_of_action", f"{_ADMIN_ACTIONS} AND action = $5 {_NEWEST}"
)
_LIST_OF_ACTOR = Query[AdminActionRow, Micros, UUID, Micros, int, UUID, str | None](
    "users.list_admin_actions_of_actor",
    f"{_ADMIN_ACTIONS} AND actor_id = $5 AND ($6::text IS NULL OR action = $6) {_NEWEST}",
)
_LIST_OF_TARGET = Query[AdminActionRow, Micros, UUID, Micros, int, UUID, str | None, UUID | None](
    "users.list_admin_actions_of_target",
    f"""{_ADMIN_ACTIONS} AND target_id = $5 AND ($6::text IS NULL OR action = $6)
        AND ($7::uuid IS NULL OR actor_id = $7) {_NEWEST}""",
)

_RECORD = Command[UUID, str, UUID | None, str, UUID, str, str, str, str, str | None](
    "users.record_admin_action",
    """
    INSERT INTO users.admin_actions (id, actor_kind, actor_id, action, target_id, before, after, reason, request_id,
                                     delegate)
    VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8, $9, $10)
    """,
)


async def lock_with_admins(session: Session, user_ids: list[UUID]) -> dict[UUID, UserState]:
    """Lock and return all administrators and these users, by their ids."""
    return {each.id: each for each in await session.rows(_LOCK, user_ids)}


async def set_state(session: Session, state: UserState) -> UserRow:
    """Write role, mute and suspension of a locked user."""
    return await session.one(_SET_STATE, state.id, state.role, state.muted_until, state.suspended_until)


async def list_page(
    database: Database, wanted: AdminActionFilter, before: tuple[Micros, UUID], count: int
) -> list[AdminActionRow]:
    """Return up to `count` entries written before `before`, newest first."""
    page = (*before, wanted.start_at, count)
    if wanted.target_id is not None:
        return await database.rows(_LIST_OF_TARGET, *page, wanted.target_id, wanted.action, wanted.actor_id)
    if wanted.actor_id is not None:
        return await database.rows(_LIST_OF_ACTOR, *page, wanted.actor_id, wanted.action)
    if wanted.action is not None:
        return await database.rows(_LIST_OF_ACTION, *page, wanted.action)
    return await database.rows(_LIST, *page)


async def record_action(session: Session, entry: AdminAction) -> None:
    """Insert an entry of the audit log, in the transaction of the action; its request id is that of the running call.

    Outside of a call, as in a worker or a command, the entry gets a request id of its own.
    """
    call = current_call.get()
    await session.execute(
        _RECORD,
        new_id(),
        entry.actor.kind,
        entry.actor.user_id,
        entry.action,
        entry.target_id,
        json.dumps(entry.before),
        json.dumps(entry.after),
        entry.reason,
        str(new_id()) if call is None else call.request_id,
        None if call is None else call.delegate,
    )
