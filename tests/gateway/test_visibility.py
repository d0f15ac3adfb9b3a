"""Who sees what through the gateway: forwarded methods as chat's table says, composed ones alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.rpc.service_descriptors import public_services, services_of
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import CreateArtistRequest
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from servicekit.methods import Method, methods_of
from tests.contract.responses import reason_of
from tests.gateway.gateway_fixture import SECONDS
from tests.gateway.gateway_suite import gateway_suite
from tests.postgres import Database, administrator
from tests.services.chat.visibility.fixtures import SECRET, VisibilityFixtures
from tests.services.chat.visibility.table import KINDS, OK, OUTSIDERS, ROLES, TABLE
from tests.services.chat.visibility.test_visibility import _bytes
from tests.services.running import user

_READ, _WRITE, _ANYBODY = (
    TABLE[name]
    for name in ("MessageService.ListMessages", "MessageService.SendMessage", "RoomService.ListMyRooms")
)
COMPOSED = {
    "GetMe": _ANYBODY,
    "GetHome": _ANYBODY,
    "GetRoomPage": _READ,
    "GetThread": _READ,
    "GetArtistPage": _ANYBODY,
    "SearchEverything": _ANYBODY,
    "PostMessage": _WRITE,
    "WatchRooms": _ANYBODY,
}
# About no room; ExportMyData and EraseMe are about the caller alone.
_OTHERS = {"GetSystemStatus", "ExportMyData", "EraseMe"}
METHODS = {each.name: each for each in methods_of(pb.DESCRIPTOR.services_by_name["GatewayService"])}
FORWARDED = {
    f"{descriptor.name}.{method.name}": method
    for descriptor in public_services(services_of("chat"))
    for method in methods_of(descriptor)
}


class GatewayFixtures(VisibilityFixtures):
    """Rooms with members of all roles, and an artist among them, asked about through the gateway."""

    profile_id = ""

    async def create_artist(self) -> None:
        """Give the author an artist profile."""
        request = CreateArtistRequest(artist_profile=ArtistProfile(artist_name=SECRET))
        stub = ArtistServiceStub(self.chat.channel)
        created = await stub.CreateArtist(request, metadata=user(self.emails["author"]), timeout=SECONDS)
        self.profile_id = created.artist_profile.id

    def fields(self, method: Method) -> dict[str, str]:
        """What the names of a composed method's fields do not tell."""
        return {
            "GetArtistPage": {"artist_profile_id": self.profile_id},
            "SearchEverything": {"query": "secret"},
        }.get(method.name, {})


@pytest.fixture(scope="module")
async def fixtures(database: Database) -> AsyncIterator[GatewayFixtures]:
    """The suite with its users."""
    async with gateway_suite(database) as suite, administrator(database.server, database.name) as admin:
        made = GatewayFixtures(suite.gateway, admin)
        await made.create_users()
        await made.create_artist()
        yield made


def test_every_composed_method_has_a_row() -> None:
    assert set(METHODS) == COMPOSED.keys() | _OTHERS


@pytest.mark.parametrize("name", COMPOSED)
async def test_composed_methods_answer_everybody_as_promised(name: str, fixtures: GatewayFixtures) -> None:
    method, row = METHODS[name], COMPOSED[name]
    found, promised = {}, {}
    for kind in KINDS:
        for role in ROLES[:-1]:
            room = await fixtures.room(kind)
            outcome = await fixtures.ask(method, role, room, **fixtures.fields(method))
            found[kind, role], promised[kind, role] = reason_of(outcome), row.answer(role, kind)
            if found[kind, role] != OK:
                assert SECRET.encode() not in _bytes(outcome, room)
    assert {key: (found[key], promised[key]) for key in found if found[key] != promised[key]} == {}


@pytest.mark.parametrize("name", COMPOSED)
async def test_what_is_hidden_equals_what_is_missing_in_composed_methods(
    name: str, fixtures: GatewayFixtures
) -> None:
    method, row = METHODS[name], COMPOSED[name]
    compared = 0
    for role in (*OUTSIDERS, "banned", "invited"):
        if row.answer(role, "private") != row.answer(role, "missing"):
            continue
        hidden, missing = await fixtures.room("private"), await fixtures.room("missing")
        answers = []
        for room in (hidden, missing):
            outcome = await fixtures.ask(method, role, room, **fixtures.fields(method))
            # A stream says which of the rooms that were asked for is lost.
            assert name == "WatchRooms" or hidden.room_id.encode() not in (outcome.reply or b"")
            answers.append(_bytes(outcome, room))
        assert answers[0] == answers[1], role
        compared += 1
    assert compared >= 3


@pytest.mark.slow
@pytest.mark.parametrize("name", FORWARDED)
async def test_forwarded_methods_answer_everybody_as_promised(name: str, fixtures: GatewayFixtures) -> None:
    method = FORWARDED[name]
    found, promised = {}, {}
    for kind in KINDS:
        for role in ROLES:
            outcome = await fixtures.ask(method, role, await fixtures.room(kind))
            found[kind, role], promised[kind, role] = reason_of(outcome), TABLE[name].answer(role, kind)
    assert {key: (found[key], promised[key]) for key in found if found[key] != promised[key]} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(FORWARDED.keys() - {"RoomService.CreateRoom"}))
async def test_what_is_hidden_equals_what_is_missing_in_forwarded_methods(
    name: str, fixtures: GatewayFixtures
) -> None:
    for role in (*OUTSIDERS, "banned"):
        if TABLE[name].answer(role, "private") != TABLE[name].answer(role, "missing"):
            continue
        hidden, missing = await fixtures.room("private"), await fixtures.room("missing")
        answers = [
            _bytes(await fixtures.ask(FORWARDED[name], role, room), room) for room in (hidden, missing)
        ]
        assert answers[0] == answers[1], role
