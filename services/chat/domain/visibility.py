"""Who sees what: a hidden room is answered exactly as a missing one."""

from __future__ import annotations

from typing import Protocol, TypeVar
from uuid import UUID

from servicekit.errors import CallerSuspendedError
from services.chat.domain.errors import BannedError, CallerMutedError, NotAMemberError, RoomNotFoundError


class RoomAccess(Protocol):
    """What decides whether a caller may know of a room and read it."""

    @property
    def private(self) -> bool:
        """Whether only members and invited users know of it."""

    @property
    def role(self) -> str | None:
        """The caller's role; None: no member."""

    @property
    def invited(self) -> bool:
        """Whether the caller has an open invitation."""

    @property
    def banned(self) -> bool:
        """Whether a ban of the caller is in force."""


AccessT = TypeVar("AccessT", bound=RoomAccess)


def check_room_visible(room_id: UUID, facts: AccessT | None) -> AccessT:
    """A room whose existence the caller may learn of; raises RoomNotFoundError otherwise."""
    if facts is None:
        raise RoomNotFoundError(room_id)
    if facts.private and (facts.banned or (facts.role is None and not facts.invited)):
        raise RoomNotFoundError(room_id)
    return facts


def check_room_readable(room_id: UUID, facts: AccessT | None) -> AccessT:
    """A room whose messages the caller may read; raises RoomNotFoundError or BannedError."""
    known = check_room_viewable(room_id, facts)
    if known.banned:
        raise BannedError
    return known


def check_room_viewable(room_id: UUID, facts: AccessT | None) -> AccessT:
    """A public room, or a private one of the caller's; raises RoomNotFoundError otherwise."""
    known = check_room_visible(room_id, facts)
    if known.private and known.role is None:
        # An invitation shows the room itself and nothing in it.
        raise RoomNotFoundError(room_id)
    return known


class CallerMembership(RoomAccess, Protocol):
    """What decides what a caller may do in a room; times are compared with the database's clock."""

    @property
    def muted(self) -> bool:
        """Whether a mute of the caller is in force in the room."""

    @property
    def muted_on_platform(self) -> bool:
        """Whether the caller is muted everywhere."""

    @property
    def suspended(self) -> bool:
        """Whether the caller is suspended."""


MembershipT = TypeVar("MembershipT", bound=CallerMembership)


def check_writer(room_id: UUID, standing: MembershipT | None) -> MembershipT:
    """A member who writes: sends, edits, reacts, reports. Says to an invited guest that they must join.

    Raises RoomNotFoundError, CallerSuspendedError, BannedError or NotAMemberError, in this order; a mute is
    the next thing to check (check_unmuted) where it forbids the act.
    """
    known = check_room_visible(room_id, standing)
    check_member(known)
    return known


def check_member(standing: CallerMembership, *, reads: bool = False) -> str:
    """The caller's role in a room that they may know of; who only `reads` may be suspended.

    Raises CallerSuspendedError, BannedError or NotAMemberError, in this order.
    """
    if standing.suspended and not reads:
        raise CallerSuspendedError
    if standing.banned:
        raise BannedError
    if standing.role is None:
        raise NotAMemberError
    return standing.role


def check_unmuted(standing: CallerMembership) -> None:
    """Raises CallerMutedError while a mute of the caller holds, in the room or everywhere."""
    if standing.muted:
        raise CallerMutedError("room")
    if standing.muted_on_platform:
        raise CallerMutedError("platform")
