"""CatalogService over a real channel and a real database."""

import asyncio
from typing import Any

import asyncpg
import pytest
from google.protobuf.duration_pb2 import Duration

from seda.tracks.internal.v1.catalog_service_pb2 import UpsertTrackRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.v1.track_pb2 import (
    METADATA_STATE_COMPLETE,
    METADATA_STATE_PARTIAL,
    METADATA_STATE_PENDING,
    MetadataState,
    Track,
)
from servicekit.errors import AccessDeniedError, InvalidFieldsError, ServiceError
from services.tracks.domain.errors import (
    InvalidUrlError,
    NeedsResolutionError,
    NotATrackError,
    UnsupportedProviderError,
    UnsupportedResourceError,
)
from tests.services.running import Running, add_track, call, refused, service, until_blocked, user

_DOMAIN = "tracks.seda.fm"
_COVER = "https://img.example/cover.jpg"


@pytest.fixture(scope="module")
def stub(tracks: Running) -> CatalogServiceStub:
    return CatalogServiceStub(tracks.channel)


def link(seed: str) -> str:
    """A distinct link."""
    return f"https://open.spotify.com/track/{seed.rjust(22, '0')}"


async def upsert(stub: CatalogServiceStub, text: str, name: str = "chat", **metadata: Any) -> Track:
    request = UpsertTrackRequest(input=text, **metadata)
    return (await call(stub.UpsertTrack, request, service(name, "tracks"))).track


async def set_state(admin: asyncpg.Connection, track: Track, state: str) -> None:
    await admin.execute(
        "UPDATE tracks.track_refs SET metadata_state = $2 WHERE id::text = $1", track.id, state
    )


async def test_upsert_track_stores_the_link_and_its_metadata(stub: CatalogServiceStub) -> None:
    track = await upsert(
        stub,
        link("known"),
        title=" Flim ",
        artist="Aphex Twin",
        artwork_url=_COVER,
        duration=Duration(seconds=174, nanos=5),
    )
    assert (track.provider, track.url) == ("spotify", link("known"))
    assert (track.title, track.artist, track.artwork_url) == ("Flim", "Aphex Twin", _COVER)
    assert track.duration == Duration(seconds=174)
    assert track.metadata_state == METADATA_STATE_PARTIAL
    assert await upsert(stub, link("known"), "chat") == track


async def test_upsert_track_fills_only_empty_fields(stub: CatalogServiceStub) -> None:
    first = await upsert(stub, link("fill"), title="First")
    assert (first.title, first.artist, first.metadata_state) == ("First", "", METADATA_STATE_PENDING)
    second = await upsert(stub, link("fill"), title="Second", artist="Somebody")
    assert (second.title, second.artist, second.metadata_state) == (
        "First",
        "Somebody",
        METADATA_STATE_PARTIAL,
    )
    assert second.id == first.id
    assert second.update_time.ToNanoseconds() > first.update_time.ToNanoseconds()
    third = await upsert(
        stub, link("fill"), title="Third", artist="Third", artwork_url=_COVER, duration=Duration(seconds=9)
    )
    assert (third.title, third.artist, third.artwork_url, third.duration.seconds) == (
        "First",
        "Somebody",
        _COVER,
        9,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("PENDING", "PARTIAL"),
        ("FAILED", "PARTIAL"),
        ("PARTIAL", "PARTIAL"),
        ("COMPLETE", "COMPLETE"),
    ],
)
async def test_upsert_track_leaves_complete_to_the_enricher(
    stub: CatalogServiceStub, admin: asyncpg.Connection, before: str, after: str
) -> None:
    track = await upsert(stub, link(before))
    await set_state(admin, track, before)
    filled = await upsert(stub, link(before), title="T", artist="A")
    assert MetadataState.Name(filled.metadata_state) == f"METADATA_STATE_{after}"


async def test_upsert_track_without_an_artist_stays_pending(stub: CatalogServiceStub) -> None:
    metadata: dict[str, Any] = {"title": "T", "artwork_url": _COVER, "duration": Duration(seconds=1)}
    assert (await upsert(stub, link("artist"), **metadata)).metadata_state == METADATA_STATE_PENDING


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nothing here", InvalidUrlError),
        ("https://evil.example/x", UnsupportedProviderError),
        ("https://www.youtube.com/@MetaBrainz", UnsupportedResourceError),
        ("https://www.youtube.com/playlist?list=PL01", NotATrackError),
        ("https://spoti.fi/abc", NeedsResolutionError),
    ],
)
async def test_upsert_track_errors(stub: CatalogServiceStub, text: str, error: type[ServiceError]) -> None:
    await refused(upsert(stub, text), error, _DOMAIN)


async def test_upsert_track_is_for_chat_alone(stub: CatalogServiceStub) -> None:
    for metadata in (
        user("ada@example.com"),
        service("users", "tracks"),
        service("tracks", "tracks"),
        service("gateway", "tracks"),
    ):
        answer = call(stub.UpsertTrack, UpsertTrackRequest(input=link("denied")), metadata)
        await refused(answer, AccessDeniedError, _DOMAIN)


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"title": "t" * 501}, "title"),
        ({"artist": "a" * 501}, "artist"),
        ({"artwork_url": "not an address"}, "artwork_url"),
        ({"artwork_url": "http://img.example/cover.jpg"}, "artwork_url"),
        ({"artwork_url": "https://img.example/" + "a" * 2048}, "artwork_url"),
        ({"duration": Duration(seconds=0)}, "duration"),
        ({"duration": Duration(seconds=86_401)}, "duration"),
    ],
)
async def test_upsert_track_refuses_invalid_metadata(
    stub: CatalogServiceStub, metadata: dict[str, Any], field: str
) -> None:
    error = await refused(upsert(stub, link("limits"), **metadata), InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == [field]


async def test_upsert_track_takes_the_longest_metadata(stub: CatalogServiceStub) -> None:
    cover = "https://img.example/"
    track = await upsert(
        stub,
        link("fits"),
        title="é" * 500,
        artist="é" * 500,
        artwork_url=cover + "a" * (2048 - len(cover)),
        duration=Duration(seconds=86_400),
    )
    assert (len(track.title), len(track.artist), len(track.artwork_url)) == (500, 500, 2048)
    assert track.duration.seconds == 86_400


async def test_upsert_track_concurrently_keeps_the_first_of_each_field(
    stub: CatalogServiceStub, admin: asyncpg.Connection
) -> None:
    before = await upsert(stub, link("race"))
    async with admin.transaction():
        # All read an empty title before the first write.
        await admin.execute("SELECT FROM tracks.track_refs WHERE id::text = $1 FOR UPDATE", before.id)
        answers = asyncio.gather(*(upsert(stub, link("race"), title=f"Title {n}") for n in range(20)))
        await until_blocked(admin, 2)
    found = await answers
    assert len({each.title for each in found}) == 1
    assert (await upsert(stub, link("race"))).title == found[0].title


async def test_upsert_track_makes_one_row_of_many_calls(
    stub: CatalogServiceStub, tracks: Running, admin: asyncpg.Connection
) -> None:
    with tracks.counting() as statements:
        await admin.execute("BEGIN")
        await add_track(admin, "crowd".rjust(22, "0"))
        answers = asyncio.gather(*(upsert(stub, link("crowd"), title="T", artist="A") for _ in range(50)))
        await until_blocked(admin, 2)
        await admin.execute("ROLLBACK")
        found = await answers
    assert {(each.title, each.artist) for each in found} == {("T", "A")}
    assert len({each.id for each in found}) == 1
    assert "tracks.find" in statements, "nobody had to read the winner's row"


async def test_upsert_track_keeps_complete_metadata(
    stub: CatalogServiceStub, admin: asyncpg.Connection
) -> None:
    track = await upsert(stub, link("whole"), title="T", artist="A")
    await set_state(admin, track, "COMPLETE")
    again = await upsert(stub, link("whole"), artwork_url=_COVER)
    assert (again.artwork_url, again.metadata_state) == (_COVER, METADATA_STATE_COMPLETE)
