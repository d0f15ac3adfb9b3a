"""Who may do what to a message, for every act: what a place in the room allows, and which rule is asked first."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.errors import CallerSuspendedError, ServiceError
from services.chat.domain.errors import (
    AnnouncementRoomError,
    BannedError,
    CallerMutedError,
    NotAMemberError,
    RoleRequiredError,
    RoomArchivedError,
    RoomLockedError,
    RoomNotFoundError,
)
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import refused

Act = Callable[[ChatClient, str, Message], Awaitable[Any]]
Situation = Callable[["PermissionFixture"], Awaitable[None]]

ACTS: dict[str, Act] = {
    "edit": lambda client, who, message: client.update_message(who, message, text="edited"),
    "delete": lambda client, who, message: client.delete_message(who, message),
    "restore": lambda client, who, message: client.restore_message(who, message),
    "react": lambda client, who, message: client.add_reaction(who, message),
    "take back": lambda client, who, message: client.remove_reaction(who, message),
    "pin": lambda client, who, message: client.pin_message(who, message),
    "unpin": lambda client, who, message: client.unpin_message(who, message),
}
_MODERATING = {"restore", "pin", "unpin"}


class PermissionFixture:
    """A room of Ada's and in it a message of Bob's, who moderates so that he may do anything to it."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client

    async def open(self) -> PermissionFixture:
        """Make the room and let Bob speak."""
        self.room_id = (await self.client.create_room(new_user())).id
        self.bob = await self.client.join_as(self.room_id, "MODERATOR")
        self.message = await self.client.send_message(self.bob, self.room_id, "mine")
        return self

    async def set_bob(self, **columns: object) -> None:
        """Change Bob himself behind everybody's back."""
        for name, value in columns.items():
            query = f"UPDATE users.users SET {name} = now() + interval '{value}' WHERE email = $1"
            await self.client.admin.execute(query, self.bob)
        self.client.chat.forget_callers()

    async def remove_bob(self) -> None:
        """End Bob's membership."""
        await self.client.admin.execute(
            "UPDATE chat.room_memberships SET left_at = now() WHERE room_id = $1 AND user_id = $2",
            uuid.UUID(self.room_id),
            uuid.UUID(self.message.author_id),
        )

    async def stamp(self, column: str) -> None:
        """Set one of the room's times."""
        await self.client.admin.execute(
            f"UPDATE chat.rooms SET {column} = now() WHERE id = $1", uuid.UUID(self.room_id)
        )


async def _missing(fixture: PermissionFixture) -> None:
    fixture.message.room_id = str(uuid.uuid4())


async def _stranger(fixture: PermissionFixture) -> None:
    await fixture.remove_bob()


async def _hidden(fixture: PermissionFixture) -> None:
    await fixture.remove_bob()
    await fixture.client.db.set_room(fixture.room_id, private=True)


async def _invited(fixture: PermissionFixture) -> None:
    await _hidden(fixture)
    await fixture.client.db.add_invitation(fixture.room_id, fixture.bob)


async def _banned(fixture: PermissionFixture) -> None:
    await fixture.client.db.add_sanction(fixture.room_id, fixture.bob, "BAN")


async def _banned_from_private(fixture: PermissionFixture) -> None:
    await _invited(fixture)
    await _banned(fixture)


async def _suspended(fixture: PermissionFixture) -> None:
    await fixture.set_bob(suspended_until="1 hour")


async def _muted(fixture: PermissionFixture) -> None:
    await fixture.client.db.add_sanction(fixture.room_id, fixture.bob, "MUTE")


async def _muted_everywhere(fixture: PermissionFixture) -> None:
    await fixture.set_bob(muted_until="1 hour")


async def _measures_that_ended(fixture: PermissionFixture) -> None:
    await fixture.set_bob(muted_until="-1 second", suspended_until="-1 second")
    await fixture.client.db.add_sanction(fixture.room_id, fixture.bob, "MUTE", expires="-1 hour")


async def _archived(fixture: PermissionFixture) -> None:
    await fixture.stamp("archived_at")


async def _locked(fixture: PermissionFixture) -> None:
    await fixture.stamp("locked_at")


async def _announcement(fixture: PermissionFixture) -> None:
    await fixture.client.db.set_room(fixture.room_id, announcement=True)


async def _plain(fixture: PermissionFixture) -> None:
    await fixture.client.db.set_role(fixture.room_id, fixture.bob, "MEMBER")


# For each situation the error, and the acts that it stops; all others succeed.
_ALL = frozenset(ACTS)
_WRITING = frozenset({"edit", "react", "take back"})
SITUATIONS: list[tuple[Situation, type[ServiceError] | None, frozenset[str]]] = [
    (_missing, RoomNotFoundError, _ALL),
    (_hidden, RoomNotFoundError, _ALL),
    (_banned_from_private, RoomNotFoundError, _ALL),
    (_stranger, NotAMemberError, _ALL),
    (_invited, NotAMemberError, _ALL),
    (_banned, BannedError, _ALL),
    (_suspended, CallerSuspendedError, _ALL),
    (_muted, CallerMutedError, _WRITING | {"pin", "unpin"}),
    (_muted_everywhere, CallerMutedError, _WRITING | {"pin", "unpin"}),
    (_measures_that_ended, None, frozenset()),
    (_archived, RoomArchivedError, _ALL - {"delete"}),
    (_locked, RoomLockedError, _WRITING),
    (_announcement, None, frozenset()),
    (_plain, RoleRequiredError, frozenset(_MODERATING)),
]


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize(
    ("situation", "error", "stopped"),
    SITUATIONS,
    ids=[situation.__name__.strip("_") for situation, _, _ in SITUATIONS],
)
async def test_act_in_a_situation(
    client: ChatClient,
    situation: Situation,
    error: type[ServiceError] | None,
    stopped: frozenset[str],
    name: str,
) -> None:
    fixture = await PermissionFixture(client).open()
    await situation(fixture)
    before = await fixture.client.db.room_rows(fixture.room_id)
    act = ACTS[name](fixture.client, fixture.bob, fixture.message)
    if error is None or name not in stopped:
        await act
        return
    await refused(act, error, DOMAIN)
    assert await fixture.client.db.room_rows(fixture.room_id) == before


@pytest.mark.parametrize("name", ACTS)
async def test_hidden_and_missing_rooms_look_the_same(client: ChatClient, name: str) -> None:
    fixture = await PermissionFixture(client).open()
    await _hidden(fixture)
    hidden = await refused(
        ACTS[name](fixture.client, fixture.bob, fixture.message), RoomNotFoundError, DOMAIN
    )
    await _missing(fixture)
    missing = await refused(
        ACTS[name](fixture.client, fixture.bob, fixture.message), RoomNotFoundError, DOMAIN
    )
    assert (hidden.message, set(hidden.metadata)) == (missing.message, set(missing.metadata))


# Everything that can be in the way at once, and what lifts each, in the order in which it is told. To those that it
# is not in the way of, it stays.
_OBSTACLES: list[tuple[type[ServiceError], str, str]] = [
    (CallerSuspendedError, "users.users SET suspended_until = NULL WHERE id = '{user}'", "all"),
    (BannedError, "chat.sanctions SET ended_at = now() WHERE room_id = '{room}' AND kind = 'BAN'", "all"),
    (NotAMemberError, "chat.room_memberships SET left_at = NULL WHERE {place}", "all"),
    (CallerMutedError, "chat.sanctions SET ended_at = now() WHERE room_id = '{room}'", "speaking"),
    (RoleRequiredError, "chat.room_memberships SET role = 'MODERATOR' WHERE {place}", "moderating"),
    (RoomArchivedError, "chat.rooms SET archived_at = NULL WHERE id = '{room}'", "not delete"),
    (RoomLockedError, "chat.rooms SET locked_at = NULL WHERE id = '{room}'", "writing"),
    (AnnouncementRoomError, "chat.rooms SET announcement = false WHERE id = '{room}'", "posting"),
]
_KINDS = {
    "all": _ALL,
    "speaking": _WRITING | {"pin", "unpin"},
    "moderating": frozenset(_MODERATING),
    "not delete": _ALL - {"delete"},
    "writing": _WRITING,
    "posting": frozenset({"edit"}),
}


@pytest.mark.parametrize("name", ACTS)
async def test_rules_are_asked_in_the_contract_s_order(client: ChatClient, name: str) -> None:
    fixture = await PermissionFixture(client).open()
    for situation in (_plain, _muted, _banned, _archived, _locked, _announcement):
        await situation(fixture)
    await fixture.set_bob(suspended_until="1 hour", muted_until="-1 second")
    ids = {"room": fixture.room_id, "user": fixture.message.author_id}
    place = "room_id = '{room}' AND user_id = '{user}'".format(**ids)
    for error, remedy, kind in _OBSTACLES:
        if name in _KINDS[kind]:
            await refused(ACTS[name](fixture.client, fixture.bob, fixture.message), error, DOMAIN)
            await client.admin.execute(f"UPDATE {remedy.format(**ids, place=place)}")
            client.chat.forget_callers()
    await ACTS[name](fixture.client, fixture.bob, fixture.message)
