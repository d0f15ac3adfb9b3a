"""The rules of updating a room."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from servicekit.errors import FieldViolation, InvalidFieldsError
from services.chat.domain.errors import EtagMismatchError
from services.chat.domain.model import Room

CHANGEABLE = ("name", "description", "announcement", "slow_mode")


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


def check_mask(paths: Collection[str]) -> frozenset[str]:
    """Return the fields of an update mask; raises InvalidFieldsError for an empty mask or an unknown field."""
    fields = frozenset(paths)
    if not fields or not fields <= set(CHANGEABLE):
        # The error does not repeat the paths: a client rejects error details above its size limit.
        raise InvalidFieldsError(FieldViolation("update_mask", f"must name some of {', '.join(CHANGEABLE)}"))
    return fields


def check_values(change: RoomChange, slow_mode_nanos: int) -> None:
    """Raise InvalidFieldsError for invalid values of the changed fields."""
    if "name" in change.fields and not change.name:
        raise InvalidFieldsError(FieldViolation("room.name", "must not be empty"))
    if "slow_mode" in change.fields and slow_mode_nanos:
        raise InvalidFieldsError(FieldViolation("room.slow_mode", "must be whole seconds"))


def differences(room: Room, change: RoomChange) -> frozenset[str]:
    """Return the fields whose values differ; raises EtagMismatchError when the room is in another state."""
    if change.etag and change.etag != room.etag:
        raise EtagMismatchError
    changed = {
        "name": room.name != change.name,
        "description": room.description != change.description,
        "announcement": room.announcement != change.announcement,
        "slow_mode": room.slow_mode_seconds != change.slow_mode_seconds,
    }
    return frozenset(field for field in change.fields if changed[field])


def apply_update(room: Room, change: RoomChange, fields: frozenset[str], rev: int) -> Room:
    """Return the room with the given fields of a change and a new rev."""
    return room._replace(
        name=change.name if "name" in fields else room.name,
        description=change.description if "description" in fields else room.description,
        announcement=change.announcement if "announcement" in fields else room.announcement,
        slow_mode_seconds=change.slow_mode_seconds if "slow_mode" in fields else room.slow_mode_seconds,
        rev=rev,
    )
