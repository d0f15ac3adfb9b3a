"""ModerationService: delete_messages_by_author."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from services.chat.actions.changing import Change
from services.chat.actions.deps import Deps
from services.chat.actions.moderating import Authority, moderate
from services.chat.domain.acting import Actor, check_outranks
from services.chat.domain.editing import deletion_type
from services.chat.store import deleting as store
from services.chat.store import moderation

MAX_DELETED = 500
"""How many messages one call deletes: a room's lock is never held for more rows."""


class Deleted(NamedTuple):
    """How many messages were deleted, and how many such ones remain."""

    deleted: int
    remaining: int


async def delete_messages_by_author(
    deps: Deps, caller: Caller, by: Authority, user_id: UUID, reason: str, since: Micros | None
) -> Deleted:
    """Delete a user's newest messages in a room, up to 500."""

    async def act(change: Change, actor: Actor) -> Deleted:
        target = await moderation.target(change.session, change.room_id, user_id)
        check_outranks(actor, user_id, target.role)
        return await delete_newest(change, actor, user_id, reason, since=since)

    return await moderate(deps.database, caller, by, act)


async def delete_newest(
    change: Change,
    actor: Actor,
    user_id: UUID,
    reason: str,
    *,
    since: Micros | None = None,
    window_seconds: float | None = None,
) -> Deleted:
    """Delete a user's newest messages within a change that is under way, and record it.

    `since` is the instant from which on they count, `window_seconds` the same as a time before now.
    """
    seqs = await store.by_author(
        change.session,
        change.room_id,
        user_id,
        since=since,
        window_seconds=window_seconds,
        limit=MAX_DELETED,
    )
    if not seqs:
        return Deleted(0, 0)
    gone = await store.delete(
        change.session,
        change.room_id,
        seqs,
        deleted_by=actor.user_id,
        deletion_type=deletion_type(actor, user_id),
        first_rev=change.last_rev + 1,
    )
    change.next_revs(gone.messages + gone.pins)
    await change.record(
        actor, "DELETE_MESSAGES", user_id=user_id, reason=reason, after={"deleted_count": gone.messages}
    )
    remaining = await store.count_by_author(
        change.session, change.room_id, user_id, since=since, window_seconds=window_seconds
    )
    return Deleted(gone.messages, remaining)
