"""Rules about a user's profile: who sees it, who updates it, and which values it takes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller, Role
from servicekit.clock import Micros
from services.users.domain.errors import EtagMismatchError, NotYourselfError

UPDATABLE_FIELDS = ("display_name",)
# The year 4253, in microseconds since 1970.
_MAX_UPDATED_AT = 1 << 56


@dataclass(frozen=True, slots=True)
class ProfileUpdate:
    """An update of one user. `display_name` is None to keep it; `etag` is empty to update any state."""

    user_id: UUID
    display_name: str | None
    etag: str


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Which users to list; None and False: all. `start_at` is inclusive, `end_at` is not."""

    role: Role | None
    muted: bool
    suspended: bool
    start_at: Micros
    end_at: Micros


def can_see_private_fields(caller: Caller, user_id: UUID) -> bool:
    """Return True if the caller sees e-mail, mute and suspension of the user."""
    return caller.user_id == user_id or caller.role is Role.ADMIN


def check_can_update(caller: Caller, user_id: UUID) -> None:
    """Raise NotYourselfError unless the caller may update the user, ServiceUnavailableError for a stale caller."""
    if caller.user_id != user_id and caller.confirmed_role is not Role.ADMIN:
        raise NotYourselfError


def etag_of(updated_at: Micros) -> str:
    """Return the etag of a user's state: `updated_at` grows with every change of the row."""
    return f"{updated_at:x}"


def updated_at_from_etag(etag: str) -> Micros | None:
    """Return the `updated_at` of an etag, None for an empty one. Raises EtagMismatchError."""
    if not etag:
        return None
    try:
        updated_at = Micros(int(etag, 16))
    except ValueError:
        raise EtagMismatchError from None
    # int() also takes signs, spaces, underscores, other digits, and numbers that timestamptz can't hold.
    if etag_of(updated_at) != etag or not 0 <= updated_at < _MAX_UPDATED_AT:
        raise EtagMismatchError
    return updated_at
