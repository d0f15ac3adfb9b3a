"""What becomes of a room whose last owner is no member any more."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.clock import Micros
from services.chat.actions.room_transaction import Upkeep
from services.chat.store import membership
from services.chat.store import ownership_transfer as store
from services.chat.store.ownership_transfer import HeirRow


@dataclass(frozen=True, slots=True)
class Succession:
    """Who got the room, or else when it was archived, as nobody was left; neither when it was archived before."""

    heir: HeirRow | None
    archived_at: Micros | None


async def hand_on(change: Upkeep, owner_id: UUID) -> Succession | None:
    """Give the room of an owner whose membership has ended to an heir; None when it has another owner."""
    session, room_id = change.session, change.room_id
    if await membership.has_other_owner(session, room_id, owner_id):
        return None
    heir = await store.bequeath(session, room_id, change.next_rev())
    if heir is None:
        return Succession(None, await store.put_away(session, room_id, change.next_rev()))
    change.touch_user(heir.user_id)
    return Succession(heir, None)
