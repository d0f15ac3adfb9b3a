"""Authorization of moderation: by a role in the room, or with as_admin by a platform role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Database
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction, write_in_room
from services.chat.domain.model import ModerationAction, Position
from services.chat.domain.permissions import (
    Actor,
    Rank,
    check_admin,
    check_moderator,
    check_platform_role,
    check_reader,
)
from services.chat.store import rooms

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ActingAs:
    """The right by which a caller acts in a room: a role of at least `min_rank`, or with `as_admin` a platform role.

    `platform_moderators`: platform moderators may act in public rooms, too.
    """

    room_id: UUID
    as_admin: bool = False
    min_rank: Rank = Rank.MODERATOR
    platform_moderators: bool = False

    def check(self, tx: RoomTransaction) -> Actor:
        """Return the authorized actor; raises the errors of domain/permissions.py."""
        if self.as_admin:
            return check_admin(self.room_id, tx.membership, tx.caller)
        return check_moderator(self.room_id, tx.membership, tx.caller, self.min_rank)


async def run_as_moderator(
    deps: Deps,
    caller: Caller,
    acting_as: ActingAs,
    operation: Callable[[RoomTransaction, Actor], Awaitable[_T]],
) -> tuple[_T, Position]:
    """Run an operation under the room lock as an authorized actor; also returns the room's position after it."""
    if acting_as.as_admin:
        check_platform_role(caller, platform_moderators=acting_as.platform_moderators)

    async def checked(tx: RoomTransaction) -> _T:
        return await operation(tx, acting_as.check(tx))

    return await write_in_room(deps, caller, acting_as.room_id, checked)


async def moderator_read(
    database: Database,
    caller: Caller,
    acting_as: ActingAs,
    read: Callable[[rooms.Reader], Awaitable[_T]],
) -> _T:
    """Run a read that only moderators may do."""
    row = await rooms.get_room(database, acting_as.room_id, caller)
    check_reader(acting_as.room_id, None if row is None else row.membership, caller, acting_as.min_rank)
    return await read(database)


async def audited_read(
    deps: Deps,
    caller: Caller,
    acting_as: ActingAs,
    read: Callable[[rooms.Reader], Awaitable[_T]],
    action: ModerationAction,
) -> _T:
    """Run a read that only moderators may do. With as_admin, it is recorded in the audit log as `action`."""
    if not acting_as.as_admin:
        return await moderator_read(deps.database, caller, acting_as, read)

    async def operation(tx: RoomTransaction, actor: Actor) -> _T:
        await tx.audit(actor, action)
        return await read(tx.session)

    found, _ = await run_as_moderator(deps, caller, acting_as, operation)
    return found
