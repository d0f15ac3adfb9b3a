"""Permissions: the ranks in a room, and the rights that a platform role adds to them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller, Role
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
    check_not_suspended,
    check_reading_member,
    check_room_viewable,
    check_room_visible,
    check_unmuted_member,
)


class Rank(enum.IntEnum):
    """Ranks in ascending order. An actor needs a higher rank than the target's."""

    NOBODY = 0
    MEMBER = 1
    MODERATOR = 2
    OWNER = 3
    ADMIN = 4

    @classmethod
    def of(cls, role: str | None) -> Rank:
        """Return the rank of a role in a room; None is a non-member."""
        return cls.NOBODY if role is None else cls[role]


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of an action. `role` is the one in the audit log: the room's, or with as_admin the platform's."""

    user_id: UUID
    rank: Rank
    role: str
    as_admin: bool


def check_reader(room_id: UUID, membership: CallerMembership | None, caller: Caller, min_rank: Rank) -> Actor:
    """Require a member of at least `min_rank` for a read; a suspended one may read.

    Raises RoomNotFoundError, BannedError, NotAMemberError or RoleRequiredError, in this order.
    """
    return _actor(caller, check_reading_member(check_room_viewable(room_id, membership)), min_rank)


def check_moderator(
    room_id: UUID, membership: CallerMembership | None, caller: Caller, min_rank: Rank
) -> Actor:
    """Require a member of at least `min_rank` who acts on others; a muted one may.

    Raises RoomNotFoundError, CallerSuspendedError, BannedError, NotAMemberError or RoleRequiredError, in this order.
    """
    return _actor(caller, check_member(check_room_viewable(room_id, membership)), min_rank)


def check_manager(
    room_id: UUID, membership: CallerMembership | None, caller: Caller, min_rank: Rank
) -> Actor:
    """Require an unmuted member of at least `min_rank` who changes the room or its members.

    Raises the errors of check_moderator; CallerMutedError comes before RoleRequiredError.
    """
    return _actor(caller, check_unmuted_member(check_room_viewable(room_id, membership)), min_rank)


def check_message_actor(
    room_id: UUID, membership: CallerMembership | None, caller: Caller, min_rank: Rank
) -> Actor:
    """Require a member of at least `min_rank` who deletes or restores a message; a muted one may.

    Raises the errors of check_moderator; an invited user gets NotAMemberError instead of RoomNotFoundError.
    """
    return _actor(caller, check_member(check_room_visible(room_id, membership)), min_rank)


def check_pinner(room_id: UUID, membership: CallerMembership | None, caller: Caller, min_rank: Rank) -> Actor:
    """Require an unmuted member of at least `min_rank` who pins or unpins a message.

    Raises the errors of check_message_actor; CallerMutedError comes before RoleRequiredError.
    """
    return _actor(caller, check_unmuted_member(check_room_visible(room_id, membership)), min_rank)


def check_writer(
    room_id: UUID, membership: CallerMembership | None, archived_at: int | None, locked_at: int | None
) -> str:
    """Return the role of a member who may write in the room: send, edit, react.

    Raises RoomNotFoundError, CallerSuspendedError, BannedError, NotAMemberError, CallerMutedError,
    RoomArchivedError or RoomLockedError, in this order.
    """
    role = check_unmuted_member(check_room_visible(room_id, membership))
    check_not_archived(archived_at)
    check_unlocked(locked_at)
    return role


def _actor(caller: Caller, role: str, min_rank: Rank) -> Actor:
    rank = Rank.of(role)
    if rank < min_rank:
        raise RoleRequiredError(min_rank.name)
    return Actor(caller.user_id, rank, role, as_admin=False)


def check_platform_role(caller: Caller, *, platform_moderators: bool) -> None:
    """Require a platform role that may use as_admin. Called before any read.

    `platform_moderators`: platform moderators may, too. Raises RoleRequiredError, which reveals nothing of a room, or
    ServiceUnavailableError for a stale caller.
    """
    role = caller.confirmed_role
    if role is Role.ADMIN or (platform_moderators and role is Role.MODERATOR):
        return
    raise RoleRequiredError((Role.MODERATOR if platform_moderators else Role.ADMIN).name)


def check_admin(room_id: UUID, membership: CallerMembership | None, caller: Caller) -> Actor:
    """Require a caller who acts by a platform role, after check_platform_role.

    An administrator may act in any room, a moderator in public ones; a private room is hidden from a moderator.
    Raises RoomNotFoundError, CallerSuspendedError or RoleRequiredError.
    """
    if membership is None:
        raise RoomNotFoundError(room_id)
    if caller.role is not Role.ADMIN:
        check_room_viewable(room_id, membership)
    check_not_suspended(membership)
    if caller.role is Role.ADMIN:
        return Actor(caller.user_id, Rank.ADMIN, Role.ADMIN, as_admin=True)
    if membership.private:
        raise RoleRequiredError(Role.ADMIN.name)
    return Actor(caller.user_id, Rank.MODERATOR, Role.MODERATOR, as_admin=True)


def check_sees_deleted(role: str | None) -> None:
    """Require a role that may read deleted messages; raises RoleRequiredError."""
    if Rank.of(role) < Rank.MODERATOR:
        raise RoleRequiredError(Rank.MODERATOR.name)


def check_outranks(actor: Actor, user_id: UUID, role: str | None) -> None:
    """Require a target below the actor's rank; `role` is the target's. Raises TargetProtectedError."""
    if user_id == actor.user_id or Rank.of(role) >= actor.rank:
        raise TargetProtectedError(user_id)


def check_not_archived(archived_at: int | None) -> None:
    """Raise RoomArchivedError for an archived room."""
    if archived_at is not None:
        raise RoomArchivedError


def check_unlocked(locked_at: int | None) -> None:
    """Raise RoomLockedError for a locked room."""
    if locked_at is not None:
        raise RoomLockedError


def check_can_post(role: str | None, *, announcement: bool) -> None:
    """Require a role that may post; in an announcement room only moderators may. Raises AnnouncementRoomError."""
    if announcement and Rank.of(role) < Rank.MODERATOR:
        raise AnnouncementRoomError
