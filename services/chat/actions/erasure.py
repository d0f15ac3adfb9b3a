"""AuthorDataService: erase_author.

What is left of a user is found room by room, and each find is followed by one transaction per room and kind,
which takes the room's lock as every change does and is small enough to keep nobody waiting. Whatever ends a call
leaves complete transactions behind; the next call finds what is left.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from uuid import UUID

from servicekit.database import Database, Session
from services.chat.actions.deps import Deps
from services.chat.actions.message_purge import MAX_EMPTIED, hollow
from services.chat.actions.ownership_transfer import hand_on
from services.chat.actions.room_transaction import Upkeep, keep_room
from services.chat.domain.erasure import Erasure, ErasureMode, Trace
from services.chat.domain.model import DeletionType, MemberRole
from services.chat.store import erasure as store
from services.chat.store import message_delete, ownership_transfer

# How many of each a transaction changes, so that with the rows that change along it stays below 500.
_ROWS = 400
_MENTIONS = 200
_REACTIONS = 120

_Step = Callable[[Upkeep, UUID], Awaitable[int]]


async def erase_author(deps: Deps, user_id: UUID, mode: ErasureMode, deadline: float) -> Erasure:
    """Erase a user from chat for half of the time until `deadline`, seconds on the monotonic clock.

    `done` says that nothing was left at the end: who still writes meanwhile, as a user can whose caller some
    process keeps for some seconds, leaves something to the next call. Raises ConflictError when a room is in
    somebody else's hands for too long; a repeated call goes on from there.
    """
    now = time.monotonic()
    until = now + (deadline - now) / 2
    changed = 0
    while True:
        left = await store.left(deps.database, user_id)
        if not left:
            changed += await store.forget(deps.database, user_id)
            return Erasure(done=True, changed=changed)
        for trace, room_id in left:
            changed += await _erase(deps.database, user_id, mode, trace, room_id)
            if time.monotonic() >= until:
                return Erasure(done=False, changed=changed)


async def _erase(database: Database, user_id: UUID, mode: ErasureMode, trace: Trace, room_id: UUID) -> int:
    step = _tombstones if trace is Trace.MESSAGES and mode is ErasureMode.TOMBSTONE else _STEPS[trace]

    async def act(change: Upkeep) -> int:
        return await step(change, user_id)

    return await keep_room(database, room_id, act)


async def _membership(change: Upkeep, user_id: UUID) -> int:
    """End the membership. Nobody acts here, so the log gets no line: watchers see what became of whom."""
    before = await ownership_transfer.erase_membership(
        change.session, change.room_id, user_id, change.next_rev()
    )
    if before is None or not before.member:
        return 0 if before is None else 1
    change.count_members(-1)
    change.touch_user(user_id)
    followed = await hand_on(change, user_id) if before.role == MemberRole.OWNER else None
    return 1 if followed is None or (followed.heir is None and followed.archived_at is None) else 2


async def _messages(change: Upkeep, user_id: UUID) -> int:
    found = await store.authored(change.session, change.room_id, user_id, _ROWS)
    return await _anonymise(change, [row.seq for row in found])


async def _tombstones(change: Upkeep, user_id: UUID) -> int:
    """The next part of taking messages away.

    First they are deleted, then all goes that hangs on them, then what they said, with their author. What the
    service told of the user stays and names nobody.
    """
    found = await store.authored(change.session, change.room_id, user_id, MAX_EMPTIED)
    live = [row.seq for row in found if row.live]
    if live:
        gone = await message_delete.delete(
            change.session,
            change.room_id,
            live,
            deleted_by=None,
            deletion_type=DeletionType.ACCOUNT_ERASED,
            first_rev=change.last_rev + 1,
        )
        change.next_revs(gone.messages + gone.pins)
        return gone.messages + gone.pins
    full = [row for row in found if row.full]
    hollowed = await hollow(change, [row.seq for row in full], [row.id for row in full])
    if not hollowed.finished:
        return hollowed.changed
    return hollowed.changed + await _anonymise(change, [row.seq for row in found])


async def _anonymise(change: Upkeep, seqs: list[int]) -> int:
    count = await store.anonymise(change.session, change.room_id, seqs, change.last_rev + 1)
    change.next_revs(count)
    return count


async def _reactions(change: Upkeep, user_id: UUID) -> int:
    first_rev = change.last_rev + 1
    gone = await store.reactions(change.session, change.room_id, user_id, _REACTIONS, first_rev)
    change.next_revs(gone.messages)
    return gone.reactions


async def _reports(change: Upkeep, user_id: UUID) -> int:
    return await store.reports(change.session, change.room_id, user_id, _ROWS)


async def _creation(change: Upkeep, user_id: UUID) -> int:
    return await store.creation(change.session, change.room_id, user_id, change.next_rev())


def _numbered(erase: Callable[[Session, UUID, UUID, int, int], Awaitable[int]], limit: int) -> _Step:
    """A step whose statement numbers the rows that it changes, up to `limit` of them."""

    async def step(change: Upkeep, user_id: UUID) -> int:
        count = await erase(change.session, change.room_id, user_id, limit, change.last_rev + 1)
        change.next_revs(count)
        return count

    return step


_STEPS: dict[Trace, _Step] = {
    Trace.MEMBERSHIP: _membership,
    Trace.INVITATIONS: _numbered(store.invitations, _ROWS),
    Trace.MESSAGES: _messages,
    Trace.MENTIONS: _numbered(store.mentions, _MENTIONS),
    Trace.REACTIONS: _reactions,
    Trace.PINS: _numbered(store.pins, _ROWS),
    Trace.DELETIONS: _numbered(store.deletions, _ROWS),
    Trace.SANCTIONS: _numbered(store.sanctions, _ROWS),
    Trace.REPORTS: _reports,
    Trace.CREATION: _creation,
}
