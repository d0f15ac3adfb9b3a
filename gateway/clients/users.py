"""The users service."""

from __future__ import annotations

from collections.abc import Sequence

from seda.users.v1.artist_pb2 import ArtistMark
from seda.users.v1.artist_service_pb2 import (
    GetArtistRequest,
    GetArtistResponse,
    LookupArtistsRequest,
    SearchArtistsRequest,
    SearchArtistsResponse,
)
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from seda.users.v1.erasure_service_pb2 import EraseUserRequest, Erasure
from seda.users.v1.erasure_service_pb2_grpc import ErasureServiceStub
from seda.users.v1.user_pb2 import User, UserSummary
from seda.users.v1.user_service_pb2 import GetUserRequest, LookupUsersRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.channels import ServiceClient
from servicekit.errors import Code, ServiceError
from servicekit.handlers import DEFAULT_DEADLINE


class UsersClient:
    """Reads users and artists with the caller's token."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._users = UserServiceStub(client.channel)
        self._artists = ArtistServiceStub(client.channel)
        self._retrying_erasures = ErasureServiceStub(client.retrying_channel)

    async def get_me(self, seconds: float) -> User:
        """Return the caller."""
        return (await self._client.call(self._users.GetUser, GetUserRequest(), timeout=seconds)).user

    async def get_artist(self, artist_profile_id: str, seconds: float) -> GetArtistResponse:
        """Return an artist profile with its user."""
        request = GetArtistRequest(artist_profile_id=artist_profile_id)
        return await self._client.call(self._artists.GetArtist, request, timeout=seconds)

    async def get_artist_of_user(self, user_id: str, seconds: float) -> GetArtistResponse | None:
        """Return the artist profile of a user; None if there is none."""
        request = GetArtistRequest(user_id=user_id)
        try:
            return await self._client.call(self._artists.GetArtist, request, timeout=seconds)
        except ServiceError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise

    async def search_artists(self, request: SearchArtistsRequest, seconds: float) -> SearchArtistsResponse:
        """Return a page of the artist profiles that match."""
        return await self._client.call(self._artists.SearchArtists, request, timeout=seconds)

    async def erase_caller(self, request: EraseUserRequest) -> Erasure:
        """Start the erasure of the caller. Retried: a user has one erasure."""
        return (
            await self._client.call(self._retrying_erasures.EraseUser, request, timeout=DEFAULT_DEADLINE)
        ).erasure

    async def lookup_users(self, user_ids: Sequence[str], seconds: float) -> Sequence[UserSummary]:
        """Return the summaries of the users that exist, of up to 1,000 ids."""
        request = LookupUsersRequest(user_ids=user_ids)
        return (await self._client.call(self._users.LookupUsers, request, timeout=seconds)).users

    async def lookup_artists(self, user_ids: Sequence[str], seconds: float) -> Sequence[ArtistMark]:
        """Return the marks of the users that have an artist profile, of up to 1,000 ids."""
        request = LookupArtistsRequest(user_ids=user_ids)
        return (await self._client.call(self._artists.LookupArtists, request, timeout=seconds)).artists
