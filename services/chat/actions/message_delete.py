"""Deleting and restoring messages: one, or all of an author."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.timestamps import format_rfc3339
from services.chat.actions.authorization import ActingAs, run_as_moderator
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction, write_in_room
from services.chat.domain.errors import MessageNotFoundError, RequestIdReusedError
from services.chat.domain.message_edit import check_deletable, check_restorable, deletion_type
from services.chat.domain.model import DeletionType, Message, ModerationAction, Position
from services.chat.domain.permissions import (
    Actor,
    Rank,
    check_admin,
    check_message_actor,
    check_not_archived,
    check_outranks,
    check_platform_role,
)
from services.chat.store import audit_log, message_edit, sanctions
from services.chat.store import message_delete as store
from services.chat.store.message_delete import AuthorFilter
from services.chat.store.message_get import MessageStateRow, get_message

MAX_DELETED = 500
"""The maximum number of messages per call, which bounds the time under the room lock."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """A DeleteMessage request. `as_admin`: by the caller's platform role."""

    room_id: UUID
    message_id: UUID
    reason: str
    as_admin: bool


class Deleted(NamedTuple):
    """The numbers of deleted and of remaining messages; `deduplicated`: an earlier call had deleted them."""

    deleted: int
    remaining: int
    deduplicated: bool = False


async def delete_message(deps: Deps, caller: Caller, deletion: Deletion) -> tuple[Message, Position]:
    """Delete a message and return its tombstone; for a deleted message this changes nothing."""
    if deletion.as_admin:
        check_platform_role(caller, platform_moderators=True)

    async def operation(tx: RoomTransaction) -> Message:
        if deletion.as_admin:
            actor = check_admin(deletion.room_id, tx.membership, caller)
        else:
            actor = check_message_actor(deletion.room_id, tx.membership, caller, Rank.MEMBER)
        message = (await _get_message(tx, deletion.message_id)).message()
        check_deletable(message, actor)
        if message.deleted_at is None:
            message = await _delete(tx, actor, message, deletion.reason)
        return message

    return await write_in_room(deps, caller, deletion.room_id, operation)


async def restore_message(
    deps: Deps, caller: Caller, room_id: UUID, message_id: UUID, reason: str
) -> tuple[Message, Position]:
    """Restore a deleted message and return it; for a live message this changes nothing."""

    async def operation(tx: RoomTransaction) -> Message:
        actor = check_message_actor(room_id, tx.membership, caller, Rank.MODERATOR)
        check_not_archived(tx.room.archived_at)
        row = await _get_message(tx, message_id)
        message = row.message()
        if message.deleted_at is None:
            return message
        check_restorable(message, restorable=row.restorable)
        before = _log_state(message)
        message.rev = tx.next_rev()
        await message_edit.restore(tx.session, room_id, message.seq, message.rev)
        message.deleted_at = message.deleted_by = message.deletion_type = None
        await tx.audit(
            actor,
            ModerationAction.RESTORE_MESSAGE,
            user_id=message.user_id,
            message_id=message_id,
            reason=reason,
            before=before,
            after=_log_state(message),
        )
        return message

    return await write_in_room(deps, caller, room_id, operation)


async def _delete(tx: RoomTransaction, actor: Actor, message: Message, reason: str) -> Message:
    """Delete a message and return its tombstone. Audited, except for an author's own message."""
    before = _log_state(message)
    capacity = deletion_type(actor, message.user_id)
    deleted = await store.delete(
        tx.session,
        tx.room_id,
        [message.seq],
        deleted_by=actor.user_id,
        deletion_type=capacity,
        first_rev=tx.last_rev + 1,
    )
    tx.next_revs(deleted.messages + deleted.pins)
    message = (await _get_message(tx, message.id)).message()
    if capacity is not DeletionType.AUTHOR:
        await tx.audit(
            actor,
            ModerationAction.DELETE_MESSAGE,
            user_id=message.user_id,
            message_id=message.id,
            reason=reason,
            before=before,
            after=_log_state(message),
        )
    return message


async def _get_message(tx: RoomTransaction, message_id: UUID) -> MessageStateRow:
    row = await get_message(tx.session, tx.room_id, tx.caller.user_id, message_id)
    if row is None:
        raise MessageNotFoundError(message_id)
    return row


def _log_state(message: Message) -> dict[str, object]:
    """Return the audited state of a message, never its content."""
    if message.deleted_at is None:
        return {"delete_time": None}
    return {
        "delete_time": format_rfc3339(message.deleted_at),
        "deleter_id": None if message.deleted_by is None else str(message.deleted_by),
        "deletion_type": message.deletion_type,
    }


@dataclass(frozen=True, slots=True)
class AuthorDeletion:
    """A DeleteMessagesByAuthor request. `since`: only messages of that time or later."""

    acting_as: ActingAs
    author_id: UUID
    reason: str
    since: Micros | None
    request_id: UUID | None


async def delete_messages_by_author(
    deps: Deps, caller: Caller, deletion: AuthorDeletion
) -> tuple[Deleted, Position]:
    """Delete a user's newest messages in a room, up to 500; raises RequestIdReusedError."""
    acting_as, author_id = deletion.acting_as, deletion.author_id
    author_filter = AuthorFilter(acting_as.room_id, author_id, since=deletion.since)

    async def operation(tx: RoomTransaction, actor: Actor) -> tuple[int, bool]:
        earlier = await _earlier(tx, actor, deletion)
        if earlier is not None:
            return earlier, True
        target = await sanctions.target_membership(tx.session, tx.room_id, author_id)
        check_outranks(actor, author_id, target.role)
        count = await delete_newest(tx, actor, author_filter, deletion.reason, deletion.request_id)
        return count, False

    (count, deduplicated), position = await run_as_moderator(deps, caller, acting_as, operation)
    deleted = await count_remaining(deps, author_filter, count)
    return deleted._replace(deduplicated=deduplicated), position


async def _earlier(tx: RoomTransaction, actor: Actor, deletion: AuthorDeletion) -> int | None:
    """Return the number of messages that an earlier call with this request id deleted, or None."""
    if deletion.request_id is None:
        return None
    logged = await audit_log.deletion_by_request_id(
        tx.session, tx.room_id, actor.user_id, deletion.request_id
    )
    if logged is None:
        return None
    since = None if deletion.since is None else format_rfc3339(deletion.since)
    if (logged.author_id, logged.reason, logged.start_time) != (deletion.author_id, deletion.reason, since):
        raise RequestIdReusedError(deletion.request_id)
    return logged.deleted_count


async def delete_newest(
    tx: RoomTransaction,
    actor: Actor,
    author_filter: AuthorFilter,
    reason: str,
    request_id: UUID | None = None,
) -> int:
    """Delete and audit a user's newest messages in an open transaction; returns their number."""
    seqs = await store.seqs_by_author(tx.session, author_filter, MAX_DELETED)
    if not seqs:
        return 0
    deleted = await store.delete(
        tx.session,
        tx.room_id,
        seqs,
        deleted_by=actor.user_id,
        deletion_type=deletion_type(actor, author_filter.user_id),
        first_rev=tx.last_rev + 1,
    )
    tx.next_revs(deleted.messages + deleted.pins)
    await tx.audit(
        actor,
        ModerationAction.DELETE_MESSAGES,
        user_id=author_filter.user_id,
        reason=reason,
        after={
            "deleted_count": deleted.messages,
            "start_time": None if author_filter.since is None else format_rfc3339(author_filter.since),
        },
        idempotency_key=request_id,
    )
    return deleted.messages


async def count_remaining(deps: Deps, author_filter: AuthorFilter, deleted: int) -> Deleted:
    """Count the remaining messages after the transaction: they may be many, and the room lock is free."""
    if deleted < MAX_DELETED:
        return Deleted(deleted, 0)
    return Deleted(deleted, await store.count_by_author(deps.database, author_filter))
