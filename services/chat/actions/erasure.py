"""AuthorDataService: erase_author.

The remaining data is found room by room; one transaction per room and category follows, under the room lock and small
enough to keep other writers waiting only briefly. An interrupted call leaves complete transactions behind, and the next
call continues.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from servicekit.database import Database, Session
from services.chat.actions.deps import Deps
from services.chat.actions.message_purge import MAX_PURGED, purge
from services.chat.actions.ownership_transfer import transfer_ownership
from services.chat.actions.room_transaction import MaintenanceTransaction, with_room_lock_as_system
from services.chat.domain.erasure import DataCategory, ErasureMode, ErasureProgress
from services.chat.domain.model import DeletionType, MemberRole
from services.chat.store import erasure as store
from services.chat.store import message_delete, ownership_transfer

# The maximum of each per transaction, so that with dependent rows it stays below 500.
_ROWS = 400
_MENTIONS = 200
_REACTIONS = 120

_Step = Callable[[MaintenanceTransaction, UUID], Awaitable[int]]


async def erase_author(deps: Deps, user_id: UUID, mode: ErasureMode, deadline: float) -> ErasureProgress:
    """Erase a user's data for up to half of the time until `deadline`, on the monotonic clock.

    `done`: no data remained at the end. A user who is still in a caller cache can write during the call; the next call
    erases that. Raises ConflictError when a room stays locked too long; a repeated call continues.
    """
    now = time.monotonic()
    until = now + (deadline - now) / 2
    changed = 0
    while True:
        remaining = await store.find_remaining(deps.database, user_id)
        if not remaining:
            changed += await store.delete_counters(deps.database, user_id)
            return ErasureProgress(done=True, changed=changed)
        for category, room_id in remaining:
            changed += await _erase(deps.database, user_id, mode, category, room_id)
            if time.monotonic() >= until:
                return ErasureProgress(done=False, changed=changed)


async def _erase(
    database: Database, user_id: UUID, mode: ErasureMode, category: DataCategory, room_id: UUID
) -> int:
    step = (
        _tombstones
        if category is DataCategory.MESSAGES and mode is ErasureMode.TOMBSTONE
        else _STEPS[category]
    )

    async def operation(tx: MaintenanceTransaction) -> int:
        return await step(tx, user_id)

    return await with_room_lock_as_system(database, room_id, operation)


async def _membership(tx: MaintenanceTransaction, user_id: UUID) -> int:
    """End the membership, without a line in the audit log, as it has no actor."""
    before = await ownership_transfer.erase_membership(tx.session, tx.room_id, user_id, tx.next_rev())
    if before is None or not before.member:
        return 0 if before is None else 1
    tx.count_members(-1)
    tx.mark_user_changed(user_id)
    transfer = await transfer_ownership(tx, user_id) if before.role == MemberRole.OWNER else None
    return 1 if transfer is None or (transfer.new_owner is None and transfer.archived_at is None) else 2


async def _messages(tx: MaintenanceTransaction, user_id: UUID) -> int:
    found = await store.messages_by_author(tx.session, tx.room_id, user_id, _ROWS)
    return await _anonymise(tx, [row.seq for row in found])


async def _tombstones(tx: MaintenanceTransaction, user_id: UUID) -> int:
    """Delete the user's messages, then their dependents, then their content and author, in small parts.

    SYSTEM messages stay without their author.
    """
    found = await store.messages_by_author(tx.session, tx.room_id, user_id, MAX_PURGED)
    live = [row.seq for row in found if row.live]
    if live:
        deleted = await message_delete.delete(
            tx.session,
            tx.room_id,
            live,
            deleted_by=None,
            deletion_type=DeletionType.ACCOUNT_ERASED,
            first_rev=tx.last_rev + 1,
        )
        tx.next_revs(deleted.messages + deleted.pins)
        return deleted.messages + deleted.pins
    with_content = [row for row in found if row.has_content]
    purged = await purge(tx, [row.seq for row in with_content], [row.id for row in with_content])
    if not purged.finished:
        return purged.changed
    return purged.changed + await _anonymise(tx, [row.seq for row in found])


async def _anonymise(tx: MaintenanceTransaction, seqs: list[int]) -> int:
    count = await store.anonymise_messages(tx.session, tx.room_id, seqs, tx.last_rev + 1)
    tx.next_revs(count)
    return count


async def _reactions(tx: MaintenanceTransaction, user_id: UUID) -> int:
    first_rev = tx.last_rev + 1
    deleted = await store.delete_reactions(tx.session, tx.room_id, user_id, _REACTIONS, first_rev)
    tx.next_revs(deleted.messages)
    return deleted.reactions


async def _reports(tx: MaintenanceTransaction, user_id: UUID) -> int:
    return await store.anonymise_reports(tx.session, tx.room_id, user_id, _ROWS)


async def _creation(tx: MaintenanceTransaction, user_id: UUID) -> int:
    return await store.anonymise_creator(tx.session, tx.room_id, user_id, tx.next_rev())


def _numbered(erase: Callable[[Session, UUID, UUID, int, int], Awaitable[int]], limit: int) -> _Step:
    """Return a step whose statement assigns revs to the rows that it changes, up to `limit`."""

    async def step(tx: MaintenanceTransaction, user_id: UUID) -> int:
        count = await erase(tx.session, tx.room_id, user_id, limit, tx.last_rev + 1)
        tx.next_revs(count)
        return count

    return step


_STEPS: dict[DataCategory, _Step] = {
    DataCategory.MEMBERSHIP: _membership,
    DataCategory.INVITATIONS: _numbered(store.end_invitations, _ROWS),
    DataCategory.MESSAGES: _messages,
    DataCategory.MENTIONS: _numbered(store.delete_mentions, _MENTIONS),
    DataCategory.REACTIONS: _reactions,
    DataCategory.PINS: _numbered(store.anonymise_pins, _ROWS),
    DataCategory.DELETIONS: _numbered(store.anonymise_deletions, _ROWS),
    DataCategory.SANCTIONS: _numbered(store.anonymise_sanctions, _ROWS),
    DataCategory.REPORTS: _reports,
    DataCategory.CREATION: _creation,
}
