"""Acting on others: by a role in the room, or with as_admin by one on the platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Database
from services.chat.actions.room_transaction import Change, change_room
from services.chat.domain.permissions import Actor, Rank, check_actor, check_admin, check_platform_role
from services.chat.store import rooms

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Authority:
    """By what a caller acts in a room: a role there, at least `least`, or with `as_admin` their platform role.

    `moderators`: platform moderators may act in public rooms, too.
    """

    room_id: UUID
    as_admin: bool = False
    least: Rank = Rank.MODERATOR
    moderators: bool = False

    def check(self, change: Change) -> Actor:
        """The caller as somebody who may act; raises what domain/acting.py says otherwise."""
        if self.as_admin:
            return check_admin(self.room_id, change.standing, change.caller)
        return check_actor(self.room_id, change.standing, change.caller, self.least)


async def moderate(
    database: Database, caller: Caller, by: Authority, act: Callable[[Change, Actor], Awaitable[_T]]
) -> _T:
    """Run an act under the room's lock as somebody who may do it."""
    if by.as_admin:
        check_platform_role(caller, moderators=by.moderators)

    async def checked(change: Change) -> _T:
        return await act(change, by.check(change))

    return await change_room(database, caller, by.room_id, checked)


async def inspect(
    database: Database,
    caller: Caller,
    by: Authority,
    read: Callable[[rooms.Reader], Awaitable[_T]],
    action: str,
) -> _T:
    """Run a read that only moderators may do. A read with as_admin is an act itself, and logged as `action`."""
    if not by.as_admin:
        check_actor(by.room_id, await rooms.room(database, by.room_id, caller), caller, by.least, reads=True)
        return await read(database)

    async def act(change: Change, actor: Actor) -> _T:
        await change.record(actor, action)
        return await read(change.session)

    return await moderate(database, caller, by, act)
