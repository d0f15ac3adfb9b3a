"""AuthorDataService: erase_author.

What is left of a user is found room by room, and each find is transfer by one transaction per room and kind,
which takes the room's lock as every change does and is small enough to keep nobody waiting. Whatever ends a call
leaves complete transactions behind; the next call finds what is left.
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

# How many of each a transaction changes, so that with the rows that change along it stays below 500.
_ROWS = 400
_MENTIONS = 200
_REACTIONS = 120

_Step = Callable[[MaintenanceTransaction, UUID], Awaitable[int]]


async def erase_author(deps: Deps, user_id: UUID, mode: ErasureMode, deadline: float) -> ErasureProgress:
    """Erase a user from chat for half of the time until `deadline`, seconds on the monotonic clock.

    `done` says that nothing was left at the end: who still writes meanwhile, as a user can whose caller some
    process keeps for some seconds, leaves something to the next call. Raises ConflictError when a room is in
    somebody else's hands for too long; a repeated call goes on from there.
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
    """End the membership. Nobody acts here, so the log gets no line: watchers see what became of whom."""
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
    """The next part of taking messages away.

    First they are deleted, then all goes that hangs on them, then what they said, with their author. What the
    service told of the user stays and names nobody.
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
    """A step whose statement numbers the rows that it changes, up to `limit` of them."""

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
