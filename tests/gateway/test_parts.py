"""The parts of a page: the ids on it, and the join with what was found. Pure functions."""

from __future__ import annotations

import pytest

from gateway.actions.lookups import is_away
from gateway.actions.parts import NO_PARTS, Parts, ids_on_page, join_parts
from seda.chat.v1.message_pb2 import Message
from seda.users.v1.user_pb2 import UserSummary
from servicekit.errors import (
    Code,
    DeadlineExceededError,
    OverloadedError,
    RateLimitedError,
    ServiceError,
    ServiceUnavailableError,
    TokenExpiredError,
)
from servicekit.rpc_status import UpstreamError
from tests.gateway.fake_data import as_posted, mark, present, snapshot, summary, track, user


def test_ids_on_a_page_are_of_authors_then_of_mentioned_users_each_once() -> None:
    reply = Message(author_id=user(2), mention_user_ids=[user(1), user(9)], track=snapshot(2))
    shown = [
        Message(author_id=user(1), mention_user_ids=[user(8)], track=snapshot(1), replies=[reply]),
        Message(author_id=user(3), track=snapshot(1)),
        # An erased author.
        Message(text="hello"),
    ]
    ids = ids_on_page(shown, [user(7), user(3)])
    assert ids.user_ids == [user(each) for each in (7, 3, 1, 2, 8, 9)]
    assert ids.tracks == {track(1): snapshot(1), track(2): snapshot(2)}


def test_join_keeps_the_order_of_the_page_and_has_stubs_for_what_is_missing() -> None:
    shown = [Message(author_id=user(each), track=snapshot(each)) for each in (3, 1, 2)]
    found = Parts(
        [summary(user(each)) for each in (1, 9, 3)],
        [mark(user(each)) for each in (1, 9)],
        [present(track(each)) for each in (2, 9)],
        ["chat", "users", "users"],
    )
    assert join_parts(ids_on_page(shown), found) == Parts(
        [summary(user(3)), summary(user(1)), UserSummary(id=user(2))],
        [mark(user(1))],
        [as_posted(3), as_posted(1), present(track(2))],
        ["users", "chat"],
    )


def test_join_of_nothing_is_nothing() -> None:
    assert join_parts(ids_on_page([]), NO_PARTS) == NO_PARTS


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (ServiceUnavailableError("users"), True),
        (DeadlineExceededError(), True),
        (OverloadedError(1.0), True),
        (UpstreamError(Code.INTERNAL, "INTERNAL_ERROR", "users.seda.fm", "no"), True),
        (UpstreamError(Code.UNKNOWN, "WHAT", "users.seda.fm", "no"), True),
        (UpstreamError(Code.FAILED_PRECONDITION, "SEARCH_TOO_BROAD", "chat.seda.fm", "no"), True),
        (UpstreamError(Code.FAILED_PRECONDITION, "ROOM_LOCKED", "chat.seda.fm", "no"), False),
        (UpstreamError(Code.NOT_FOUND, "ROOM_NOT_FOUND", "chat.seda.fm", "no"), False),
        (RateLimitedError(1.0), False),
        (TokenExpiredError(), False),
    ],
)
def test_a_service_is_away_unless_the_caller_is_the_cause(error: ServiceError, away: bool) -> None:
    assert is_away(error) is away
