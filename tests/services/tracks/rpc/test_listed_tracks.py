"""Who finds which tracks: everybody the listed ones, and each user those that they resolved."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest

from seda.tracks.internal.v1.catalog_service_pb2 import (
    EraseResolverRequest,
    ExportResolverRequest,
    MarkTracksListedRequest,
    UpsertTrackRequest,
)
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import (
    GetTrackRequest,
    ListTracksRequest,
    LookupTracksRequest,
    ResolveTrackRequest,
    SearchTracksRequest,
)
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from seda.users.v1.user_service_pb2 import GetUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.errors import AccessDeniedError, PageTokenMismatchError
from tests.services.running import Running, call, refused, service, user

_ADA, _BOB = "ada@example.com", "bob@example.com"
_DOMAIN = "tracks.seda.fm"


@pytest.fixture(scope="module")
def stub(tracks: Running) -> TrackServiceStub:
    return TrackServiceStub(tracks.channel)


@pytest.fixture(scope="module")
def catalog(tracks: Running) -> CatalogServiceStub:
    return CatalogServiceStub(tracks.channel)


async def new_track(catalog: CatalogServiceStub) -> Track:
    """A track of a private room: chat stored it, and nobody else knows of it."""
    number = uuid.uuid4().hex[:11]
    request = UpsertTrackRequest(input=f"https://youtu.be/{number}", title=f"Private {number}", artist="X")
    return (await call(catalog.UpsertTrack, request, service("chat", "tracks"))).track


async def resolve(stub: TrackServiceStub, track: Track, email: str) -> None:
    found = await call(stub.ResolveTrack, ResolveTrackRequest(input=track.url), user(email))
    assert found.track.id == track.id


async def mark_listed(catalog: CatalogServiceStub, *track_ids: str) -> None:
    request = MarkTracksListedRequest(track_ids=track_ids)
    await call(catalog.MarkTracksListed, request, service("chat", "tracks"))


async def finds(stub: TrackServiceStub, track: Track, email: str) -> bool:
    """Whether a user finds a track by its title, its words, and something like it."""
    found = set()
    for query in (track.title, track.title.partition(" ")[2], track.title.replace("Private", "Privately")):
        page = await call(stub.SearchTracks, SearchTracksRequest(query=query), user(email))
        found.add(track.id in [each.id for each in page.tracks])
    (same,) = found
    return same


async def test_a_track_is_found_by_nobody_then_by_its_resolver_then_by_everybody(
    stub: TrackServiceStub, catalog: CatalogServiceStub
) -> None:
    track = await new_track(catalog)
    assert [await finds(stub, track, each) for each in (_ADA, _BOB)] == [False, False]
    for _ in range(2):
        await resolve(stub, track, _ADA)
    assert [await finds(stub, track, each) for each in (_ADA, _BOB)] == [True, False]
    for _ in range(2):
        await mark_listed(catalog, track.id)
    assert [await finds(stub, track, each) for each in (_ADA, _BOB)] == [True, True]


async def test_a_new_track_is_found_by_its_resolver_alone(
    stub: TrackServiceStub, catalog: CatalogServiceStub, admin: asyncpg.Connection
) -> None:
    request = ResolveTrackRequest(input=f"https://youtu.be/{uuid.uuid4().hex[:11]}")
    track = (await call(stub.ResolveTrack, request, user(_BOB))).track
    named = UpsertTrackRequest(input=track.url, title=f"Resolved {track.provider_id}", artist="X")
    track = (await call(catalog.UpsertTrack, named, service("chat", "tracks"))).track
    assert [await finds(stub, track, each) for each in (_ADA, _BOB)] == [False, True]
    await mark_listed(catalog, track.id)
    # A listed track needs no record of its resolvers.
    await resolve(stub, track, _ADA)
    resolvers = "SELECT count(*) FROM tracks.track_resolvers WHERE track_id::text = $1"
    assert await admin.fetchval(resolvers, track.id) == 1


async def test_tracks_are_read_by_id_whether_listed_or_not(
    stub: TrackServiceStub, catalog: CatalogServiceStub
) -> None:
    track = await new_track(catalog)
    assert (await call(stub.GetTrack, GetTrackRequest(track_id=track.id), user(_BOB))).track == track
    found = await call(stub.LookupTracks, LookupTracksRequest(track_ids=[track.id]), user(_BOB))
    assert list(found.tracks) == [track]


async def test_users_list_no_tracks(stub: TrackServiceStub) -> None:
    await refused(call(stub.ListTracks, ListTracksRequest(), user(_ADA)), AccessDeniedError, _DOMAIN)


async def test_marking_the_same_tracks_at_once_neither_fails_nor_moves_the_time(
    catalog: CatalogServiceStub, admin: asyncpg.Connection
) -> None:
    made = [(await new_track(catalog)).id for _ in range(10)]
    await asyncio.gather(*(mark_listed(catalog, *order) for order in (made, made[::-1]) for _ in range(5)))
    query = "SELECT listed_at FROM tracks.track_refs WHERE id::text = ANY ($1) ORDER BY id"
    times = [row["listed_at"] for row in await admin.fetch(query, made)]
    assert all(times)
    await mark_listed(catalog, str(uuid.uuid4()), *made)
    assert [row["listed_at"] for row in await admin.fetch(query, made)] == times


async def test_a_resolver_is_exported_and_erased_alone(
    stub: TrackServiceStub, catalog: CatalogServiceStub, users: Running
) -> None:
    made = [await new_track(catalog) for _ in range(3)]
    for track in made:
        await resolve(stub, track, "erased@example.com")
        await resolve(stub, track, _BOB)
    me = await call(UserServiceStub(users.channel).GetUser, GetUserRequest(), user("erased@example.com"))
    exported: list[str] = []
    export = ExportResolverRequest(user_id=me.user.id, page_size=2)
    while True:
        page = await call(catalog.ExportResolver, export, service("gateway", "tracks"))
        exported += [each.track.id for each in page.tracks if each.HasField("resolve_time")]
        if not page.next_page_token:
            break
        export.page_token = page.next_page_token
    assert exported == [track.id for track in made[::-1]]
    other = ExportResolverRequest(user_id=str(uuid.uuid4()), page_token=export.page_token)
    await refused(
        call(catalog.ExportResolver, other, service("gateway", "tracks")), PageTokenMismatchError, _DOMAIN
    )
    request = EraseResolverRequest(user_id=me.user.id)
    counts = [
        (await call(catalog.EraseResolver, request, service("users", "tracks"))).deleted_count for _ in "12"
    ]
    assert counts == [3, 0]
    assert not await finds(stub, made[0], "erased@example.com")
    assert await finds(stub, made[0], _BOB)
