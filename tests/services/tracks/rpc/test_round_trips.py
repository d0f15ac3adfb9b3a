"""The statements of every method of tracks that users and the gateway call."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import asyncpg
import pytest

from seda.tracks.internal.v1 import catalog_service_pb2
from seda.tracks.internal.v1.catalog_service_pb2 import (
    EraseResolverRequest,
    ExportResolverRequest,
    MarkTracksListedRequest,
    UpsertTrackRequest,
)
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.v1 import track_service_pb2
from seda.tracks.v1.track_service_pb2 import (
    GetTrackRequest,
    ListTracksRequest,
    LookupTracksRequest,
    ParseTrackUrlRequest,
    RefreshTrackRequest,
    ResolveTrackRequest,
    SearchTracksRequest,
)
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.caller import Role
from tests.services.round_trips import RoundTrip, missing, statements_of
from tests.services.running import Running, add_user, call, service, user

_ADA, _BOB = user("ada@example.com"), user("bob@example.com")
_STAFF = user("staff@example.com")
_LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
_UPSERTED = "https://open.spotify.com/track/7gwRSZ0EmGWa697ZrE58GA"


@dataclass
class Context:
    """Both services, the id of a track, and the ids of a thousand others, of which 900 exist."""

    tracks: TrackServiceStub
    catalog: CatalogServiceStub
    track_id: str
    thousand: list[str]

    async def parse(self) -> object:
        return await call(self.tracks.ParseTrackUrl, ParseTrackUrlRequest(input=_LINK), _ADA)

    async def resolve(self, caller: tuple[tuple[str, str], ...] = _ADA) -> object:
        return await call(self.tracks.ResolveTrack, ResolveTrackRequest(input=_LINK), caller)

    async def get(self) -> object:
        return await call(self.tracks.GetTrack, GetTrackRequest(track_id=self.track_id), _ADA)

    async def lookup(self) -> object:
        found = await call(self.tracks.LookupTracks, LookupTracksRequest(track_ids=self.thousand), _ADA)
        assert {each.id for each in found.tracks} == set(self.thousand[:900])
        assert list(found.missing_ids) == self.thousand[900:]
        return found

    async def list(self) -> object:
        return await call(self.tracks.ListTracks, ListTracksRequest(page_size=100), _STAFF)

    async def search(self, query: str) -> object:
        return await call(self.tracks.SearchTracks, SearchTracksRequest(query=query), _ADA)

    async def refresh(self) -> object:
        return await call(self.tracks.RefreshTrack, RefreshTrackRequest(track_id=self.track_id), _ADA)

    async def upsert(self, title: str = "", stored: str = "") -> object:
        request = UpsertTrackRequest(input=_UPSERTED, title=title)
        found = await call(self.catalog.UpsertTrack, request, service("chat", "tracks"))
        assert found.track.title == stored
        return found

    async def mark_listed(self) -> object:
        request = MarkTracksListedRequest(track_ids=self.thousand[:100])
        return await call(self.catalog.MarkTracksListed, request, service("chat", "tracks"))

    async def export(self) -> object:
        request = ExportResolverRequest(user_id=str(uuid4()))
        return await call(self.catalog.ExportResolver, request, service("gateway", "tracks"))

    async def erase(self) -> object:
        return await call(
            self.catalog.EraseResolver, EraseResolverRequest(user_id=str(uuid4())), service("users", "tracks")
        )


# In this order: later rows of a method use the state that earlier ones leave.
TABLE: tuple[RoundTrip[Context], ...] = (
    RoundTrip("ParseTrackUrl", "", Context.parse, ()),
    RoundTrip(
        "ResolveTrack",
        "of a new track",
        Context.resolve,
        ("tracks.find", "tracks.add", "tracks.add_resolver"),
    ),
    RoundTrip(
        "ResolveTrack",
        "of another user's track",
        lambda context: context.resolve(_BOB),
        ("tracks.find", "tracks.add_resolver"),
    ),
    RoundTrip("ResolveTrack", "of a stored track", Context.resolve, ("tracks.find",)),
    RoundTrip("GetTrack", "", Context.get, ("tracks.get",)),
    RoundTrip("LookupTracks", "of a thousand", Context.lookup, ("tracks.lookup",)),
    RoundTrip("ListTracks", "", Context.list, ("tracks.list",)),
    RoundTrip(
        "SearchTracks", "without letters", lambda context: context.search("!!!"), ("tracks.search_prefix",)
    ),
    RoundTrip("RefreshTrack", "of a fresh track", Context.refresh, ("tracks.refresh", "tracks.get")),
    RoundTrip("UpsertTrack", "of a new track", Context.upsert, ("tracks.find", "tracks.add")),
    RoundTrip("UpsertTrack", "of a stored track", Context.upsert, ("tracks.find",)),
    RoundTrip(
        "UpsertTrack",
        "with a title",
        lambda context: context.upsert("T", "T"),
        ("tracks.find", "tracks.fill"),
    ),
    RoundTrip(
        "UpsertTrack",
        "with another title",
        lambda context: context.upsert("Other", "T"),
        ("tracks.find",),
    ),
    RoundTrip("MarkTracksListed", "of a hundred", Context.mark_listed, ("tracks.mark_listed",)),
    RoundTrip("ExportResolver", "", Context.export, ("tracks.resolved",)),
    RoundTrip("EraseResolver", "of nobody", Context.erase, ("tracks.delete_resolver",)),
)


@pytest.fixture(scope="module")
async def context(tracks: Running, admin: asyncpg.Connection) -> Context:
    await add_user(admin, "staff@example.com", role=Role.MODERATOR)
    stub = TrackServiceStub(tracks.channel)
    other = ResolveTrackRequest(input="https://youtu.be/4eUqsUZBluA")
    track_id = (await call(stub.ResolveTrack, other, _ADA)).track.id
    rows = await admin.fetch(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url)"
        " SELECT gen_random_uuid(), 'youtube', 'many' || n, 'https://many.example/' || n FROM generate_series(1, 900) AS n"
        " RETURNING id::text"
    )
    ids = [row["id"] for row in rows] + [str(uuid4()) for _ in range(100)]
    return Context(stub, CatalogServiceStub(tracks.channel), track_id, ids)


@pytest.mark.parametrize("row", TABLE, ids=str)
async def test_call_runs_the_statements_of_its_row(
    tracks: Running, context: Context, row: RoundTrip[Context]
) -> None:
    assert await statements_of(tracks, row, context) == row.statements


def test_every_method_has_a_row() -> None:
    services = (
        track_service_pb2.DESCRIPTOR.services_by_name["TrackService"],
        catalog_service_pb2.DESCRIPTOR.services_by_name["CatalogService"],
    )
    assert missing(TABLE, *services) == set()
