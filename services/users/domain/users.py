"""What a user may change of themselves, and who may."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller, Role
from servicekit.clock import Micros
from servicekit.errors import FieldViolation, InvalidFieldsError
from services.users.domain.errors import EtagMismatchError, NotYourselfError

_CHANGEABLE = "display_name"
# The year 4253, in microseconds since 1970.
_END_OF_TIMES = 1 << 56
# They reverse what stands around a name, and so make one user look like another.
_REVERSING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class ProfileUpdate:
    """A wanted change of one user. `etag` is empty when the caller does not care what was before."""

    user_id: UUID
    display_name: str
    etag: str


def check_mask(paths: Sequence[str]) -> None:
    """Raises InvalidFieldsError unless the paths name display_name and nothing else."""
    # The answer must not repeat the paths: an error that is longer than a client's limit never arrives.
    if set(paths) != {_CHANGEABLE}:
        raise InvalidFieldsError(FieldViolation("update_mask", f"must name {_CHANGEABLE} and nothing else"))


def clean_display_name(name: str) -> str:
    """The name as it is stored and shown: one line, without white space around it; empty counts as unset.

    Raises InvalidFieldsError for marks that reverse the direction of writing.
    """
    if not _REVERSING.isdisjoint(name):
        raise InvalidFieldsError(FieldViolation("user.display_name", "holds marks that reverse the writing"))
    line = " ".join(name.split())
    # A name of nothing but invisible marks would look like no name and yet be one.
    return line if any(unicodedata.category(letter) not in {"Cf", "Zs"} for letter in line) else ""


def can_see_private_fields(caller: Caller, user_id: UUID) -> bool:
    """Whether the caller sees e-mail, mute and suspension of the user."""
    return caller.user_id == user_id or caller.role is Role.ADMIN


def check_can_update(caller: Caller, user_id: UUID) -> None:
    """Raises NotYourselfError unless the caller may change the user."""
    if caller.user_id != user_id and caller.role is not Role.ADMIN:
        raise NotYourselfError


def etag_of(updated_at: Micros) -> str:
    """The name of a user's state: `updated_at` grows with every change of the row."""
    return f"{updated_at:x}"


def updated_at_from_etag(etag: str) -> Micros | None:
    """The `updated_at` that an etag stands for, None for an empty one. Raises EtagMismatchError."""
    if not etag:
        return None
    try:
        state = Micros(int(etag, 16))
    except ValueError:
        raise EtagMismatchError from None
    # Only what etag_of writes: int() also takes signs, spaces, underscores and foreign digits, and numbers that are
    # no instant of the database's.
    if etag_of(state) != etag or not 0 <= state < _END_OF_TIMES:
        raise EtagMismatchError
    return state
