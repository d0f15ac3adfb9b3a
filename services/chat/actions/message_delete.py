"""MessageService: delete_message, restore_message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.timestamps import format_rfc3339
from services.chat.actions.authorization import Authority, moderate
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import Change, change_room
from services.chat.domain.errors import MessageNotFoundError
from services.chat.domain.message_edit import check_deletable, check_restorable, deletion_type
from services.chat.domain.model import DeletionType, Message
from services.chat.domain.permissions import (
    Actor,
    Rank,
    check_actor,
    check_admin,
    check_in_use,
    check_outranks,
    check_platform_role,
)
from services.chat.store import message_delete as store
from services.chat.store import message_edit, sanctions
from services.chat.store.message_delete import Authored
from services.chat.store.message_get import HeldRow, held


@dataclass(frozen=True, slots=True)
class Deletion:
    """Which message to delete, and why. `as_admin`: by the caller's role on the platform."""

    room_id: UUID
    message_id: UUID
    reason: str
    as_admin: bool


async def delete_message(deps: Deps, caller: Caller, deletion: Deletion) -> Message:
    """The stub of a deleted message; deleting it again changes nothing and gives the same stub."""
    if deletion.as_admin:
        check_platform_role(caller, moderators=True)

    async def act(change: Change) -> Message:
        if deletion.as_admin:
            actor = check_admin(deletion.room_id, change.standing, caller)
        else:
            actor = check_actor(deletion.room_id, change.standing, caller, Rank.MEMBER, writes=True)
        message = (await _held(change, deletion.message_id)).message(deletion.room_id)
        check_deletable(message, actor)
        if message.deleted_at is None:
            message = await _delete(change, actor, message, deletion.reason)
        return message

    return await change_room(deps.database, caller, deletion.room_id, act)


async def restore_message(
    deps: Deps, caller: Caller, room_id: UUID, message_id: UUID, reason: str
) -> Message:
    """A deleted message as it was, live again; restoring a live one changes nothing."""

    async def act(change: Change) -> Message:
        actor = check_actor(room_id, change.standing, caller, Rank.MODERATOR, writes=True)
        check_in_use(change.standing.archived_at)
        row = await _held(change, message_id)
        message = row.message(room_id)
        if message.deleted_at is None:
            return message
        check_restorable(message, kept=row.kept)
        before = _state(message)
        message.rev = change.next_rev()
        await message_edit.restore(change.session, room_id, message.seq, message.rev)
        message.deleted_at = message.deleted_by = message.deletion_type = None
        await change.record(
            actor,
            "RESTORE_MESSAGE",
            user_id=message.user_id,
            message_id=message_id,
            reason=reason,
            before=before,
            after=_state(message),
        )
        return message

    return await change_room(deps.database, caller, room_id, act)


async def _delete(change: Change, actor: Actor, message: Message, reason: str) -> Message:
    """The deleted message. What moderators and administrators delete is recorded, an author's own is not."""
    before = _state(message)
    capacity = deletion_type(actor, message.user_id)
    gone = await store.delete(
        change.session,
        change.room_id,
        [message.seq],
        deleted_by=actor.user_id,
        deletion_type=capacity,
        first_rev=change.last_rev + 1,
    )
    change.next_revs(gone.messages + gone.pins)
    message = (await _held(change, message.id)).message(change.room_id)
    if capacity is not DeletionType.AUTHOR:
        await change.record(
            actor,
            "DELETE_MESSAGE",
            user_id=message.user_id,
            message_id=message.id,
            reason=reason,
            before=before,
            after=_state(message),
        )
    return message


async def _held(change: Change, message_id: UUID) -> HeldRow:
    row = await held(change.session, change.room_id, change.caller.user_id, message_id)
    if row is None:
        raise MessageNotFoundError(message_id)
    return row


def _state(message: Message) -> dict[str, object]:
    """What the log says of a message: never what the message says."""
    if message.deleted_at is None:
        return {"deleted_at": None}
    return {
        "deleted_at": format_rfc3339(message.deleted_at),
        "deleted_by": None if message.deleted_by is None else str(message.deleted_by),
        "deletion_type": message.deletion_type,
    }


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
        target = await sanctions.target(change.session, change.room_id, user_id)
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
