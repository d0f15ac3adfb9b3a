"""services.users.domain.users: profile updates, permissions, etags."""

from uuid import UUID

import pytest

from servicekit.caller import Caller, Role
from servicekit.clock import Micros
from services.users.domain.errors import EtagMismatchError, NotYourselfError
from services.users.domain.users import (
    can_see_private_fields,
    check_can_update,
    etag_of,
    updated_at_from_etag,
)

_ADA, _BOB = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("role", "other", "allowed"),
    [
        (Role.USER, False, True),
        (Role.USER, True, False),
        (Role.MODERATOR, True, False),
        (Role.ADMIN, True, True),
    ],
)
def test_only_administrators_see_and_update_others(role: Role, other: bool, allowed: bool) -> None:
    caller, target = Caller(_ADA, role), _BOB if other else _ADA
    assert can_see_private_fields(caller, target) is allowed
    if allowed:
        check_can_update(caller, target)
        return
    with pytest.raises(NotYourselfError):
        check_can_update(caller, target)


def test_etag_round_trip() -> None:
    etag = etag_of(Micros(1_700_000_000_000_001))
    assert updated_at_from_etag(etag) == 1_700_000_000_000_001
    assert updated_at_from_etag("") is None


@pytest.mark.parametrize(
    "etag", ["x", "0x1f", "1F", " 1f", "1_f", "-1f0g", "٣", "01f", "-1f", "f" * 64, f"{1 << 56:x}"]
)
def test_updated_at_from_etag_refuses_foreign_etags(etag: str) -> None:
    with pytest.raises(EtagMismatchError):
        updated_at_from_etag(etag)
