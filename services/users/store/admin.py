"""Statements of administrative actions and of their audit log."""

from __future__ import annotations

import json
from uuid import UUID

from servicekit.call import current_call
from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.ids import new_id
from servicekit.sql import Command, Query
from services.users.domain.admin import AdminAction, UserState
from services.users.store.users import UserRow

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
    """
    UPDATE users.users
    SET role = $2,
        muted_until = $3,
        suspended_until = $4,
        updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')
    WHERE id = $1
    RETURNING id, email, display_name, role, muted_until, suspended_until, created_at, updated_at
    """,
)

_RECORD = Command[UUID, str, UUID | None, str, UUID, str, str, str, str](
    "users.record_admin_action",
    """
    INSERT INTO users.admin_actions (id, actor_kind, actor_id, action, target_id, before, after, reason, request_id)
    VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8, $9)
    """,
)


async def lock_with_admins(session: Session, user_ids: list[UUID]) -> dict[UUID, UserState]:
    """Lock and return all administrators and these users, by their ids."""
    return {each.id: each for each in await session.rows(_LOCK, user_ids)}


async def set_state(session: Session, state: UserState) -> UserRow:
    """Write role, mute and suspension of a locked user."""
    return await session.one(_SET_STATE, state.id, state.role, state.muted_until, state.suspended_until)


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
    )
