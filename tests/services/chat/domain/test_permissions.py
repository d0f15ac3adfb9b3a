"""Permissions without a database: what a platform role shows of a room, and what a ban hides."""

from __future__ import annotations

import uuid

import pytest

from servicekit.caller import Caller, Role
from services.chat.domain.errors import RoleRequiredError, RoomNotFoundError
from services.chat.domain.permissions import Rank, check_admin
from services.chat.domain.visibility import check_room_visible
from tests.services.chat.domain.test_message_send import MEMBER, STRANGER_TO_PRIVATE

ROOM = uuid.uuid4()
MODERATOR, ADMIN = (Caller(uuid.uuid4(), role) for role in (Role.MODERATOR, Role.ADMIN))


def test_a_private_room_is_hidden_from_a_platform_moderator() -> None:
    with pytest.raises(RoomNotFoundError):
        check_admin(ROOM, STRANGER_TO_PRIVATE, MODERATOR)


def test_a_platform_moderator_has_no_power_in_a_private_room_of_theirs() -> None:
    with pytest.raises(RoleRequiredError):
        check_admin(ROOM, MEMBER._replace(private=True), MODERATOR)


def test_an_administrator_may_act_in_a_private_room() -> None:
    assert check_admin(ROOM, STRANGER_TO_PRIVATE, ADMIN).rank is Rank.ADMIN


def test_a_ban_hides_a_private_room_whatever_else_is_true() -> None:
    with pytest.raises(RoomNotFoundError):
        check_room_visible(ROOM, MEMBER._replace(private=True, invited=True, banned=True))
