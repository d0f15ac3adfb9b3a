"""GetTrack, ListTracks, RefreshTrack, and the size of LookupTracks responses."""

import datetime as dt
from uuid import uuid4

import asyncpg
import pytest

from seda.tracks.v1.track_pb2 import (
    METADATA_STATE_COMPLETE,
    METADATA_STATE_FAILED,
    METADATA_STATE_PENDING,
    METADATA_STATE_UNSPECIFIED,
    MetadataState,
    Track,
)
from seda.tracks.v1.track_service_pb2 import (
    GetTrackRequest,
    ListTracksRequest,
    ListTracksResponse,
    LookupTracksRequest,
    RefreshTrackRequest,
    ResolveTrackRequest,
)
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.caller import Role
from servicekit.errors import CallerSuspendedError, InvalidFieldsError, PageTokenMismatchError
from servicekit.ids import new_id
from services.tracks.domain.errors import TrackNotFoundError
from tests.services.running import Running, add_user, call, refused, user

_DOMAIN = "tracks.seda.fm"
_ADA = "ada@example.com"
_STAFF = ("staff@example.com", "more-staff@example.com")


@pytest.fixture(scope="module")
def stub(tracks: Running) -> TrackServiceStub:
    return TrackServiceStub(tracks.channel)


@pytest.fixture(scope="module", autouse=True)
async def staff(admin: asyncpg.Connection) -> None:
    """The moderators who may list tracks."""
    for email in _STAFF:
        await add_user(admin, email, role=Role.MODERATOR)


async def resolve(stub: TrackServiceStub, link: str) -> Track:
    return (await call(stub.ResolveTrack, ResolveTrackRequest(input=link), user(_ADA))).track


async def get(stub: TrackServiceStub, track_id: str) -> Track:
    return (await call(stub.GetTrack, GetTrackRequest(track_id=track_id), user(_ADA))).track


async def refresh(stub: TrackServiceStub, track_id: str, caller: str = _ADA) -> Track:
    return (await call(stub.RefreshTrack, RefreshTrackRequest(track_id=track_id), user(caller))).track


async def listed(
    stub: TrackServiceStub,
    provider: str = "",
    state: MetadataState.ValueType = METADATA_STATE_UNSPECIFIED,
    size: int = 0,
    token: str = "",
    caller: str = _STAFF[0],
) -> ListTracksResponse:
    request = ListTracksRequest(provider=provider, metadata_state=state, page_size=size, page_token=token)
    return await call(stub.ListTracks, request, user(caller))


async def add(admin: asyncpg.Connection, provider: str, state: str, count: int) -> list[str]:
    """Ids of new tracks, the oldest first."""
    ids = [new_id() for _ in range(count)]
    await admin.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url, metadata_state)"
        " SELECT id, $2, id::text, 'https://list.example/' || id, $3 FROM unnest($1::uuid[]) AS id",
        ids,
        provider,
        state,
    )
    return [str(each) for each in ids]


async def test_get_track_gives_the_track(stub: TrackServiceStub) -> None:
    track = await resolve(stub, "https://youtu.be/get-track-1")
    assert await get(stub, track.id) == track


async def test_get_track_of_an_unknown_id_is_not_found(stub: TrackServiceStub) -> None:
    stranger = str(uuid4())
    error = await refused(get(stub, stranger), TrackNotFoundError, _DOMAIN)
    assert error.metadata == {"track_id": stranger}
    await refused(get(stub, "no id"), InvalidFieldsError, _DOMAIN)


async def test_list_tracks_filters_by_provider_and_state_the_newest_first(
    stub: TrackServiceStub, admin: asyncpg.Connection
) -> None:
    tidal = await add(admin, "tidal", "COMPLETE", 3)
    failed = await add(admin, "tidal", "FAILED", 2)
    deezer = await add(admin, "deezer", "FAILED", 2)

    async def ids(
        provider: str = "", state: MetadataState.ValueType = METADATA_STATE_UNSPECIFIED
    ) -> list[str]:
        return [track.id for track in (await listed(stub, provider, state, 100)).tracks]

    assert await ids("tidal") == [*reversed(failed), *reversed(tidal)]
    assert await ids("tidal", METADATA_STATE_COMPLETE) == tidal[::-1]
    assert await ids("", METADATA_STATE_FAILED) == [*reversed(deezer), *reversed(failed)]
    assert (await ids())[:7] == [*reversed(deezer), *reversed(failed), *reversed(tidal)]
    assert await ids("newcomer") == await ids("deezer", METADATA_STATE_PENDING) == []


@pytest.mark.parametrize("state", [METADATA_STATE_UNSPECIFIED, METADATA_STATE_FAILED])
@pytest.mark.parametrize("provider", ["", "soundcloud"])
async def test_list_tracks_by_pages_gives_each_once(
    stub: TrackServiceStub,
    tracks: Running,
    admin: asyncpg.Connection,
    provider: str,
    state: MetadataState.ValueType,
) -> None:
    made = await add(admin, "soundcloud", "FAILED", 5)
    paged: list[str] = []
    token = ""
    while not set(made) <= set(paged):
        with tracks.counting() as statements:
            page = await listed(stub, provider, state, 2, token)
        assert len(statements) == 1
        paged += [track.id for track in page.tracks]
        # Concurrently added tracks are newer than the listed ones.
        await add(admin, "soundcloud", "FAILED", 1)
        token = page.next_page_token
    assert len(paged) == len(set(paged))
    assert [each for each in paged if each in made] == made[::-1]


async def test_list_tracks_ends_with_an_empty_token(
    stub: TrackServiceStub, admin: asyncpg.Connection
) -> None:
    await add(admin, "apple", "COMPLETE", 3)
    for size, ended in ((2, False), (3, True), (4, True)):
        assert (not (await listed(stub, "apple", size=size)).next_page_token) is ended


async def test_list_tracks_refuses_other_filters_and_tokens(
    stub: TrackServiceStub, admin: asyncpg.Connection
) -> None:
    await add(admin, "bandcamp", "COMPLETE", 2)
    token = (await listed(stub, "bandcamp", size=1)).next_page_token
    await refused(listed(stub, "apple", size=1, token=token), PageTokenMismatchError, _DOMAIN)
    await refused(listed(stub, "bandcamp", size=1, token="x"), PageTokenMismatchError, _DOMAIN)
    other = listed(stub, "bandcamp", size=1, token=token, caller=_STAFF[1])
    await refused(other, PageTokenMismatchError, _DOMAIN)
    await refused(listed(stub, "x" * 33), InvalidFieldsError, _DOMAIN)
    unknown = ListTracksRequest.FromString(b"\x10\x09")
    await refused(call(stub.ListTracks, unknown, user(_STAFF[0])), InvalidFieldsError, _DOMAIN)


async def due_in(admin: asyncpg.Connection, track: Track) -> dt.timedelta | None:
    found: dt.timedelta | None = await admin.fetchval(
        "SELECT next_attempt_at - clock_timestamp() FROM tracks.track_refs WHERE id::text = $1", track.id
    )
    return found


async def set_row(admin: asyncpg.Connection, track: Track, assignments: str) -> None:
    await admin.execute(f"UPDATE tracks.track_refs SET {assignments} WHERE id::text = $1", track.id)


async def test_refresh_track_makes_it_due_when_the_last_time_is_an_hour_ago(
    stub: TrackServiceStub, admin: asyncpg.Connection
) -> None:
    track = await resolve(stub, "https://youtu.be/refresh---1")
    hour = "refreshed_at = clock_timestamp() - interval '61 minutes'"
    await set_row(admin, track, f"next_attempt_at = NULL, attempts = 3, metadata_state = 'COMPLETE', {hour}")
    refreshed = await refresh(stub, track.id)
    assert refreshed.metadata_state == METADATA_STATE_COMPLETE
    assert refreshed.HasField("refresh_time")
    waits = await due_in(admin, track)
    assert waits is not None
    assert waits <= dt.timedelta()
    row = await admin.fetchrow("SELECT attempts FROM tracks.track_refs WHERE id::text = $1", track.id)
    assert row is not None
    assert row["attempts"] == 0


async def test_refresh_track_that_was_never_fetched(
    stub: TrackServiceStub, admin: asyncpg.Connection
) -> None:
    track = await resolve(stub, "https://youtu.be/refresh---2")
    await set_row(admin, track, "next_attempt_at = NULL, metadata_state = 'FAILED'")
    await refresh(stub, track.id)
    assert await due_in(admin, track) is not None


@pytest.mark.parametrize(
    "before",
    [
        "next_attempt_at = NULL, refreshed_at = clock_timestamp() - interval '59 minutes'",
        # Claimed by a worker, or waiting for a retry.
        "next_attempt_at = clock_timestamp() + interval '50 seconds', refreshed_at = NULL",
    ],
)
async def test_refresh_track_keeps_a_recent_or_due_track(
    stub: TrackServiceStub, admin: asyncpg.Connection, before: str
) -> None:
    track = await resolve(stub, "https://youtu.be/refresh---3")
    await set_row(admin, track, before)
    query = "SELECT next_attempt_at, attempts, refreshed_at, updated_at FROM tracks.track_refs WHERE id::text = $1"
    row = await admin.fetchrow(query, track.id)
    await refresh(stub, track.id)
    assert await admin.fetchrow(query, track.id) == row


async def test_refresh_track_errors(stub: TrackServiceStub, admin: asyncpg.Connection) -> None:
    await refused(refresh(stub, str(uuid4())), TrackNotFoundError, _DOMAIN)
    now: dt.datetime = await admin.fetchval("SELECT clock_timestamp()")
    await add_user(admin, "out@example.com", suspended_until=now + dt.timedelta(hours=1))
    track = await resolve(stub, "https://youtu.be/refresh---4")
    await refused(refresh(stub, track.id, "out@example.com"), CallerSuspendedError, _DOMAIN)


async def test_lookup_tracks_splits_the_largest_response(
    stub: TrackServiceStub, tracks: Running, admin: asyncpg.Connection
) -> None:
    rows = await admin.fetch(
        "INSERT INTO tracks.track_refs"
        " (id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, isrc, metadata_state,"
        "  refreshed_at)"
        " SELECT gen_random_uuid(), 'youtube', rpad(n::text, 512, 'x'), rpad('https://max.example/' || n, 2048, 'x'),"
        "  repeat(U&'\\+01F3B5', 500), repeat(U&'\\+01F3B5', 500), rpad('https://img.example/', 2048, 'x'), 86400,"
        "  'GBAYE9200070', 'COMPLETE', now()"
        " FROM generate_series(1, 1000) AS n RETURNING id::text"
    )
    left = [row["id"] for row in rows]
    found: list[str] = []
    calls = 0
    while left:
        calls += 1
        with tracks.counting() as statements:
            answer = await call(stub.LookupTracks, LookupTracksRequest(track_ids=left), user(_ADA))
        assert statements == ["tracks.lookup"]
        assert answer.ByteSize() < 4 << 20
        assert list(answer.missing_ids) == []
        found += [track.id for track in answer.tracks]
        left = list(answer.remaining_ids)
    assert sorted(found) == sorted(row["id"] for row in rows)
    assert calls == 3
