"""What may be changed of a room, and what a change changes."""

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
    """New values of a room's fields, those named in `fields`. `etag` is empty when any state may be changed."""

    room_id: UUID
    etag: str
    fields: frozenset[str]
    name: str
    description: str
    announcement: bool
    slow_mode_seconds: int


def check_mask(paths: Collection[str]) -> frozenset[str]:
    """The fields that a mask names; raises InvalidFieldsError unless there are some and all may be changed."""
    fields = frozenset(paths)
    if not fields or not fields <= set(CHANGEABLE):
        # The answer must not repeat the paths: an error that is longer than a client's limit never arrives.
        raise InvalidFieldsError(FieldViolation("update_mask", f"must name some of {', '.join(CHANGEABLE)}"))
    return fields


def check_values(change: RoomChange, slow_mode_nanos: int) -> None:
    """Raises InvalidFieldsError for values that no room can have, of the fields that are to change."""
    if "name" in change.fields and not change.name:
        raise InvalidFieldsError(FieldViolation("room.name", "must not be empty"))
    if "slow_mode" in change.fields and slow_mode_nanos:
        raise InvalidFieldsError(FieldViolation("room.slow_mode", "must be whole seconds"))


def differences(room: Room, change: RoomChange) -> frozenset[str]:
    """The fields whose values really change; raises EtagMismatchError for a room that is in another state."""
    if change.etag and change.etag != room.etag:
        raise EtagMismatchError
    changed = {
        "name": room.name != change.name,
        "description": room.description != change.description,
        "announcement": room.announcement != change.announcement,
        "slow_mode": room.slow_mode_seconds != change.slow_mode_seconds,
    }
    return frozenset(field for field in change.fields if changed[field])
