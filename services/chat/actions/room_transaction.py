"""Changing a room: the one transaction that every act but a send runs in.

The room's lock comes first, then what the rules need is read, then the act decides and writes, then the room's
counters move, and last those of the users whose place in it changed. So every rule sees all that was committed
before it, counters have no gap, and the order of commits is the order of counters.
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
from services.chat.store.room_transaction import CountersRow
from services.chat.store.rooms import RoomRow

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class MaintenanceTransaction:
    """A change of one room in the making that nobody in the room asked for; its lock is held."""

    session: Session
    room_id: UUID
    _counters: CountersRow
    _changed_users: set[UUID] = field(default_factory=set)

    @property
    def last_seq(self) -> int:
        """The newest message's seq."""
        return self._counters.last_seq

    @property
    def last_rev(self) -> int:
        """The newest change's rev, this one's own included."""
        return self._counters.last_rev

    @property
    def member_count(self) -> int:
        """How many members there are, this change included."""
        return self._counters.member_count

    def next_rev(self) -> int:
        """Number one row of this change; each row that changes takes a rev of its own."""
        self._counters = self._counters._replace(last_rev=self._counters.last_rev + 1)
        return self._counters.last_rev

    def next_revs(self, count: int) -> int:
        """Number `count` rows of this change; returns the first of their revs, which follow on each other."""
        first = self._counters.last_rev + 1
        self._counters = self._counters._replace(last_rev=self._counters.last_rev + count)
        return first

    def count_members(self, difference: int) -> None:
        """Note that so many users became members, or ceased to be."""
        self._counters = self._counters._replace(member_count=self._counters.member_count + difference)

    def mark_user_changed(self, user_id: UUID) -> None:
        """Note that the user's place in the room changed."""
        self._changed_users.add(user_id)

    async def flush(self, before: CountersRow) -> None:
        """Write the room's numbers, where they moved, and those of the users that were touched."""
        counters = self._counters
        if counters != before:
            await store.set_counters(
                self.session,
                self.room_id,
                last_seq=counters.last_seq,
                last_rev=counters.last_rev,
                members=counters.member_count,
            )
        if self._changed_users:
            await store.bump_room_list_version(self.session, self._changed_users)


@dataclass(slots=True, kw_only=True)
class RoomTransaction(MaintenanceTransaction):
    """A change of one room in the making; its lock is held.

    `standing` is the room with the caller's place in it, who may not even know of it any more: the rules of
    domain/visibility.py and domain/acting.py turn it into an answer.
    """

    caller: Caller
    room: RoomRow

    async def post_system_message(self, event: SystemEvent) -> None:
        """Write a SYSTEM message by the caller."""
        seq = self._counters.last_seq + 1
        self._counters = self._counters._replace(last_seq=seq)
        await store.insert_system_message(
            self.session,
            self.room_id,
            seq=seq,
            rev=self.next_rev(),
            message_id=new_id(),
            user_id=self.caller.user_id,
            event=event,
        )

    async def audit(  # noqa: PLR0913 - one per column
        self,
        actor: Actor,
        action: str,
        *,
        user_id: UUID | None = None,
        message_id: UUID | None = None,
        reason: str = "",
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        idempotency_key: UUID | None = None,
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
            idempotency_key=idempotency_key,
        )


async def with_room_lock(
    database: Database, caller: Caller, room_id: UUID, operation: Callable[[RoomTransaction], Awaitable[_T]]
) -> _T:
    """Run an act under the room's lock, in one transaction; repeated when another one was in its way.

    An act that raises leaves nothing behind. Raises RoomNotFoundError for a room that does not exist or that the
    caller may not know of, whether its lock is free or not. The platform's administrators may know of any room.
    """

    async def work(session: Session) -> _T:
        counters = await store.lock_visible_room(
            session, room_id, [caller.user_id], skip_visibility=caller.role is Role.ADMIN
        )
        room = None if counters is None else await rooms.room(session, room_id, caller)
        if counters is None or room is None:
            raise RoomNotFoundError(room_id)
        tx = RoomTransaction(session=session, room_id=room_id, caller=caller, room=room, _counters=counters)
        result = await operation(tx)
        await tx.flush(counters)
        return result

    return await database.run_in_transaction(work)


async def with_room_lock_as_system(
    database: Database, room_id: UUID, operation: Callable[[MaintenanceTransaction], Awaitable[_T]]
) -> _T:
    """Run what the service does to a room by itself, under the same lock and in the same way as with_room_lock.

    The room must exist. An act must not touch more than 500 rows: everybody else in the room waits for it.
    """

    async def work(session: Session) -> _T:
        locked = await store.lock_rooms(session, [room_id], wait=True)
        counters = locked[room_id]
        tx = MaintenanceTransaction(session=session, room_id=room_id, _counters=counters)
        result = await operation(tx)
        await tx.flush(counters)
        return result

    return await database.run_in_transaction(work)
