"""Who sees a room and who may act in it: visibility, membership, bans, mutes, suspensions.

A hidden room gets the same error as a missing one.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar
from uuid import UUID

from servicekit.errors import CallerSuspendedError
from services.chat.domain.errors import BannedError, CallerMutedError, NotAMemberError, RoomNotFoundError


class RoomAccess(NamedTuple):
    """What decides whether a caller sees a room and reads it. `role` is None for a non-member.

    `invited`: the caller has an open invitation; `banned`: a ban of the caller is active.
    """

    private: bool
    role: str | None
    invited: bool
    banned: bool


class CallerMembership(NamedTuple):
    """RoomAccess, and what decides whether the caller may write; times are compared with the database's clock."""

    private: bool
    role: str | None
    invited: bool
    banned: bool
    muted: bool
    muted_on_platform: bool
    suspended: bool


AccessT = TypeVar("AccessT", RoomAccess, CallerMembership)


def check_room_visible(room_id: UUID, access: AccessT | None) -> AccessT:
    """Require a room that the caller may learn of; raises RoomNotFoundError."""
    if access is None:
        raise RoomNotFoundError(room_id)
    if access.private and (access.banned or (access.role is None and not access.invited)):
        raise RoomNotFoundError(room_id)
    return access


def check_room_viewable(room_id: UUID, access: AccessT | None) -> AccessT:
    """Require a public room, or a private one of which the caller is a member; raises RoomNotFoundError."""
    visible = check_room_visible(room_id, access)
    if visible.private and visible.role is None:
        # An invitation shows the room itself and none of its content.
        raise RoomNotFoundError(room_id)
    return visible


def check_room_readable(room_id: UUID, access: AccessT | None) -> AccessT:
    """Require a room whose messages the caller may read; raises RoomNotFoundError or BannedError."""
    viewable = check_room_viewable(room_id, access)
    check_not_banned(viewable)
    return viewable


def can_read(access: RoomAccess) -> bool:
    """Return whether check_room_readable passes, where a room is lost without an error."""
    return not access.banned and (not access.private or access.role is not None)


def check_not_banned(access: RoomAccess | CallerMembership) -> None:
    """Raise BannedError while a ban of the caller is active."""
    if access.banned:
        raise BannedError


def check_not_suspended(membership: CallerMembership) -> None:
    """Raise CallerSuspendedError while the caller is suspended on the platform."""
    if membership.suspended:
        raise CallerSuspendedError


def check_reading_member(membership: CallerMembership) -> str:
    """Return the caller's role; raises BannedError or NotAMemberError. A suspended member may read."""
    check_not_banned(membership)
    if membership.role is None:
        raise NotAMemberError
    return membership.role


def check_member(membership: CallerMembership) -> str:
    """Return the caller's role; raises CallerSuspendedError, BannedError or NotAMemberError, in this order."""
    check_not_suspended(membership)
    return check_reading_member(membership)


def check_unmuted_member(membership: CallerMembership) -> str:
    """Return the caller's role; raises what check_member raises, then CallerMutedError."""
    role = check_member(membership)
    if membership.muted:
        raise CallerMutedError("room")
    if membership.muted_on_platform:
        raise CallerMutedError("platform")
    return role
