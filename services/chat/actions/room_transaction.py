"""Changing a room: the one transaction that every act but a send runs in.

The room's lock comes first, then what the rules need is read, then the act decides and writes, then the room's
numbers move, and last those of the users whose place in it changed. So every rule sees all that was committed
before it, numbers have no gap, and the order of commits is the order of numbers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from servicekit.call import current_call
from servicekit.caller import Caller, Role
from servicekit.database import Database, Session
from servicekit.ids import new_id
from services.chat.domain.errors import RoomNotFoundError
from services.chat.domain.model import SystemEvent
from services.chat.domain.permissions import Actor
from services.chat.store import audit_log, rooms
from services.chat.store import room_transaction as store
from services.chat.store.room_transaction import LockRow
from services.chat.store.rooms import RoomRow

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class Upkeep:
    """A change of one room in the making that nobody in the room asked for; its lock is held."""

    session: Session
    room_id: UUID
    _numbers: LockRow
    _touched: set[UUID] = field(default_factory=set)

    @property
    def last_seq(self) -> int:
        """The newest message's seq."""
        return self._numbers.last_seq

    @property
    def last_rev(self) -> int:
        """The newest change's rev, this one's own included."""
        return self._numbers.last_rev

    @property
    def member_count(self) -> int:
        """How many members there are, this change included."""
        return self._numbers.member_count

    def next_rev(self) -> int:
        """Number one row of this change; each row that changes takes a rev of its own."""
        self._numbers = self._numbers._replace(last_rev=self._numbers.last_rev + 1)
        return self._numbers.last_rev

    def next_revs(self, count: int) -> int:
        """Number `count` rows of this change; returns the first of their revs, which follow on each other."""
        first = self._numbers.last_rev + 1
        self._numbers = self._numbers._replace(last_rev=self._numbers.last_rev + count)
        return first

    def count_members(self, difference: int) -> None:
        """Note that so many users became members, or ceased to be."""
        self._numbers = self._numbers._replace(member_count=self._numbers.member_count + difference)

    def touch_user(self, user_id: UUID) -> None:
        """Note that the user's place in the room changed."""
        self._touched.add(user_id)

    async def settle(self, before: LockRow) -> None:
        """Write the room's numbers, where they moved, and those of the users that were touched."""
        numbers = self._numbers
        if numbers != before:
            await store.set_numbers(
                self.session,
                self.room_id,
                last_seq=numbers.last_seq,
                last_rev=numbers.last_rev,
                members=numbers.member_count,
            )
        if self._touched:
            await store.move_users(self.session, self._touched)


@dataclass(slots=True, kw_only=True)
class Change(Upkeep):
    """A change of one room in the making; its lock is held.

    `standing` is the room with the caller's place in it, who may not even know of it any more: the rules of
    domain/visibility.py and domain/acting.py turn it into an answer.
    """

    caller: Caller
    standing: RoomRow

    async def tell(self, event: SystemEvent) -> None:
        """Write a SYSTEM message by the caller."""
        seq = self._numbers.last_seq + 1
        self._numbers = self._numbers._replace(last_seq=seq)
        await store.tell(
            self.session,
            self.room_id,
            seq=seq,
            rev=self.next_rev(),
            message_id=new_id(),
            user_id=self.caller.user_id,
            event=event,
        )

    async def record(
        self,
        actor: Actor,
        action: str,
        *,
        user_id: UUID | None = None,
        message_id: UUID | None = None,
        reason: str = "",
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:
        """Write what was done into the moderation log: ids, roles, states and times, never text or names."""
        call = current_call.get()
        await audit_log.insert(
            self.session,
            self.room_id,
            log_id=new_id(),
            rev=self.next_rev(),
            actor=actor,
            action=action,
            target_user_id=user_id,
            target_message_id=message_id,
            reason=reason,
            before=before,
            after=after,
            request_id=call.request_id if call is not None else "",
        )


async def change_room(
    database: Database, caller: Caller, room_id: UUID, act: Callable[[Change], Awaitable[_T]]
) -> _T:
    """Run an act under the room's lock, in one transaction; repeated when another one was in its way.

    An act that raises leaves nothing behind. Raises RoomNotFoundError for a room that does not exist or that the
    caller may not know of, whether its lock is free or not. The platform's administrators may know of any room.
    """

    async def work(session: Session) -> _T:
        numbers = await store.lock_known(session, room_id, [caller.user_id], anyway=caller.role is Role.ADMIN)
        standing = None if numbers is None else await rooms.room(session, room_id, caller)
        if numbers is None or standing is None:
            raise RoomNotFoundError(room_id)
        change = Change(session=session, room_id=room_id, caller=caller, standing=standing, _numbers=numbers)
        result = await act(change)
        await change.settle(numbers)
        return result

    return await database.run_in_transaction(work)


async def keep_room(database: Database, room_id: UUID, act: Callable[[Upkeep], Awaitable[_T]]) -> _T:
    """Run what the service does to a room by itself, under the same lock and in the same way as change_room.

    The room must exist. An act must not touch more than 500 rows: everybody else in the room waits for it.
    """

    async def work(session: Session) -> _T:
        locked = await store.lock(session, [room_id], wait=True)
        numbers = locked[room_id]
        upkeep = Upkeep(session=session, room_id=room_id, _numbers=numbers)
        result = await act(upkeep)
        await upkeep.settle(numbers)
        return result

    return await database.run_in_transaction(work)
