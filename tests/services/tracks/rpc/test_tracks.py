"""TrackService over a real channel and a real database."""

import asyncio
import datetime as dt
from uuid import UUID, uuid4

import asyncpg
import pytest

from seda.tracks.v1.track_pb2 import (
    LINK_KIND_ALBUM,
    LINK_KIND_TRACK,
    LINK_KIND_UNSPECIFIED,
    METADATA_STATE_COMPLETE,
    METADATA_STATE_PENDING,
    Track,
)
from seda.tracks.v1.track_service_pb2 import (
    LookupTracksRequest,
    ParseTrackUrlRequest,
    ParseTrackUrlResponse,
    ResolveTrackRequest,
)
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.errors import CallerSuspendedError, InvalidFieldsError, ServiceError
from services.tracks.app import build
from services.tracks.config import Settings
from services.tracks.domain.errors import (
    InvalidUrlError,
    NotATrackError,
    UnsupportedProviderError,
    UnsupportedResourceError,
)
from tests.postgres import Database
from tests.services.running import (
    Running,
    add_track,
    add_user,
    call,
    refused,
    running,
    until_blocked,
    user,
)

_DOMAIN = "tracks.seda.fm"
_ADA = "ada@example.com"
_ID = "2qToAcex0ruZfbEbAy9OhW"
_VIDEO = "4eUqsUZBluA"

_REFUSED: list[tuple[str, type[ServiceError], dict[str, str]]] = [
    ("nothing here", InvalidUrlError, {}),
    ("https://open.spotify.com@evil.example/", InvalidUrlError, {}),
    ("https://evil.example/", UnsupportedProviderError, {"host": "evil.example"}),
    ("https://www.youtube.com/@MetaBrainz", UnsupportedResourceError, {"provider": "youtube"}),
]


@pytest.fixture(scope="module")
def stub(tracks: Running) -> TrackServiceStub:
    return TrackServiceStub(tracks.channel)


def spotify_id(seed: str) -> str:
    """A distinct Spotify id."""
    return seed.rjust(22, "0")


async def parse(stub: TrackServiceStub, text: str) -> ParseTrackUrlResponse:
    return await call(stub.ParseTrackUrl, ParseTrackUrlRequest(input=text), user(_ADA))


async def resolve(stub: TrackServiceStub, text: str, caller: str = _ADA) -> Track:
    return (await call(stub.ResolveTrack, ResolveTrackRequest(input=text), user(caller))).track


async def lookup(stub: TrackServiceStub, ids: list[str]) -> tuple[list[Track], list[str]]:
    found = await call(stub.LookupTracks, LookupTracksRequest(track_ids=ids), user(_ADA))
    return list(found.tracks), list(found.missing_ids)


async def test_parse_track_url(stub: TrackServiceStub) -> None:
    assert await parse(stub, f"Listen: http://open.spotify.com/track/{_ID}?si=x") == ParseTrackUrlResponse(
        provider="spotify",
        kind=LINK_KIND_TRACK,
        provider_id=_ID,
        url=f"https://open.spotify.com/track/{_ID}",
    )
    assert (await parse(stub, f"spotify:album:{_ID}")).kind == LINK_KIND_ALBUM


async def test_parse_track_url_marks_a_short_link_for_resolution(stub: TrackServiceStub) -> None:
    parsed = await parse(stub, "https://spotify.link/auVCkcbzoyb?x=1")
    assert parsed == ParseTrackUrlResponse(
        provider="spotify",
        kind=LINK_KIND_UNSPECIFIED,
        url="https://spotify.link/auVCkcbzoyb",
        needs_resolution=True,
    )


@pytest.mark.parametrize(("text", "error", "metadata"), _REFUSED)
async def test_parse_track_url_errors(
    stub: TrackServiceStub, text: str, error: type[ServiceError], metadata: dict[str, str]
) -> None:
    found = await refused(parse(stub, text), error, _DOMAIN)
    assert found.metadata == metadata
    assert [violation.field for violation in found.violations] == ["input"]


async def test_parse_track_url_takes_up_to_2048_characters(stub: TrackServiceStub) -> None:
    link = f"https://youtu.be/{_VIDEO} "
    assert (await parse(stub, link + "é" * (2048 - len(link)))).provider_id == _VIDEO
    for text in ("", link + "é" * (2049 - len(link))):
        error = await refused(parse(stub, text), InvalidFieldsError, _DOMAIN)
        assert [violation.field for violation in error.violations] == ["input"]


async def test_resolve_track_stores_a_new_one(stub: TrackServiceStub, admin: asyncpg.Connection) -> None:
    track = await resolve(stub, f"https://open.spotify.com/track/{_ID}?si=x")
    assert UUID(track.id).version == 7
    assert (track.provider, track.provider_id) == ("spotify", _ID)
    assert track.url == f"https://open.spotify.com/track/{_ID}"
    assert (track.title, track.artist, track.artwork_url, track.isrc) == ("", "", "", "")
    assert not track.HasField("duration")
    assert track.metadata_state == METADATA_STATE_PENDING
    assert track.create_time == track.update_time
    fresh = (
        "SELECT clock_timestamp() - created_at < interval '10 s' FROM tracks.track_refs WHERE id::text = $1"
    )
    assert await admin.fetchval(fresh, track.id)


@pytest.mark.parametrize(
    "text",
    [
        f"https://www.youtube.com/watch?v={_VIDEO}&t=1",
        f"https://music.youtube.com/watch?v={_VIDEO}",
        f"see http://youtu.be/{_VIDEO}.",
    ],
)
async def test_resolve_track_gives_one_id_for_all_forms_of_a_link(stub: TrackServiceStub, text: str) -> None:
    assert await resolve(stub, text) == await resolve(stub, f"https://www.youtube.com/shorts/{_VIDEO}")


async def test_resolve_track_keeps_the_case_of_ids(stub: TrackServiceStub) -> None:
    lower, upper = spotify_id("case"), spotify_id("CASE")
    first, second = [await resolve(stub, f"spotify:track:{each}") for each in (lower, upper)]
    assert (first.provider_id, second.provider_id) == (lower, upper)
    assert first.id != second.id


@pytest.mark.parametrize(
    ("text", "error", "metadata"),
    [
        *_REFUSED,
        (f"spotify:album:{_ID}", NotATrackError, {"kind": "ALBUM"}),
        ("https://music.youtube.com/playlist?list=PL01", NotATrackError, {"kind": "PLAYLIST"}),
    ],
)
async def test_resolve_track_errors(
    stub: TrackServiceStub,
    tracks: Running,
    text: str,
    error: type[ServiceError],
    metadata: dict[str, str],
) -> None:
    with tracks.counting() as statements:
        found = await refused(resolve(stub, text), error, _DOMAIN)
    assert found.metadata == metadata
    assert [violation.field for violation in found.violations] == ["input"]
    assert statements == []


async def test_resolve_track_by_the_suspended_is_refused_until_it_has_passed(
    stub: TrackServiceStub, tracks: Running, admin: asyncpg.Connection
) -> None:
    text = f"spotify:track:{spotify_id('suspended')}"
    now: dt.datetime = await admin.fetchval("SELECT clock_timestamp()")
    await add_user(admin, "now@example.com", suspended_until=now + dt.timedelta(hours=1))
    await add_user(admin, "past@example.com", suspended_until=now)
    await refused(resolve(stub, text, "now@example.com"), CallerSuspendedError, _DOMAIN)
    assert not await admin.fetchval(
        "SELECT EXISTS (SELECT FROM tracks.track_refs WHERE provider_id = $1)", spotify_id("suspended")
    )
    with tracks.counting() as statements:
        assert (await resolve(stub, text, "past@example.com")).id
    assert statements == ["tracks.suspended", "tracks.find", "tracks.add", "tracks.add_resolver"]


async def test_resolve_track_makes_one_row_of_a_hundred_calls_to_two_processes(
    stub: TrackServiceStub, tracks: Running, users: Running, database: Database, admin: asyncpg.Connection
) -> None:
    key = spotify_id("crowd")
    await resolve(stub, f"https://youtu.be/{_VIDEO}")
    async with running(Settings, build, database, users_target=users.address) as second:
        stubs = (stub, TrackServiceStub(second.channel))
        with tracks.counting() as first, second.counting() as other:
            # All wait for an uncommitted row and insert when it is rolled back.
            await admin.execute("BEGIN")
            await add_track(admin, key)
            answers = asyncio.gather(
                *(resolve(stubs[n % 2], f"https://open.spotify.com/track/{key}?si={n}") for n in range(100))
            )
            await until_blocked(admin, 4)
            await admin.execute("ROLLBACK")
            found = await answers
    assert len({each.id for each in found}) == 1
    assert await admin.fetchval("SELECT count(*) FROM tracks.track_refs WHERE provider_id = $1", key) == 1
    assert "tracks.find" in first + other, "nobody had to read the winner's row"


@pytest.mark.parametrize("outcome", ["COMMIT", "ROLLBACK"])
async def test_resolve_track_waits_for_a_row_that_is_being_written(
    stub: TrackServiceStub, tracks: Running, admin: asyncpg.Connection, outcome: str
) -> None:
    key = spotify_id(outcome)
    await resolve(stub, f"https://youtu.be/{_VIDEO}")
    await admin.execute("BEGIN")
    winner = await add_track(admin, key)
    with tracks.counting() as statements:
        answer = asyncio.ensure_future(resolve(stub, f"spotify:track:{key}"))
        await until_blocked(admin)
        await admin.execute(outcome)
        track = await answer
    assert (track.id == winner) == (outcome == "COMMIT")
    found = ["tracks.find"] if outcome == "COMMIT" else []
    assert statements == ["tracks.find", "tracks.add", *found, "tracks.add_resolver"]


async def test_lookup_tracks_gives_tracks_and_what_is_missing(
    stub: TrackServiceStub, admin: asyncpg.Connection
) -> None:
    track = await resolve(stub, f"spotify:track:{spotify_id('lookup')}")
    complete = uuid4()
    await admin.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url, title, artist, artwork_url,"
        " duration_seconds, isrc, metadata_state, created_at)"
        " VALUES ($1, 'youtube', 'lookup-----', 'https://www.youtube.com/watch?v=lookup-----', 'T', 'A',"
        " 'https://img.example/a', 61, 'GBAYE9200070', 'COMPLETE', '2020-01-01 00:00:00.000001Z')",
        complete,
    )
    stranger = str(uuid4())
    found, missing = await lookup(stub, [stranger, track.id, str(complete), track.id, stranger])
    assert missing == [stranger]
    by_id = {each.id: each for each in found}
    assert len(found) == 2
    assert by_id[track.id] == track
    full = by_id[str(complete)]
    assert (full.title, full.artist, full.artwork_url) == ("T", "A", "https://img.example/a")
    assert (full.duration.seconds, full.isrc, full.metadata_state) == (
        61,
        "GBAYE9200070",
        METADATA_STATE_COMPLETE,
    )
    assert full.create_time.ToDatetime(dt.UTC) == dt.datetime(2020, 1, 1, microsecond=1, tzinfo=dt.UTC)


@pytest.mark.parametrize("ids", [[], [str(uuid4())] * 1001, ["track"]], ids=["none", "1001", "broken"])
async def test_lookup_tracks_refuses_other_numbers_and_broken_ids(
    stub: TrackServiceStub, ids: list[str]
) -> None:
    await refused(lookup(stub, ids), InvalidFieldsError, _DOMAIN)
