"""LiveService.ListChanges, and the page of changes that Watch reads, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Database
from servicekit.pagination import MAX_BYTES, take_within_budget
from services.chat.actions.deps import Deps
from services.chat.actions.response_size import message_bytes
from services.chat.domain.model import LogLine, Position
from services.chat.domain.permissions import Rank
from services.chat.domain.visibility import RoomAccess, can_read, check_room_readable
from services.chat.store import changes as store
from services.chat.store.changes import Ban, Changed, ChangedMessage, ChangedReaction

_NEVER = (1 << 63) - 1
_ITEM_BYTES = 2_500
"""More than any item but a message takes."""


class ChangePage(NamedTuple):
    """Changes of a room in the order of their revs, complete up to `rev`; the room's last rev is `last_rev`.

    `access` is the reader's, None for a missing room. It is read after `last_rev`: whoever may read then may read all
    changes up to there.
    """

    access: RoomAccess | None
    changes: list[Changed]
    rev: int
    last_rev: int
    member_count: int

    @property
    def readable(self) -> bool:
        """Return whether the reader may read the room."""
        return self.access is not None and can_read(self.access)

    @property
    def to_moderator(self) -> bool:
        """Return whether the reader sees what only moderators see."""
        return self.access is not None and moderates(self.access.role)


class ChangeListing(NamedTuple):
    """A ListChanges request."""

    room_id: UUID
    after_rev: int
    epoch: str
    page_size: int


class ListedChanges(NamedTuple):
    """A page of ListChanges; `reset`: the position is not of this copy of the database."""

    changes: list[Changed]
    member_count: int
    position: Position
    has_more: bool
    reset: bool


def moderates(role: str | None) -> bool:
    """Return whether a role sees the moderation log."""
    return Rank.of(role) >= Rank.MODERATOR


def visible(changes: Iterable[Changed], *, to_moderator: bool) -> list[Changed]:
    """Return the changes that a reader sees.

    A ban is no item; the reactions to a deleted message went with it, and its own change tells so.
    """
    return [
        each
        for each in changes
        if not isinstance(each, Ban)
        and not (isinstance(each, ChangedReaction) and each.message_deleted)
        and (to_moderator or not isinstance(each, LogLine))
    ]


async def read_changes(database: Database, room_id: UUID, user_id: UUID, after: int) -> ChangePage:
    """Return a page of all changes after a rev, with the reader's access; the changes are empty without it."""
    async with database.session() as session:
        moved = await store.last_revs(session, {room_id: after})
        access = (await store.access_to_rooms(session, [room_id], user_id)).get(room_id)
        if access is None or not can_read(access.access):
            return ChangePage(None if access is None else access.access, [], after, after, 0)
        if not moved:
            # `last_rev` may be less than `after`: then the position is of another copy.
            return ChangePage(access.access, [], after, min(after, access.last_rev), 0)
        changes, rev = await store.changed(session, moved[0], after)
        return ChangePage(access.access, changes, rev, moved[0].last_rev, moved[0].member_count)


async def list_changes(deps: Deps, caller: Caller, listing: ChangeListing) -> ListedChanges:
    """Return a page of a room's changes; two statements, and one for each kind of row that changed."""
    room_id, epoch = listing.room_id, deps.epoch.value
    # Nothing is after the rev of another copy.
    after = listing.after_rev if listing.epoch == epoch else _NEVER
    page = await read_changes(deps.database, room_id, caller.user_id, after)
    check_room_readable(room_id, page.access)
    if page.last_rev < after or deps.epoch.value != epoch:
        return ListedChanges([], 0, Position(room_id, epoch, page.last_rev), has_more=False, reset=True)
    seen = visible(page.changes, to_moderator=page.to_moderator)
    shown, _ = take_within_budget(seen[: listing.page_size], _bytes, MAX_BYTES)
    rev = page.rev if len(shown) == len(seen) else shown[-1].rev
    return ListedChanges(
        shown, page.member_count, Position(room_id, epoch, rev), has_more=rev < page.last_rev, reset=False
    )


def _bytes(changed: Changed) -> int:
    if isinstance(changed, ChangedMessage):
        return message_bytes(changed.message, changed.tallies.sorted())
    return _ITEM_BYTES
