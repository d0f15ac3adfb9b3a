"""The rules of sending, without a database: which applies to whom, and which comes first."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from services.chat.domain.errors import MentionNotAMemberError, RoomNotFoundError, SlowModeError
from services.chat.domain.message_send import SendContext, SendDraft, check_send, find_duplicate
from services.chat.domain.visibility import CallerMembership

MEMBER = CallerMembership(
    private=False,
    role="MEMBER",
    invited=False,
    banned=False,
    muted=False,
    muted_on_platform=False,
    suspended=False,
)
STRANGER_TO_PRIVATE = MEMBER._replace(private=True, role=None)


def draft(**fields: Any) -> SendDraft:
    return SendDraft._make([None] * len(SendDraft._fields))._replace(room_id=uuid.uuid4(), **fields)


def context(**fields: Any) -> SendContext:
    """A member in slow mode who wrote just now, unless `fields` say otherwise."""
    made = SendContext._make([None] * len(SendContext._fields))
    made = made._replace(membership=MEMBER, slow_mode_seconds=30, slow_mode_wait=9.0)
    return made._replace(**fields)


def test_slow_mode_limits_members() -> None:
    with pytest.raises(SlowModeError):
        check_send(draft(), context())


@pytest.mark.parametrize("role", ["MODERATOR", "OWNER"])
def test_slow_mode_exempts(role: str) -> None:
    assert check_send(draft(), context(membership=MEMBER._replace(role=role))).root_id is None


def test_a_mention_of_a_non_member_is_told_before_slow_mode() -> None:
    with pytest.raises(MentionNotAMemberError):
        check_send(draft(), context(non_member_mention=uuid.uuid4()))


def test_a_repeated_send_into_a_room_that_is_hidden_by_now_is_told_nothing() -> None:
    with pytest.raises(RoomNotFoundError):
        find_duplicate(draft(), context(membership=STRANGER_TO_PRIVATE, duplicate_seq=7))
