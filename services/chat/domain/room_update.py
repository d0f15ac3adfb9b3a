"""The rules of updating a room."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from services.chat.domain.errors import EtagMismatchError
from services.chat.domain.model import Room

UPDATABLE_FIELDS = ("name", "description", "announcement", "slow_mode_interval")


@dataclass(frozen=True, slots=True)
class RoomChange:
    """New values of the room fields named in `fields`. An empty `etag` matches any state."""

    room_id: UUID
    etag: str
    fields: frozenset[str]
    name: str
    description: str
    announcement: bool
    slow_mode_seconds: int


def differences(room: Room, change: RoomChange) -> frozenset[str]:
    """Return the fields whose values differ.

    Raises EtagMismatchError when they do and the room is in another state than the etag's: a repeat after a lost
    response finds the room as asked, with a newer etag.
    """
    changed = {
        "name": room.name != change.name,
        "description": room.description != change.description,
        "announcement": room.announcement != change.announcement,
        "slow_mode_interval": room.slow_mode_seconds != change.slow_mode_seconds,
    }
    fields = frozenset(field for field in change.fields if changed[field])
    if fields and change.etag and change.etag != room.etag:
        raise EtagMismatchError
    return fields


def apply_update(room: Room, change: RoomChange, fields: frozenset[str], rev: int) -> Room:
    """Return the room with the given fields of a change and a new rev."""
    return room._replace(
        name=change.name if "name" in fields else room.name,
        description=change.description if "description" in fields else room.description,
        announcement=change.announcement if "announcement" in fields else room.announcement,
        slow_mode_seconds=change.slow_mode_seconds
        if "slow_mode_interval" in fields
        else room.slow_mode_seconds,
        rev=rev,
    )
