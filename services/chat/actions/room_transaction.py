"""The unit of work under a room's lock, for every write except sends and reactions.

It locks the room, reads the input of the rules, runs the operation, then writes the room's counters and those of the
users whose membership changed. So every rule sees all earlier commits, and seq and rev have no gap and follow the
order of commits.
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
from services.chat.actions.deps import Deps
from services.chat.domain.errors import RoomNotFoundError
from services.chat.domain.model import Member, ModerationAction, Position, Room, SystemEvent
from services.chat.domain.permissions import Actor
from services.chat.domain.visibility import CallerMembership
from services.chat.store import audit_log, rooms
from services.chat.store import room_transaction as store
from services.chat.store.room_transaction import CountersRow

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class MaintenanceTransaction:
    """An open maintenance transaction on one room (janitor, erasure), which holds the room lock."""

    session: Session
    room_id: UUID
    _counters: CountersRow
    changed_users: set[UUID] = field(default_factory=set)

    @property
    def last_seq(self) -> int:
        """Return the newest message's seq."""
        return self._counters.last_seq

    @property
    def last_rev(self) -> int:
        """Return the room's last rev, including this transaction's."""
        return self._counters.last_rev

    @property
    def member_count(self) -> int:
        """Return the number of members, including this transaction's changes."""
        return self._counters.member_count

    def next_rev(self) -> int:
        """Return the next rev; each changed row takes one."""
        self._counters = self._counters._replace(last_rev=self._counters.last_rev + 1)
        return self._counters.last_rev

    def next_revs(self, count: int) -> int:
        """Take `count` consecutive revs and return the first."""
        first = self._counters.last_rev + 1
        self._counters = self._counters._replace(last_rev=self._counters.last_rev + count)
        return first

    def count_members(self, difference: int) -> None:
        """Change the number of members by `difference`."""
        self._counters = self._counters._replace(member_count=self._counters.member_count + difference)

    def mark_user_changed(self, user_id: UUID) -> None:
        """Record that the user's membership in the room changed."""
        self.changed_users.add(user_id)

    async def flush(self, before: CountersRow) -> None:
        """Write the room's counters if they changed, and those of the users whose membership changed."""
        counters = self._counters
        if counters != before:
            await store.set_counters(
                self.session,
                self.room_id,
                last_seq=counters.last_seq,
                last_rev=counters.last_rev,
                members=counters.member_count,
            )
        if self.changed_users:
            await store.bump_room_list_version(self.session, self.changed_users)


@dataclass(slots=True, kw_only=True)
class RoomTransaction(MaintenanceTransaction):
    """An open transaction of a caller on one room, which holds the room lock.

    The room may be hidden from the caller: the operation checks `membership` first. `member`: the caller's.
    """

    caller: Caller
    membership: CallerMembership
    room: Room
    member: Member | None

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
        action: ModerationAction,
        *,
        user_id: UUID | None = None,
        message_id: UUID | None = None,
        reason: str = "",
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        idempotency_key: UUID | None = None,
    ) -> None:
        """Insert a line into the audit log: ids, roles, states and times, never text or names."""
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
            call_id=call.request_id if call is not None else "",
            idempotency_key=idempotency_key,
            delegate=call.delegate if call is not None else None,
        )


async def with_room_lock(
    database: Database, caller: Caller, room_id: UUID, operation: Callable[[RoomTransaction], Awaitable[_T]]
) -> _T:
    """Run an operation under the room lock, in one transaction, which is retried on conflicts.

    An exception rolls back. Raises RoomNotFoundError for a missing or hidden room without waiting for its lock;
    no room is hidden from platform administrators.
    """

    async def work(session: Session) -> _T:
        counters = await store.lock_visible_room(
            session, room_id, [caller.user_id], skip_visibility=caller.role is Role.ADMIN
        )
        row = None if counters is None else await rooms.get_room(session, room_id, caller)
        if counters is None or row is None:
            raise RoomNotFoundError(room_id)
        tx = RoomTransaction(
            session=session,
            room_id=room_id,
            caller=caller,
            membership=row.membership,
            room=row.room,
            member=row.member(caller.user_id),
            _counters=counters,
        )
        result = await operation(tx)
        await tx.flush(counters)
        return result

    return await database.run_in_transaction(work)


async def write_in_room(
    deps: Deps, caller: Caller, room_id: UUID, operation: Callable[[RoomTransaction], Awaitable[_T]]
) -> tuple[_T, Position]:
    """Run an operation as with_room_lock does; also returns the room's position after it.

    Each call is charged, also one that is refused or changes nothing: it takes a connection and the room lock. Raises
    RateLimitedError, which depends on the caller alone and so reveals nothing of the room.
    """
    deps.limits.room_writes.hit(caller.user_id)

    async def positioned(tx: RoomTransaction) -> tuple[_T, RoomTransaction]:
        return await operation(tx), tx

    epoch = deps.epoch.value
    result, tx = await with_room_lock(deps.database, caller, room_id, positioned)
    deps.hints.room_moved(room_id, tx.changed_users)
    return result, Position(room_id, epoch, tx.last_rev)


async def with_room_lock_as_system(
    database: Database, room_id: UUID, operation: Callable[[MaintenanceTransaction], Awaitable[_T]]
) -> _T:
    """Run a maintenance operation on an existing room, as with_room_lock does.

    An operation must not touch more than 500 rows: all other writers in the room wait for it.
    """

    async def work(session: Session) -> _T:
        locked = await store.lock_rooms(session, [room_id], wait=True)
        counters = locked[room_id]
        tx = MaintenanceTransaction(session=session, room_id=room_id, _counters=counters)
        result = await operation(tx)
        await tx.flush(counters)
        return result

    return await database.run_in_transaction(work)
