"""What becomes of a room whose last owner is no member any more."""

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
    """Who got the room, or else when it was archived, as nobody was left; neither when it was archived before."""

    new_owner: NewOwnerRow | None
    archived_at: Micros | None


async def transfer_ownership(tx: MaintenanceTransaction, owner_id: UUID) -> OwnershipTransfer | None:
    """Give the room of an owner whose membership has ended to a new owner; None when it has another owner."""
    session, room_id = tx.session, tx.room_id
    if await membership.has_other_owner(session, room_id, owner_id):
        return None
    new_owner = await store.promote_successor(session, room_id, tx.next_rev())
    if new_owner is None:
        return OwnershipTransfer(None, await store.archive_empty_room(session, room_id, tx.next_rev()))
    tx.mark_user_changed(new_owner.user_id)
    return OwnershipTransfer(new_owner, None)
