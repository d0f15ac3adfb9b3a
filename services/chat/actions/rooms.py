"""RoomService: create_room, get_room, update_room."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Session
from servicekit.errors import CallerSuspendedError
from servicekit.ids import new_id
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import Change, change_room
from services.chat.domain.errors import BannedError, RequestIdReusedError, RoomNotFoundError
from services.chat.domain.model import Member, Room, SystemEvent
from services.chat.domain.permissions import Rank, check_actor, check_in_use
from services.chat.domain.room_update import RoomChange, differences
from services.chat.domain.visibility import check_known
from services.chat.store import rooms as store


@dataclass(frozen=True, slots=True)
class RoomDraft:
    """A room to create."""

    name: str
    description: str
    private: bool
    request_id: UUID | None


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as a caller sees it. `rev` is the room's last, of the same snapshot."""

    room: Room
    member: Member | None
    epoch: str
    rev: int


async def create_room(deps: Deps, caller: Caller, draft: RoomDraft) -> tuple[Room, bool]:
    """The created room, and whether an earlier call with the same request id had created it.

    Raises RateLimitedError where one would be created.
    """
    charge = deps.limits.rooms.once(caller.user_id)
    parts = repr((draft.name, draft.description, draft.private))
    payload_hash = hashlib.sha256(parts.encode()).digest() if draft.request_id is not None else None

    async def work(session: Session) -> tuple[UUID, bool]:
        if draft.request_id is not None:
            earlier = await _earlier(session, caller, draft.request_id, payload_hash)
            if earlier is not None:
                return earlier, True
        if await store.is_suspended(session, caller.suspended_until):
            raise CallerSuspendedError
        charge()
        room_id = new_id()
        created = await store.create(
            session,
            room_id=room_id,
            name=draft.name,
            description=draft.description,
            private=draft.private,
            created_by=caller.user_id,
            request_id=draft.request_id,
            payload_hash=payload_hash,
        )
        if created or draft.request_id is None:
            return room_id, False
        # Somebody else used the request id since the look above; they have committed by now.
        winner = await _earlier(session, caller, draft.request_id, payload_hash)
        if winner is None:
            raise RoomNotFoundError(room_id)
        return winner, True

    room_id, deduplicated = await deps.database.transact(work)
    view = await get_room(deps, caller, room_id)
    return view.room, deduplicated


async def get_room(deps: Deps, caller: Caller, room_id: UUID) -> RoomView:
    """A room that the caller may see."""
    row = check_known(room_id, await store.room(deps.database, room_id, caller))
    if row.banned:
        raise BannedError
    return RoomView(row.room(), row.member(caller.user_id), deps.epoch.value, row.last_rev)


async def update_room(deps: Deps, caller: Caller, wanted: RoomChange) -> Room:
    """The changed room; the same values again change nothing. Raises EtagMismatchError."""

    async def act(change: Change) -> Room:
        actor = check_actor(wanted.room_id, change.standing, caller, Rank.MODERATOR, unmuted=True)
        before = change.standing
        check_in_use(before.archived_at)
        fields = differences(before.room(), wanted)
        if not fields:
            return before.room()
        after = await store.update(change.session, before.changed(wanted, fields, change.next_rev()))
        if "name" in fields:
            await change.tell(SystemEvent.RENAMED)
        await change.record(
            actor,
            "UPDATE_ROOM",
            before=_states(before.room(), fields),
            after={"changed": sorted(fields), **_states(after, fields)},
        )
        return after

    return await change_room(deps.database, caller, wanted.room_id, act)


def _states(room: Room, fields: frozenset[str]) -> dict[str, object]:
    """What the log keeps of the fields: names and texts are not among it."""
    states = {"announcement": room.announcement, "slow_mode": room.slow_mode_seconds}
    return {field: value for field, value in states.items() if field in fields}


async def _earlier(
    session: Session, caller: Caller, request_id: UUID, payload_hash: bytes | None
) -> UUID | None:
    earlier = await store.earlier(session, caller.user_id, request_id)
    if earlier is None:
        return None
    room_id, earlier_hash = earlier
    if earlier_hash != payload_hash:
        raise RequestIdReusedError(request_id)
    return room_id
