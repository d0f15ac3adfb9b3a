"""The statements of every method of ArtistService."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import pytest

from seda.users.v1 import artist_service_pb2
from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import (
    CreateArtistRequest,
    DeleteArtistRequest,
    GetArtistRequest,
    LookupArtistsRequest,
    SearchArtistsRequest,
    UpdateArtistRequest,
)
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from servicekit.ids import new_id
from tests.services.round_trips import RoundTrip, missing, statements_of
from tests.services.running import Running, call, user

_ADA, _BOB = "ada@example.com", "bob@example.com"


@dataclass
class Context:
    """ArtistService, and the ids of Ada's profile and user. Bob has no profile."""

    artists: ArtistServiceStub
    profile_id: str
    user_id: str

    async def create(self, email: str) -> object:
        request = CreateArtistRequest(artist_profile=ArtistProfile(artist_name="Ada"))
        return await call(self.artists.CreateArtist, request, user(email))

    async def get(self, **which: str) -> object:
        return await call(self.artists.GetArtist, GetArtistRequest(**which), user(_BOB))

    async def lookup(self) -> object:
        ids = [self.user_id, *(str(new_id()) for _ in range(999))]
        found = await call(self.artists.LookupArtists, LookupArtistsRequest(user_ids=ids), user(_BOB))
        assert len(found.artists) == 1
        return found

    async def search(self, query: str) -> object:
        request = SearchArtistsRequest(query=query, include_unverified=True, page_size=100)
        return await call(self.artists.SearchArtists, request, user(_BOB))

    async def update(self, bio: str) -> object:
        artist = ArtistProfile(id=self.profile_id, bio=bio)
        return await call(self.artists.UpdateArtist, UpdateArtistRequest(artist_profile=artist), user(_ADA))

    async def delete(self, email: str, profile_id: str) -> object:
        request = DeleteArtistRequest(artist_profile_id=profile_id)
        return await call(self.artists.DeleteArtist, request, user(email))


def _transaction(*statements: str) -> tuple[str, ...]:
    return ("BEGIN", *statements, "COMMIT")


# In this order: later rows of a method use the state that earlier ones leave.
TABLE: tuple[RoundTrip[Context], ...] = (
    RoundTrip("CreateArtist", "", lambda context: context.create(_BOB), ("users.add_artist",)),
    RoundTrip(
        "CreateArtist",
        "again",
        lambda context: context.create(_BOB),
        ("users.add_artist", "users.artist_of_caller"),
    ),
    RoundTrip(
        "GetArtist",
        "",
        lambda context: context.get(artist_profile_id=context.profile_id),
        ("users.get_artist", "users.unfinished_verifications"),
    ),
    RoundTrip(
        "GetArtist",
        "of a user",
        lambda context: context.get(user_id=context.user_id),
        ("users.get_artist_of_user", "users.unfinished_verifications"),
    ),
    RoundTrip("LookupArtists", "of a thousand", lambda context: context.lookup(), ("users.lookup_artists",)),
    RoundTrip("SearchArtists", "", lambda context: context.search("adda"), ("users.search_all_artists",)),
    RoundTrip(
        "SearchArtists",
        "by two letters",
        lambda context: context.search("ad"),
        ("users.search_all_artists_words",),
    ),
    RoundTrip(
        "UpdateArtist",
        "",
        lambda context: context.update("one"),
        _transaction("users.lock_artist", "users.update_artist"),
    ),
    RoundTrip(
        "UpdateArtist",
        "that is in place",
        lambda context: context.update("one"),
        _transaction("users.lock_artist"),
    ),
    RoundTrip(
        "DeleteArtist",
        "",
        lambda context: context.delete(_ADA, context.profile_id),
        _transaction("users.lock_artist", "users.delete_artist"),
    ),
    RoundTrip(
        "DeleteArtist",
        "again",
        lambda context: context.delete(_ADA, context.profile_id),
        _transaction("users.lock_artist"),
    ),
)


@pytest.fixture(scope="module")
async def context(users: Running, admin: asyncpg.Connection) -> Context:
    stub = ArtistServiceStub(users.channel)
    request = CreateArtistRequest(artist_profile=ArtistProfile(artist_name="Ada"))
    ada = (await call(stub.CreateArtist, request, user(_ADA))).artist_profile
    # The caller is resolved and cached.
    await call(stub.LookupArtists, LookupArtistsRequest(user_ids=[ada.user_id]), user(_BOB))
    await admin.execute("ANALYZE users.artist_profiles")
    return Context(stub, ada.id, ada.user_id)


@pytest.mark.parametrize("row", TABLE, ids=str)
async def test_call_runs_the_statements_of_its_row(
    users: Running, context: Context, row: RoundTrip[Context]
) -> None:
    assert await statements_of(users, row, context) == row.statements


def test_every_method_has_a_row() -> None:
    service = artist_service_pb2.DESCRIPTOR.services_by_name["ArtistService"]
    assert missing(TABLE, service) == set()
