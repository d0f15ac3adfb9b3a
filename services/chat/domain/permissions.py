"""Who may act on whom: the ranks in a room, and what a platform role adds to them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller, Role
from servicekit.errors import CallerSuspendedError
from services.chat.domain.errors import (
    AnnouncementRoomError,
    RoleRequiredError,
    RoomArchivedError,
    RoomLockedError,
    RoomNotFoundError,
    TargetProtectedError,
)
from services.chat.domain.visibility import (
    CallerMembership,
    check_member,
    check_room_viewable,
    check_room_visible,
    check_unmuted,
)


class Rank(enum.IntEnum):
    """The order of those who act; nobody acts on their own rank or a higher one."""

    NOBODY = 0
    MEMBER = 1
    MODERATOR = 2
    OWNER = 3
    ADMIN = 4

    @classmethod
    def of(cls, role: str | None) -> Rank:
        """The rank of a room's role; None: no member."""
        return cls.NOBODY if role is None else cls[role]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and by which role. `role` is what the log says: the room's, or with as_admin the platform's."""

    user_id: UUID
    rank: Rank
    role: str
    as_admin: bool


def check_actor(
    room_id: UUID,
    standing: CallerMembership | None,
    caller: Caller,
    least: Rank,
    *,
    reads: bool = False,
    writes: bool = False,
    unmuted: bool = False,
) -> Actor:
    """A member of the room whose role is at least `least`.

    Raises RoomNotFoundError, CallerSuspendedError (but for who only `reads`), BannedError, NotAMemberError, with
    `unmuted` CallerMutedError, or RoleRequiredError, in this order. An invited guest of a private room learns
    nothing, but for acts on messages: who `writes` is told to join first.
    """
    known = check_room_visible(room_id, standing) if writes else check_room_viewable(room_id, standing)
    role = check_member(known, reads=reads)
    if unmuted:
        check_unmuted(known)
    rank = Rank.of(role)
    if rank < least:
        raise RoleRequiredError(least.name)
    return Actor(caller.user_id, rank, role, as_admin=False)


def check_platform_role(caller: Caller, *, moderators: bool) -> None:
    """Whether the caller may say as_admin at all; to be asked before anything is looked up.

    `moderators`: platform moderators may, too. Raises RoleRequiredError, which tells nothing of any room.
    """
    if caller.role is Role.ADMIN or (moderators and caller.role is Role.MODERATOR):
        return
    raise RoleRequiredError((Role.MODERATOR if moderators else Role.ADMIN).name)


def check_admin(room_id: UUID, standing: CallerMembership | None, caller: Caller) -> Actor:
    """Somebody who acts by their platform role, which check_platform_role has allowed.

    An administrator may act in any room. A moderator may in public ones; a private one is as hidden from them
    as from anybody. Raises RoomNotFoundError, CallerSuspendedError or RoleRequiredError.
    """
    if standing is None:
        raise RoomNotFoundError(room_id)
    if caller.role is not Role.ADMIN:
        check_room_viewable(room_id, standing)
    if standing.suspended:
        raise CallerSuspendedError
    if caller.role is Role.ADMIN:
        return Actor(caller.user_id, Rank.ADMIN, Role.ADMIN, as_admin=True)
    if standing.private:
        raise RoleRequiredError(Role.ADMIN.name)
    return Actor(caller.user_id, Rank.MODERATOR, Role.MODERATOR, as_admin=True)


def check_sees_deleted(role: str | None) -> None:
    """Whether somebody of that role in the room (None: no member) may ask for deleted messages.

    Raises RoleRequiredError.
    """
    if Rank.of(role) < Rank.MODERATOR:
        raise RoleRequiredError(Rank.MODERATOR.name)


def check_outranks(actor: Actor, user_id: UUID, role: str | None) -> None:
    """Whether the actor may act on a user of that role (None: no member); raises TargetProtectedError."""
    if user_id == actor.user_id or Rank.of(role) >= actor.rank:
        raise TargetProtectedError(user_id)


def check_not_archived(archived_at: int | None) -> None:
    """Raises RoomArchivedError for an archived room."""
    if archived_at is not None:
        raise RoomArchivedError


def check_can_post(role: str | None, *, announcement: bool) -> None:
    """Whether somebody of that role may post in the room, where an announcement room has moderators post alone.

    Raises AnnouncementRoomError.
    """
    if announcement and Rank.of(role) < Rank.MODERATOR:
        raise AnnouncementRoomError


def check_unlocked(locked_at: int | None) -> None:
    """Raises RoomLockedError for a room that is read-only for now."""
    if locked_at is not None:
        raise RoomLockedError
