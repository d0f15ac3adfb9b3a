"""Acting on others: by a role in the room, or with as_admin by one on the platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Database
from services.chat.actions.room_transaction import RoomTransaction, with_room_lock
from services.chat.domain.permissions import Actor, Rank, check_actor, check_admin, check_platform_role
from services.chat.store import rooms

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ActingAs:
    """By what a caller acts in a room: a role there, at least `least`, or with `as_admin` their platform role.

    `moderators`: platform moderators may act in public rooms, too.
    """

    room_id: UUID
    as_admin: bool = False
    min_rank: Rank = Rank.MODERATOR
    moderators: bool = False

    def check(self, tx: RoomTransaction) -> Actor:
        """The caller as somebody who may act; raises what domain/acting.py says otherwise."""
        if self.as_admin:
            return check_admin(self.room_id, tx.room, tx.caller)
        return check_actor(self.room_id, tx.room, tx.caller, self.min_rank)


async def run_as_moderator(
    database: Database,
    caller: Caller,
    acting_as: ActingAs,
    operation: Callable[[RoomTransaction, Actor], Awaitable[_T]],
) -> _T:
    """Run an act under the room's lock as somebody who may do it."""
    if acting_as.as_admin:
        check_platform_role(caller, moderators=acting_as.moderators)

    async def checked(tx: RoomTransaction) -> _T:
        return await operation(tx, acting_as.check(tx))

    return await with_room_lock(database, caller, acting_as.room_id, checked)


async def audited_read(
    database: Database,
    caller: Caller,
    acting_as: ActingAs,
    read: Callable[[rooms.Reader], Awaitable[_T]],
    action: str,
) -> _T:
    """Run a read that only moderators may do. A read with as_admin is an act itself, and logged as `action`."""
    if not acting_as.as_admin:
        check_actor(
            acting_as.room_id,
            await rooms.room(database, acting_as.room_id, caller),
            caller,
            acting_as.min_rank,
            reads=True,
        )
        return await read(database)

    async def operation(tx: RoomTransaction, actor: Actor) -> _T:
        await tx.audit(actor, action)
        return await read(tx.session)

    return await run_as_moderator(database, caller, acting_as, operation)
