"""Who sees what: a hidden room is answered exactly as a missing one."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from services.chat.domain.errors import BannedError, RoomNotFoundError


class RoomFacts(Protocol):
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


def check_known(room_id: UUID, facts: RoomFacts | None) -> RoomFacts:
    """A room whose existence the caller may learn of; raises RoomNotFoundError otherwise."""
    if facts is None:
        raise RoomNotFoundError(room_id)
    if facts.private and (facts.banned or (facts.role is None and not facts.invited)):
        raise RoomNotFoundError(room_id)
    return facts


def check_readable(room_id: UUID, facts: RoomFacts | None) -> None:
    """A room whose messages the caller may read; raises RoomNotFoundError or BannedError."""
    known = check_known(room_id, facts)
    if known.private and known.role is None:
        # An invitation shows the room itself and nothing in it.
        raise RoomNotFoundError(room_id)
    if known.banned:
        raise BannedError
