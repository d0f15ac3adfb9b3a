"""A running suite with seed data, and helpers that call every method of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest, CreateRoomResponse
from seda.gateway.v1.gateway_service_pb2 import PostMessageRequest, PostMessageResponse
from seda.tracks.v1.track_service_pb2 import ResolveTrackRequest, ResolveTrackResponse
from seda.users.v1 import admin_service_pb2
from seda.users.v1.erasure_service_pb2 import ERASURE_MODE_TOMBSTONE, EraseUserRequest, EraseUserResponse
from servicekit.caller import Role
from servicekit.methods import Access
from tests.contract.auth_headers import EMAILS, service_header, user_header
from tests.contract.probe_service import probe_service
from tests.contract.requests import ARTIST_URLS, Requests
from tests.contract.responses import REQUEST_ID, violations
from tests.contract.suite import Outcome, Suite, Target, listed, running, send
from tests.effort import EXHAUSTIVE
from tests.postgres import Database, administrator
from tests.probe import METHODS
from tests.services.chat.chat_client import new_user
from tests.services.running import add_user

SEED = 20_261_122
_AT_ONCE = 8
_LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
_OTHER_LINK = "https://open.spotify.com/track/7gwRSZ0EmGWa697ZrE58GA"
_CHAT = "/seda.chat.v1."
_ADMIN_ACTIONS = [
    method.name
    for method in admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"].methods
    if "user_id" in method.input_type.fields_by_name
]


@dataclass
class SuiteFixture:
    """The suite, seeded with a room, messages and a track, and a request generator that uses their ids.

    `targets` are the methods of the suite and of the probe service beside it; `known` are ids that exist, by the
    names of the fields that take them.
    """

    suite: Suite
    targets: list[Target]
    requests: Requests
    known: dict[str, list[str]]

    @property
    def selected(self) -> list[Target]:
        """The targets of this run: `make test` calls a forwarded method only at the service that implements it."""
        return [each for each in self.targets if EXHAUSTIVE or each.at.name in {each.service_name, "probe"}]


@asynccontextmanager
async def running_suite(database: Database) -> AsyncIterator[SuiteFixture]:
    """Run the suite, seeded with a room, messages, a track and one user per role."""
    async with running(database) as suite, probe_service() as probe:
        suite.processes[probe.name] = probe
        async with administrator(database.server, database.name) as connection:
            added = [
                await add_user(connection, EMAILS[role], role=role) for role in (Role.MODERATOR, Role.ADMIN)
            ]
            # Nobody calls as this user: administrative actions take roles and suspend.
            administered = await add_user(connection, "administered@example.org")
            erased = await add_user(connection, "erased@example.org")
        services = await listed(probe.reflecting)
        probes = [Target(probe, method, "probe") for method in METHODS.values() if method.service in services]
        # Erasure needs its own users: the other methods depend on the room owner.
        known = await _something_to_find(suite) | {"EraseAuthorRequest.user_id": added}
        known |= {f"{name}Request.user_id": [administered] for name in _ADMIN_ACTIONS}
        known |= {"EraseUserRequest.user_id": [erased]}
        yield SuiteFixture(suite, [*await suite.targets(), *probes], Requests(SEED, known), known)


async def _something_to_find(suite: Suite) -> dict[str, list[str]]:
    gateway = suite.processes["gateway"].channel

    async def call(path: str, request: Any, response: Any, email: str = EMAILS[Role.USER]) -> Any:
        metadata = (("authorization", user_header(email)),)
        unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = gateway.unary_unary(path)
        return response.FromString(await unary(request.SerializeToString(), metadata=metadata, timeout=20))

    room = (
        await call(
            f"{_CHAT}RoomService/CreateRoom", CreateRoomRequest(room=Room(name="fuzz")), CreateRoomResponse
        )
    ).room
    post = PostMessageRequest(room_id=room.id, text="a", track_url=_LINK)
    first = await call("/seda.gateway.v1.GatewayService/PostMessage", post, PostMessageResponse)
    reply = SendMessageRequest(room_id=room.id, text="b", parent_id=first.message.id)
    second = await call(f"{_CHAT}MessageService/SendMessage", reply, SendMessageResponse)
    # A second track, for a second page.
    other = ResolveTrackRequest(input=_OTHER_LINK)
    await call("/seda.tracks.v1.TrackService/ResolveTrack", other, ResolveTrackResponse)
    erase = EraseUserRequest(mode=ERASURE_MODE_TOMBSTONE)
    started = await call(
        "/seda.users.v1.ErasureService/EraseUser", erase, EraseUserResponse, email=new_user()
    )
    messages, tracks = [first.message.id, second.message.id], [first.track.id]
    users = [room.creator_id]
    return {
        "room_id": [room.id],
        "message_id": messages,
        "parent_id": messages,
        "track_id": tracks,
        "track_ids": tracks,
        "user_id": users,
        "user_ids": users,
        "mention_user_ids": users,
        "id": users,
        "paths": ["display_name", "text", "track_id", "name", "description"],
        "emoji": ["🎵", "👍", ":vinyl:"],
        "erasure_id": [started.erasure.id],
        **ARTIST_URLS,
    }


def header(target: Target) -> str:
    """An authorization header that the method accepts."""
    method = target.method
    if method.access is Access.SERVICE:
        return service_header(min(method.callers), target.service_name)
    if method.name == "EraseUser":
        # Nobody whom other calls need.
        return user_header(new_user())
    stranger = method.access in {Access.PUBLIC, Access.USER}
    return user_header(EMAILS[Role.USER if stranger else Role.ADMIN])


async def responses(target: Target, requests: Iterable[bytes]) -> list[tuple[bytes, Outcome]]:
    """The outcome of each request, sent by an authorized caller."""
    gate = asyncio.Semaphore(_AT_ONCE)
    metadata = (("x-request-id", REQUEST_ID), ("authorization", header(target)))

    async def one(data: bytes) -> tuple[bytes, Outcome]:
        async with gate:
            return data, await send(target.at.channel, target.method, data, metadata)

    return await asyncio.gather(*map(one, requests))


async def find_violations(
    suite_fixture: SuiteFixture,
    make: Callable[[Target], Iterable[bytes]],
    check: Callable[[Target, Outcome], list[str]] = lambda *_: [],
) -> list[str]:
    """The violations in the responses of every method to the requests that `make` returns."""
    found = []
    for target in suite_fixture.selected:
        for data, outcome in await responses(target, make(target)):
            for violation in [*violations(outcome), *check(target, outcome)]:
                found.append(f"{target}: {violation} for {data[:60]!r}")  # noqa: PERF401 - three levels deep
    return found
