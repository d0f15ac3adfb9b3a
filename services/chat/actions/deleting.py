"""ModerationService: delete_messages_by_author."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from services.chat.actions.authorization import Authority, moderate
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import Change
from services.chat.domain.message_edit import deletion_type
from services.chat.domain.permissions import Actor, check_outranks
from services.chat.store import message_delete as store
from services.chat.store import sanctions as moderation
from services.chat.store.message_delete import Authored

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
    which = Authored(by.room_id, user_id, since=since)

    async def act(change: Change, actor: Actor) -> int:
        target = await moderation.target(change.session, change.room_id, user_id)
        check_outranks(actor, user_id, target.role)
        return await delete_newest(change, actor, which, reason)

    return await and_remaining(deps, which, await moderate(deps.database, caller, by, act))


async def delete_newest(change: Change, actor: Actor, which: Authored, reason: str) -> int:
    """Delete a user's newest messages within a change that is under way, and record it; returns how many."""
    seqs = await store.by_author(change.session, which, MAX_DELETED)
    if not seqs:
        return 0
    gone = await store.delete(
        change.session,
        change.room_id,
        seqs,
        deleted_by=actor.user_id,
        deletion_type=deletion_type(actor, which.user_id),
        first_rev=change.last_rev + 1,
    )
    change.next_revs(gone.messages + gone.pins)
    await change.record(
        actor, "DELETE_MESSAGES", user_id=which.user_id, reason=reason, after={"deleted_count": gone.messages}
    )
    return gone.messages


async def and_remaining(deps: Deps, which: Authored, deleted: int) -> Deleted:
    """What remains after a change that has ended: they may be many, and nobody waits for the room meanwhile."""
    if deleted < MAX_DELETED:
        return Deleted(deleted, 0)
    return Deleted(deleted, await store.count_by_author(deps.database, which))
