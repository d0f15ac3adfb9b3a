"""Ownership transfer after a room has lost its last owner."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Micros
from services.chat.actions.room_transaction import MaintenanceTransaction
from services.chat.store import membership
from services.chat.store import ownership_transfer as store
from services.chat.store.ownership_transfer import NewOwnerRow


@dataclass(frozen=True, slots=True)
class OwnershipTransfer:
    """The new owner, or the time of archiving when no member was left; both None when it was archived before."""

    new_owner: NewOwnerRow | None
    archived_at: Micros | None


async def transfer_ownership(tx: MaintenanceTransaction, owner_id: UUID) -> OwnershipTransfer | None:
    """Transfer the room of a removed owner to a member; returns None when it has another owner."""
    session, room_id = tx.session, tx.room_id
    if await membership.has_other_owner(session, room_id, owner_id):
        return None
    new_owner = await store.promote_successor(session, room_id, tx.next_rev())
    if new_owner is None:
        return OwnershipTransfer(None, await store.archive_empty_room(session, room_id, tx.next_rev()))
    tx.mark_user_changed(new_owner.user_id)
    return OwnershipTransfer(new_owner, None)
