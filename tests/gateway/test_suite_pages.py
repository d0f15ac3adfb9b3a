"""Composed pages of the real services: an artist's, a thread's, home, and a search of everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from seda.chat.v1.membership_service_pb2 import JoinRoomRequest
from seda.chat.v1.membership_service_pb2_grpc import MembershipServiceStub
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.moderation_service_pb2 import BanMemberRequest
from seda.chat.v1.moderation_service_pb2_grpc import ModerationServiceStub
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.chat.v1.room_service_pb2_grpc import RoomServiceStub
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import CreateArtistRequest
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import GetUserRequest, UpdateUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from tests.gateway.gateway_fixture import SECONDS
from tests.gateway.gateway_suite import GatewaySuite, gateway_suite
from tests.postgres import Database, administrator
from tests.services.running import user

ADA, BOB, EVE = "ada@example.org", "bob@example.org", "eve@example.org"
LINK = "https://open.spotify.com/track/{:022}"


@pytest.fixture(scope="module")
async def suite(database: Database) -> AsyncIterator[GatewaySuite]:
    async with gateway_suite(database) as running:
        yield running


@pytest.fixture(scope="module")
async def admin(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with administrator(database.server, database.name) as connection:
        yield connection


class Client:
    """One user's calls at the gateway."""

    def __init__(self, suite: GatewaySuite, email: str) -> None:
        self.channel, self.options = suite.channel, {"metadata": user(email), "timeout": SECONDS}
        self.composed: Any = GatewayServiceStub(suite.channel)

    async def call(self, method: str, **fields: Any) -> Any:
        """Call a composed method."""
        request = getattr(pb, f"{method}Request")(**fields)
        return await getattr(self.composed, method)(request, **self.options)

    async def send(self, stub: Any, method: str, request: Any) -> Any:
        """Call any other method."""
        return await getattr(stub(self.channel), method)(request, **self.options)

    async def name(self, name: str) -> str:
        """Set the display name; gives the user's id."""
        me = (await self.send(UserServiceStub, "GetUser", GetUserRequest())).user
        renamed = UpdateUserRequest(user=User(id=me.id, display_name=name))
        await self.send(UserServiceStub, "UpdateUser", renamed)
        user_id: str = me.id
        return user_id

    async def create_room(self, **fields: Any) -> str:
        """Create a room."""
        request = CreateRoomRequest(room=Room(**fields))
        room_id: str = (await self.send(RoomServiceStub, "CreateRoom", request)).room.id
        return room_id

    async def post(self, room_id: str, text: str, **fields: Any) -> Message:
        """Post a message."""
        message: Message = (await self.call("PostMessage", room_id=room_id, text=text, **fields)).message
        return message


async def test_artist_page_has_the_tracks_that_the_artist_posted_in_public(suite: GatewaySuite) -> None:
    ada, bob, eve = Client(suite, ADA), Client(suite, BOB), Client(suite, EVE)
    bob_id = await bob.name("Bob")
    await ada.name("Ada")
    profile = ArtistProfile(artist_name="Ada Lovelace Trio")
    created = await ada.send(ArtistServiceStub, "CreateArtist", CreateArtistRequest(artist_profile=profile))
    profile_id = created.artist_profile.id
    public, private = await ada.create_room(name="stage"), await ada.create_room(name="studio", private=True)
    closed = await bob.create_room(name="club")
    eve_id = await eve.name("Eve")
    for client, room_id in ((bob, public), (ada, closed), (eve, closed)):
        await client.send(MembershipServiceStub, "JoinRoom", JoinRoomRequest(room_id=room_id))
    ban = BanMemberRequest(room_id=closed, user_id=eve_id, reason="because")
    await bob.send(ModerationServiceStub, "BanMember", ban)
    await ada.post(public, "only words")
    await ada.post(private, "a sketch", track_url=LINK.format(1))
    await ada.post(closed, "in the club", track_url=LINK.format(2))
    await ada.post(public, "for Bob", track_url=LINK.format(3), mention_user_ids=[bob_id])
    await bob.post(public, "not hers", track_url=LINK.format(4))

    page = await bob.call("GetArtistPage", artist_profile_id=profile_id)
    assert [each.text for each in page.messages] == ["for Bob", "in the club"]
    assert (page.artist_profile.artist_name, page.user.display_name) == ("Ada Lovelace Trio", "Ada")
    assert [each.display_name for each in page.authors] == ["Ada", "Bob"]
    assert [each.artist_profile_id for each in page.artists] == [profile_id]
    assert [each.provider_id for each in page.tracks] == [f"{3:022}", f"{2:022}"]
    assert not page.unreachable
    # The artist sees no more; who is banned sees less.
    assert (await ada.call("GetArtistPage", artist_profile_id=profile_id)).messages == page.messages
    assert [
        each.text for each in (await eve.call("GetArtistPage", artist_profile_id=profile_id)).messages
    ] == ["for Bob"]


async def test_thread_and_home_show_replies_and_mentions(suite: GatewaySuite) -> None:
    ada, bob = Client(suite, ADA), Client(suite, BOB)
    await ada.name("Ada")
    bob_id = await bob.name("Bob")
    room_id = await ada.create_room(name="threads")
    await bob.send(MembershipServiceStub, "JoinRoom", JoinRoomRequest(room_id=room_id))
    root = await ada.post(room_id, "what do you hear?")
    reply = await bob.post(room_id, "this", track_url=LINK.format(9), parent_id=root.id)
    last = await ada.post(room_id, "nice", parent_id=reply.id, mention_user_ids=[bob_id])

    thread = await bob.call("GetThread", room_id=room_id, root_id=root.id)
    assert (thread.root.id, [each.id for each in thread.replies]) == (root.id, [reply.id, last.id])
    assert (thread.replies[1].reply_to_id, thread.root.reply_count) == (reply.id, 2)
    assert [each.display_name for each in thread.authors] == ["Ada", "Bob"]
    assert [each.provider_id for each in thread.tracks] == [f"{9:022}"]
    page = await bob.call("GetRoomPage", room_id=room_id, reply_preview_limit=1)
    assert (page.room.name, page.membership.user_id, page.last_read_seq) == ("threads", bob_id, 0)
    # The newest root is what the service wrote when Bob joined, or Ada's.
    assert root.id in {each.id for each in page.messages}
    home = await bob.call("GetHome")
    mine = next(each for each in home.rooms if each.room.id == room_id)
    assert (mine.last_message.id, mine.unread_mention_count) == (last.id, 1)
    assert {"Ada", "Bob"} <= {each.display_name for each in home.authors}
    me = await bob.call("GetMe")
    assert (me.user.id, me.user.email, me.epoch) == (bob_id, BOB, home.epoch)
    assert me.rooms_rev >= 1


async def test_search_everything_finds_artists_tracks_and_messages(
    suite: GatewaySuite, admin: asyncpg.Connection
) -> None:
    ada = Client(suite, "zed@example.org")
    await ada.name("Zed")
    profile = ArtistProfile(artist_name="Quokka Ensemble")
    await ada.send(ArtistServiceStub, "CreateArtist", CreateArtistRequest(artist_profile=profile))
    await admin.execute(
        "UPDATE users.artist_profiles SET verified = true, verified_at = now() WHERE artist_name = 'Quokka Ensemble'"
    )
    room_id = await ada.create_room(name="animals")
    for number in range(2):
        await ada.post(room_id, f"a quokka {number}", track_url=LINK.format(20))
    await admin.execute(
        "UPDATE tracks.track_refs SET title = 'Quokka Song', search_text = 'quokka song', listed_at = now()"
        " WHERE provider_id = $1",
        f"{20:022}",
    )
    found = await ada.call("SearchEverything", query="quokka", limit=1)
    assert [each.artist_profile.artist_name for each in found.artist_results.matches] == ["Quokka Ensemble"]
    assert [each.title for each in found.track_results.tracks] == ["Quokka Song"]
    assert [each.text for each in found.message_results.messages] == ["a quokka 1"]
    assert [found.artist_results.has_more, found.track_results.has_more, found.message_results.has_more] == [
        False,
        False,
        True,
    ]
    assert [each.display_name for each in found.authors] == ["Zed"]
    assert [each.artist_name for each in found.artists] == ["Quokka Ensemble"]
    assert [each.title for each in found.tracks] == ["Quokka Song"]
    assert not found.unreachable
