"""Demo data, created through the gateway's public methods.

Every write has a fixed request id or is idempotent, so repeating it changes nothing.
"""

from __future__ import annotations

import enum
import uuid
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from ops.dev_tokens import development_token
from ops.tokens import DEMO_DOMAIN, full_email
from seda.chat.v1.membership_service_pb2 import JoinRoomRequest
from seda.chat.v1.room_pb2 import Room
from seda.chat.v1.room_service_pb2 import CreateRoomRequest
from seda.gateway.v1.gateway_service_pb2 import PostMessageRequest
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import CreateArtistRequest, GetArtistRequest
from seda.users.v1.user_pb2 import User
from seda.users.v1.user_service_pb2 import GetUserRequest, UpdateUserRequest
from seda.users.v1.verification_service_pb2 import CheckVerificationRequest, StartVerificationRequest
from sedaclient import AlreadyExists, AsyncSeda, FailedPrecondition, StaticToken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PEOPLE = {"ada": "Ada", "bo": "Bo", "chidi": "Chidi", "dara": "Dara", "esme": "Esme"}
"""The demo users: the name in their address, and the name they go by."""


@dataclass(frozen=True, slots=True)
class _Post:
    author: str
    text: str = ""
    track_url: str = ""


@dataclass(frozen=True, slots=True)
class _Room:
    owner: str
    name: str
    description: str
    members: tuple[str, ...]
    posts: tuple[_Post, ...]


_ROOMS = (
    _Room(
        "ada",
        "Morning coffee",
        "What you put on first.",
        ("bo", "chidi", "dara", "esme"),
        (
            _Post("ada", "Good morning! One record each, please."),
            _Post("bo", "Mine, since last week.", "https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC"),
            _Post("chidi", "Something slower.", "https://www.youtube.com/watch?v=9bZkp7q19f0"),
            _Post("dara", "Still asleep here, ask me at noon."),
            _Post("esme", track_url="https://open.spotify.com/track/3n3Ppam7vgaVa1iaRUc9Lp"),
            _Post("ada", "Bo wins today."),
        ),
    ),
    _Room(
        "chidi",
        "Basement dub",
        "Heavy low end, patient client.",
        ("ada", "esme"),
        (
            _Post("chidi", "Rule one: no phone speakers."),
            _Post("esme", "Then this one.", "https://www.youtube.com/watch?v=kJQP7kiw5Fk"),
            _Post("ada", "The neighbours say hello."),
        ),
    ),
)


class _Outcome(enum.Enum):
    VERIFIED = enum.auto()
    PENDING = enum.auto()
    REFUSED = enum.auto()


@dataclass(frozen=True, slots=True)
class _Artist:
    user: str
    name: str
    page: str
    outcome: _Outcome


# The last name has a Cyrillic letter. No page is fetched: the first claim is approved, the last one refused before.
_ARTISTS = (
    _Artist("esme", "Esme Ray", f"https://esme.{DEMO_DOMAIN}/", _Outcome.VERIFIED),
    _Artist("dara", "Dara Low", "https://soundcloud.com/dara-low-demo", _Outcome.PENDING),
    _Artist("bo", "Esm\u0435 Ray", f"https://bo.{DEMO_DOMAIN}/", _Outcome.REFUSED),
)


@dataclass(frozen=True, slots=True)
class SeedReport:
    """The number of created resources."""

    people: int
    rooms: int
    messages: int
    tracks: int
    artists: int

    def __str__(self) -> str:
        return (
            f"{self.people} people, {self.rooms} rooms, {self.messages} messages, {self.tracks} tracks,"
            f" {self.artists} artists"
        )


async def load(
    gateway: str, secret: bytes, approve: Callable[[str], Awaitable[None]], audience: str = "authenticated"
) -> SeedReport:
    """Create people, rooms, messages, tracks and artists through the gateway at `gateway`.

    `secret` signs their development tokens; `approve` verifies a claim of a page as the operator. Raises
    the SedaError of the first call that fails, and the errors of `approve`.
    """
    async with AsyncExitStack() as clients:
        client = _SeedClient()
        for name in PEOPLE:
            token = StaticToken(development_token(secret, full_email(name), audience=audience))
            client.users[name] = await clients.enter_async_context(
                AsyncSeda(gateway, auth=token, plaintext=True)
            )
        for name, shown in PEOPLE.items():
            await client.sign_in(name, shown)
        for room in _ROOMS:
            await client.populate_room(room)
        for artist in _ARTISTS:
            claim = await client.claim_page(artist)
            if artist.outcome is _Outcome.VERIFIED:
                await approve(claim)
            elif artist.outcome is _Outcome.REFUSED:
                await client.expect_lookalike(artist, claim)
    posts = [post for room in _ROOMS for post in room.posts]
    links = {post.track_url for post in posts if post.track_url}
    return SeedReport(len(PEOPLE), len(_ROOMS), len(posts), len(links), len(_ARTISTS))


class _SeedClient:
    """The calls, each made as one of the demo users."""

    def __init__(self) -> None:
        self.users: dict[str, AsyncSeda] = {}

    async def sign_in(self, name: str, shown: str) -> None:
        """Sign a person in for the first time and set the name they go by."""
        seda = self.users[name]
        own = (await seda.users.GetUser(GetUserRequest())).user
        if own.display_name != shown:
            renamed, mask = User(id=own.id, display_name=shown), FieldMask(paths=["display_name"])
            await seda.users.UpdateUser(UpdateUserRequest(user=renamed, update_mask=mask))

    async def populate_room(self, room: _Room) -> None:
        """Create a room, add its members and send their messages in order."""
        wanted = Room(name=room.name, description=room.description)
        request = CreateRoomRequest(room=wanted, request_id=_request_id(room.name))
        room_id = (await self.users[room.owner].rooms.CreateRoom(request)).room.id
        for member in room.members:
            await self.users[member].memberships.JoinRoom(JoinRoomRequest(room_id=room_id))
        for number, post in enumerate(room.posts):
            request_id = _request_id(f"{room.name}/{number}")
            await self.users[post.author].gateway.PostMessage(
                PostMessageRequest(
                    room_id=room_id, text=post.text, track_url=post.track_url, request_id=request_id
                )
            )

    async def claim_page(self, artist: _Artist) -> str:
        """Create a profile and start a claim of its page; return the claim's id."""
        profile = await self._artist_profile(artist)
        request = StartVerificationRequest(artist_profile_id=profile.id, target_url=artist.page)
        return (await self.users[artist.user].verifications.StartVerification(request)).verification.id

    async def _artist_profile(self, artist: _Artist) -> ArtistProfile:
        seda = self.users[artist.user]
        try:
            # A verified profile has a URL, too.
            wanted = CreateArtistRequest(artist_profile=ArtistProfile(artist_name=artist.name))
            return (await seda.artists.CreateArtist(wanted)).artist_profile
        except AlreadyExists:
            own = (await seda.users.GetUser(GetUserRequest())).user
            return (await seda.artists.GetArtist(GetArtistRequest(user_id=own.id))).artist_profile

    async def expect_lookalike(self, artist: _Artist, claim_id: str) -> None:
        """Check a claim of a profile whose name looks like a verified one: it is refused."""
        request = CheckVerificationRequest(verification_id=claim_id)
        with suppress(FailedPrecondition):
            await self.users[artist.user].verifications.CheckVerification(request)


def _request_id(what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://{DEMO_DOMAIN}/{what}"))
