"""What fake upstreams know: users, artists and tracks of any id; and the ways in which they fail."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import grpc
from google.rpc import error_details_pb2

from seda.chat.v1.message_pb2 import TrackSnapshot
from seda.rpc.v1.caller_pb2 import Role
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import LookupTracksRequest, LookupTracksResponse
from seda.users.v1.artist_pb2 import ArtistMark
from seda.users.v1.artist_service_pb2 import LookupArtistsRequest, LookupArtistsResponse
from seda.users.v1.user_pb2 import UserSummary
from seda.users.v1.user_service_pb2 import LookupUsersRequest, LookupUsersResponse
from tests.gateway.fake_server import Context
from tests.gateway.gateway_fixture import (
    LOOKUP_ARTISTS,
    LOOKUP_TRACKS,
    LOOKUP_USERS,
    GatewayFixture,
    status_bytes,
)


def user(number: int) -> str:
    return str(UUID(int=1_000_000 + number))


def track(number: int) -> str:
    return str(UUID(int=2_000_000 + number))


def snapshot(number: int) -> TrackSnapshot:
    made = TrackSnapshot(
        track_id=track(number), provider="spotify", provider_id=f"p{number}", url="https://x"
    )
    made.title, made.artist, made.artwork_url, made.duration.seconds = "Then", "Her", "https://y", 180
    return made


def summary(user_id: str) -> UserSummary:
    """A user as users knows them."""
    return UserSummary(id=user_id, display_name=f"name of {user_id}", role=Role.ROLE_USER)


def is_artist(user_id: str) -> bool:
    """Whether a user has an artist profile."""
    return UUID(user_id).int % 2 == 1


def mark(user_id: str) -> ArtistMark:
    """The mark of an artist."""
    profile_id = str(UUID(int=UUID(user_id).int + 5_000_000))
    return ArtistMark(
        user_id=user_id, artist_profile_id=profile_id, artist_name=f"artist {user_id}", verified=True
    )


def present(track_id: str) -> Track:
    """A track as tracks knows it."""
    return Track(id=track_id, title=f"title of {track_id}")


def as_posted(number: int) -> Track:
    """A track as its message has it."""
    made = Track(id=track(number), provider="spotify", provider_id=f"p{number}", url="https://x")
    made.title, made.artist, made.artwork_url, made.duration.seconds = "Then", "Her", "https://y", 180
    return made


def know_everybody(gateway: GatewayFixture) -> None:
    """Make users and tracks find every id; every other user has an artist profile."""

    async def users(data: bytes, _context: Context) -> bytes:
        asked = LookupUsersRequest.FromString(data).user_ids
        found = [summary(each) for each in asked]
        # Not in the requested order.
        return LookupUsersResponse(users=reversed(found)).SerializeToString()

    async def tracks(data: bytes, _context: Context) -> bytes:
        asked = LookupTracksRequest.FromString(data).track_ids
        found = [present(each) for each in asked]
        return LookupTracksResponse(tracks=reversed(found)).SerializeToString()

    async def artists(data: bytes, _context: Context) -> bytes:
        asked = LookupArtistsRequest.FromString(data).user_ids
        found = [mark(each) for each in asked if is_artist(each)]
        return LookupArtistsResponse(artists=reversed(found)).SerializeToString()

    gateway.users.handlers[LOOKUP_USERS] = users
    gateway.users.handlers[LOOKUP_ARTISTS] = artists
    gateway.tracks.handlers[LOOKUP_TRACKS] = tracks


async def forever(_data: bytes, _context: Context) -> bytes:
    await asyncio.Event().wait()
    return b""


def failing(code: grpc.StatusCode, reason: str = "") -> Any:
    """A handler that aborts with an error."""

    async def end(_data: bytes, context: Context) -> bytes:
        info = error_details_pb2.ErrorInfo(reason=reason, domain="somebody.seda.fm")
        serialized = status_bytes(code.value[0], "no", *([info] if reason else []))
        await context.abort(code, "no", trailing_metadata=(("grpc-status-details-bin", serialized),))

    return end
