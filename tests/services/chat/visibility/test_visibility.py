"""Who sees what: every method for everybody in every kind of room, and what is hidden equals what is missing."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import grpc
import pytest

from gateway.rpc.service_descriptors import services_of
from servicekit.methods import Method, methods_of
from tests.contract.responses import details, reason_of
from tests.contract.suite import Outcome
from tests.postgres import Database, administrator
from tests.services.chat.visibility.fixtures import SECRET, RoomFixture, VisibilityFixtures
from tests.services.chat.visibility.table import (
    KINDS,
    OK,
    OUTSIDERS,
    PUBLIC_MODERATION,
    ROLES,
    TABLE,
    InspectRow,
)
from tests.services.running import Running


def methods() -> dict[str, Method]:
    """Every method of chat's contract, as `Service.Method`."""
    found = {}
    for descriptor in services_of("chat"):
        for method in methods_of(descriptor):
            found[f"{descriptor.name}.{method.name}"] = method
    return found


METHODS = methods()
ADMINISTERED = {
    name: method
    for name, method in METHODS.items()
    if "as_admin" in method.request_type.DESCRIPTOR.fields_by_name
}


@pytest.fixture(scope="module")
async def fixtures(chat: Running, admin: asyncpg.Connection) -> VisibilityFixtures:
    """Where scenes are made."""
    made = VisibilityFixtures(chat, admin)
    await made.create_users()
    return made


def test_every_method_has_a_row() -> None:
    assert sorted(METHODS) == sorted(TABLE)


@pytest.mark.parametrize("name", METHODS)
async def test_every_method_answers_everybody_as_promised(name: str, fixtures: VisibilityFixtures) -> None:
    found, promised = {}, {}
    for kind in KINDS:
        for role in ROLES:
            room = await fixtures.room(kind)
            outcome = await fixtures.ask(METHODS[name], role, room)
            found[kind, role] = reason_of(outcome)
            promised[kind, role] = TABLE[name].answer(role, kind)
            if found[kind, role] != OK:
                assert SECRET.encode() not in _bytes(outcome, room)
    assert {key: (found[key], promised[key]) for key in found if found[key] != promised[key]} == {}


# About no room at all.
_ROOMLESS = {"RoomService.CreateRoom"}


@pytest.mark.parametrize("name", sorted(METHODS.keys() - _ROOMLESS))
async def test_what_is_hidden_equals_what_is_missing(name: str, fixtures: VisibilityFixtures) -> None:
    method, row = METHODS[name], TABLE[name]
    compared = 0
    for role in (*OUTSIDERS, "banned", "invited"):
        if row.answer(role, "private") != row.missing or row.missing == "ACCESS_DENIED":
            continue
        if role == "invited" and name in _ABOUT_THE_INVITED:
            continue
        hidden, missing = await fixtures.room("private"), await fixtures.room("missing")
        answers = [_bytes(await fixtures.ask(method, role, room), room) for room in (hidden, missing)]
        assert answers[0] == answers[1], role
        compared += 1
    assert compared >= 3 or row.missing == "ACCESS_DENIED" or isinstance(row, InspectRow)


@pytest.mark.parametrize("name", sorted(METHODS.keys() - _ROOMLESS))
async def test_what_is_hidden_is_not_waited_for(
    name: str, fixtures: VisibilityFixtures, database: Database
) -> None:
    """Another transaction holds the room's lock; who may not know of the room is answered as if there were none."""
    method = METHODS[name]
    hidden, missing = await fixtures.room("private"), await fixtures.room("missing")
    async with administrator(database.server, database.name) as holder, holder.transaction():
        await holder.execute(
            "SELECT 1 FROM chat.room_counters WHERE room_id = $1 FOR UPDATE", uuid.UUID(hidden.room_id)
        )
        outsiders = [("user", False), ("platform moderator", False), ("banned", False)]
        if name in PUBLIC_MODERATION and name in ADMINISTERED:
            outsiders.append(("platform moderator", True))
        for role, as_admin in outsiders:
            fields = {"as_admin": True} if as_admin else {}
            # By far less than a wait for a lock takes.
            async with asyncio.timeout(0.9):
                answers = [
                    _bytes(await fixtures.ask(method, role, room, **fields), room)
                    for room in (hidden, missing)
                ]
            assert answers[0] == answers[1], (role, as_admin)


# What they are invited to is no secret to them.
_ABOUT_THE_INVITED = {"MembershipService.ListMyInvitations", "MembershipService.DeclineInvitation"}


@pytest.mark.parametrize("name", ADMINISTERED)
async def test_as_admin_is_for_platform_roles_alone(name: str, fixtures: VisibilityFixtures) -> None:
    method = ADMINISTERED[name]
    missing = TABLE[name].missing
    for role in (*OUTSIDERS, "invited", "member"):
        answers = {}
        for kind in KINDS:
            room = await fixtures.room(kind)
            outcome = await fixtures.ask(method, role, room, as_admin=True)
            answers[kind] = (reason_of(outcome), _bytes(outcome, room))
        reasons = {kind: reason for kind, (reason, _) in answers.items()}
        if role == "platform admin":
            assert reasons == {"public": OK, "private": OK, "missing": missing}
        elif role == "platform moderator" and name in PUBLIC_MODERATION:
            assert reasons == {"public": OK, "private": missing, "missing": missing}
            assert answers["private"] == answers["missing"]
        else:
            assert set(reasons.values()) == {"ROLE_REQUIRED"}
            assert answers["public"] == answers["private"] == answers["missing"]


def test_the_comparison_notices_a_difference() -> None:
    """The control: an answer that differs by one word, or by one trailer, is not the same."""
    room = RoomFixture("room", ["message"], "report", {})
    same = Outcome(None, grpc.StatusCode.NOT_FOUND, "no such room", (("x-request-id", "r"),))
    for other in (
        same._replace(message="no such room here"),
        same._replace(code=grpc.StatusCode.PERMISSION_DENIED),
        same._replace(trailers=(("x-request-id", "r"), ("hidden", "1"))),
    ):
        assert _bytes(same, room) != _bytes(other, room)


def _bytes(outcome: Outcome, room: RoomFixture) -> bytes:
    """All that a caller gets, with the ids that they asked for replaced."""
    parts = [
        repr(outcome.code),
        outcome.message,
        *sorted(map(repr, outcome.trailers)),
        repr(details(outcome)),
    ]
    data = "\n".join(parts).encode() + (outcome.reply or b"")
    for asked in room.ids():
        data = data.replace(asked.encode(), b"ASKED")
    return data
