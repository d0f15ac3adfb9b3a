"""Demo data, created through the gateway's public methods.

Every write has a fixed request id or is idempotent, so repeating it changes nothing.
"""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc.aio
from google.protobuf import field_mask_pb2

from ops.dev_tokens import development_token
from ops.tokens import DEMO_DOMAIN, full_email
from seda.chat.v1 import (
    membership_service_pb2,
    membership_service_pb2_grpc,
    room_pb2,
    room_service_pb2,
    room_service_pb2_grpc,
)
from seda.gateway.v1 import gateway_service_pb2, gateway_service_pb2_grpc
from seda.users.v1 import (
    artist_pb2,
    artist_service_pb2,
    artist_service_pb2_grpc,
    user_pb2,
    user_service_pb2,
    user_service_pb2_grpc,
    verification_service_pb2,
    verification_service_pb2_grpc,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_CALL_SECONDS = 10.0
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
    grpc.aio.AioRpcError of the first call that fails, and the errors of `approve`.
    """
    tokens = {name: development_token(secret, full_email(name), audience=audience) for name in PEOPLE}
    async with grpc.aio.insecure_channel(gateway, options=(("grpc.enable_http_proxy", 0),)) as channel:
        client = _SeedClient(channel, tokens)
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

    def __init__(self, channel: grpc.aio.Channel, tokens: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._users = user_service_pb2_grpc.UserServiceStub(channel)
        self._rooms = room_service_pb2_grpc.RoomServiceStub(channel)
        self._memberships = membership_service_pb2_grpc.MembershipServiceStub(channel)
        self._artists = artist_service_pb2_grpc.ArtistServiceStub(channel)
        self._verifications = verification_service_pb2_grpc.VerificationServiceStub(channel)
        self._gateway = gateway_service_pb2_grpc.GatewayServiceStub(channel)

    async def sign_in(self, name: str, shown: str) -> None:
        """Sign a person in for the first time and set the name they go by."""
        own = await self._users.GetUser(
            user_service_pb2.GetUserRequest(), timeout=_CALL_SECONDS, metadata=self._as(name)
        )
        if own.user.display_name == shown:
            return
        await self._users.UpdateUser(
            user_service_pb2.UpdateUserRequest(
                user=user_pb2.User(id=own.user.id, display_name=shown),
                update_mask=field_mask_pb2.FieldMask(paths=["display_name"]),
            ),
            timeout=_CALL_SECONDS,
            metadata=self._as(name),
        )

    async def populate_room(self, room: _Room) -> None:
        """Create a room, add its members and send their messages in order."""
        created = await self._rooms.CreateRoom(
            room_service_pb2.CreateRoomRequest(
                room=room_pb2.Room(name=room.name, description=room.description),
                request_id=_request_id(room.name),
            ),
            timeout=_CALL_SECONDS,
            metadata=self._as(room.owner),
        )
        for member in room.members:
            await self._memberships.JoinRoom(
                membership_service_pb2.JoinRoomRequest(room_id=created.room.id),
                timeout=_CALL_SECONDS,
                metadata=self._as(member),
            )
        for number, post in enumerate(room.posts):
            await self._gateway.PostMessage(
                gateway_service_pb2.PostMessageRequest(
                    room_id=created.room.id,
                    text=post.text,
                    track_url=post.track_url,
                    request_id=_request_id(f"{room.name}/{number}"),
                ),
                timeout=_CALL_SECONDS,
                metadata=self._as(post.author),
            )

    async def claim_page(self, artist: _Artist) -> str:
        """Create a profile and start a claim of its page; return the claim's id."""
        profile = await self._artist_profile(artist)
        started = await self._verifications.StartVerification(
            verification_service_pb2.StartVerificationRequest(
                artist_profile_id=profile.id, target_url=artist.page
            ),
            timeout=_CALL_SECONDS,
            metadata=self._as(artist.user),
        )
        return started.verification.id

    async def _artist_profile(self, artist: _Artist) -> artist_pb2.ArtistProfile:
        try:
            created = await self._artists.CreateArtist(
                artist_service_pb2.CreateArtistRequest(
                    artist_profile=artist_pb2.ArtistProfile(artist_name=artist.name)
                ),
                timeout=_CALL_SECONDS,
                metadata=self._as(artist.user),
            )
        except grpc.aio.AioRpcError as error:
            # A verified profile has a URL, too.
            if error.code() is not grpc.StatusCode.ALREADY_EXISTS:
                raise
        else:
            return created.artist_profile
        own = await self._users.GetUser(
            user_service_pb2.GetUserRequest(), timeout=_CALL_SECONDS, metadata=self._as(artist.user)
        )
        found = await self._artists.GetArtist(
            artist_service_pb2.GetArtistRequest(user_id=own.user.id),
            timeout=_CALL_SECONDS,
            metadata=self._as(artist.user),
        )
        return found.artist_profile

    async def expect_lookalike(self, artist: _Artist, claim_id: str) -> None:
        """Check a claim of a profile whose name looks like a verified one: it is refused."""
        request = verification_service_pb2.CheckVerificationRequest(verification_id=claim_id)
        try:
            await self._verifications.CheckVerification(
                request, timeout=_CALL_SECONDS, metadata=self._as(artist.user)
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise

    def _as(self, name: str) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._tokens[name]}"),)


def _request_id(what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://{DEMO_DOMAIN}/{what}"))
