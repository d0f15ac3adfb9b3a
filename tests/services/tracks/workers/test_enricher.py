"""Enrichment with recorded responses over TLS: fields, states, retries, concurrency."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from seda.tracks.internal.v1.catalog_service_pb2 import UpsertTrackRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import RefreshTrackRequest, SearchTracksRequest
from services.tracks.workers import enricher
from tests.postgres import Database
from tests.services.running import Running, call, service, user
from tests.services.tracks.clients.web.web_server import Handler, ReceivedRequest, WebServer, answer
from tests.services.tracks.fake_providers import (
    ADA,
    EnrichingService,
    asking,
    oembed,
    recorded,
    state,
    video,
)

_JSON = "application/json"
_COVER = "https://i.ytimg.com/vi/4eUqsUZBluA/hqdefault.jpg"


def hanging(*, until: asyncio.Event, then: bytes, reached: asyncio.Event) -> Handler:
    """Block until released."""

    async def hang(_: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await until.wait()
        writer.write(then)

    return hang


# By link: the requested pages with their recordings; title, artist, seconds, code, state.
_PROVIDERS: dict[str, tuple[dict[str, str], tuple[str, str, int, str, str]]] = {
    "https://youtu.be/4eUqsUZBluA": (
        {"www.youtube.com" + oembed("4eUqsUZBluA"): "youtube.json"},
        ("Low Tide (Official Video)", "Harbour Choir", 0, "", "COMPLETE"),
    ),
    "https://music.youtube.com/watch?v=UmHdefsaL6I": (
        {"www.youtube.com" + oembed("UmHdefsaL6I"): "youtube_topic.json"},
        ("Low Tide", "Harbour Choir", 0, "", "COMPLETE"),
    ),
    "spotify:track:2qToAcex0ruZfbEbAy9OhW": (
        {
            "open.spotify.com/oembed?format=json&url=https%3A%2F%2Fopen.spotify.com%2Ftrack%2F2qToAcex0ruZfbEbAy9OhW": "spotify.json",
            "open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW": "spotify_page.html",
        },
        ("Low Tide", "Harbour Choir, Nils Ås", 225, "", "COMPLETE"),
    ),
    "https://soundcloud.com/harbour-choir/low-tide": (
        {
            "soundcloud.com/oembed?format=json&url=https%3A%2F%2Fsoundcloud.com%2Fharbour-choir%2Flow-tide": "soundcloud.json"
        },
        ("Low Tide (Demo)", "Harbour Choir", 0, "", "COMPLETE"),
    ),
    "https://www.deezer.com/track/3135556": (
        {"api.deezer.com/track/3135556": "deezer.json"},
        ("Low Tide", "Harbour Choir", 225, "DEZ650500123", "COMPLETE"),
    ),
    "https://music.apple.com/de/album/the-estuary/1435928305?i=1435928320": (
        {"itunes.apple.com/lookup?country=de&entity=song&id=1435928320": "apple.json"},
        ("Low Tide", "Harbour Choir", 225, "", "COMPLETE"),
    ),
    "https://harbourchoir.bandcamp.com/track/low-tide": (
        {"harbourchoir.bandcamp.com/track/low-tide": "bandcamp.html"},
        ("Low Tide & Fog", "Harbour Choir", 205, "DEZ650500123", "COMPLETE"),
    ),
    "https://tidal.com/browse/track/73579059": (
        {"tidal.com/track/73579059": "tidal.html"},
        ("Low Tide", "Harbour Choir", 0, "", "COMPLETE"),
    ),
}


@pytest.mark.parametrize("link", _PROVIDERS)
async def test_each_provider_has_title_and_artist(enriching: EnrichingService, link: str) -> None:
    pages, expected = _PROVIDERS[link]
    enriching.web.pages.update({path: recorded(name) for path, name in pages.items()})
    track = await enriching.enriched(link)
    found = (track.title, track.artist, track.duration.seconds, track.isrc, state(track))
    assert found == expected
    assert track.artwork_url.startswith("https://")
    assert track.HasField("refresh_time")
    assert track.update_time.ToNanoseconds() > track.create_time.ToNanoseconds()
    assert [f"{asked.host}{asked.path}" for asked in enriching.web.asked] == list(pages)
    row = await enriching.row(track)
    assert (row["next_attempt_at"], row["attempts"]) == (None, 0)


async def test_enriched_track_is_found_by_its_other_names(enriching: EnrichingService) -> None:
    for alias, canonical in {
        "https://api.soundcloud.com/tracks/293000001": "https://soundcloud.com/harbour-choir/low-tide",
        "https://bandcamp.com/EmbeddedPlayer/v=2/track=2592000001/": "https://harbourchoir.bandcamp.com/track/low-tide",
    }.items():
        assert (await enriching.resolve(alias)).url == canonical
    assert enriching.web.asked == [], "somebody was asked for what is known"


async def test_retry_completes_the_track(enriching: EnrichingService) -> None:
    enriching.web.pages[oembed("back")] = answer(503)
    track = await enriching.enriched(video("back"))
    enriching.web.pages[oembed("back")] = answer(
        200, '{"title": "Höhenrausch", "author_name": "Zugvögel"}', _JSON
    )
    track = await enriching.again(track)
    assert (state(track), track.title) == ("COMPLETE", "Höhenrausch")
    request = SearchTracksRequest(query="hohenrausch zugvogel")
    found = await call(enriching.stub.SearchTracks, request, user(ADA))
    assert [each.id for each in found.tracks] == [track.id]


async def test_new_track_is_enriched_at_once(
    enriching: EnrichingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enricher, "_POLL_SECONDS", 3600.0)
    # From the next poll on the worker waits for an hour or for notify.
    enriching.service.statements.clear()
    enriching.notify()
    async with asyncio.timeout(10):
        while "tracks.missing_search_text" not in enriching.service.statements:
            enriching.changed.clear()
            await enriching.changed.wait()
    enriching.web.pages[oembed("soon")] = answer(200, '{"title": "T", "author_name": "A"}', _JSON)
    assert state(await enriching.enriched(video("soon"))) == "COMPLETE"
    catalog = CatalogServiceStub(enriching.service.channel)
    before = enriching.settled
    await call(catalog.UpsertTrack, UpsertTrackRequest(input=video("soon2")), service("chat", "tracks"))
    await enriching.until_completed(before + 1)
    monkeypatch.undo()
    enriching.notify()


async def test_slow_provider_does_not_delay_others(enriching: EnrichingService) -> None:
    go, reached = asyncio.Event(), asyncio.Event()
    responded = answer(200, '{"title": "Slow", "author_name": "Coach"}', _JSON)
    seeds = [f"slow{n}" for n in range(5)]
    for seed in seeds:
        enriching.web.pages[oembed(seed)] = hanging(until=go, then=responded, reached=reached)
    before = enriching.settled
    slow = [await enriching.resolve(video(seed)) for seed in seeds]
    await reached.wait()
    # Calls and other providers proceed while all slots of YouTube are taken.
    assert [state(await enriching.get(track)) for track in slow] == ["PENDING"] * 5
    enriching.web.pages["api.deezer.com/track/77"] = recorded("deezer.json")
    other = await enriching.enriched("https://www.deezer.com/track/77")
    assert (state(other), enriching.settled) == ("COMPLETE", before + 1)
    go.set()
    await enriching.until_completed(before + 6)
    assert [state(await enriching.get(track)) for track in slow] == ["COMPLETE"] * 5


async def test_metadata_of_a_concurrent_caller_is_kept_and_found(enriching: EnrichingService) -> None:
    go, reached = asyncio.Event(), asyncio.Event()
    responded = answer(200, '{"title": "Meanwhile", "author_name": ""}', _JSON)
    enriching.web.pages[oembed("while")] = hanging(until=go, then=responded, reached=reached)
    before = enriching.settled
    track = await enriching.resolve(video("while"))
    await reached.wait()
    request = UpsertTrackRequest(input=video("while"), title="Wrong", artist="Kaleidoscope")
    await call(CatalogServiceStub(enriching.service.channel).UpsertTrack, request, service("chat", "tracks"))
    go.set()
    await enriching.until_completed(before + 1)
    track = await enriching.get(track)
    assert (track.title, track.artist) == ("Meanwhile", "Kaleidoscope")
    await _until_found(enriching, "meanwhile kaleidoscope", track)


async def test_missing_search_text_is_backfilled(
    enriching: EnrichingService, admin: asyncpg.Connection
) -> None:
    track = await enriching.enriched(video("older"))
    await admin.execute(
        "UPDATE tracks.track_refs SET title = 'Gefühlsecht', artist = 'Ältere', search_text = NULL"
        " WHERE id::text = $1",
        track.id,
    )
    enriching.notify()
    await _until_found(enriching, "gefuhlsecht altere", track)
    # Texts that normalize to nothing are not backfilled repeatedly.
    await admin.execute(
        "UPDATE tracks.track_refs SET title = U&'\\200B', artist = NULL, search_text = NULL WHERE id::text = $1",
        track.id,
    )
    enriching.service.statements.clear()
    enriching.notify()
    async with asyncio.timeout(10):
        while "tracks.backfill_search_text" not in enriching.service.statements:
            enriching.changed.clear()
            await enriching.changed.wait()
    assert (await enriching.row(track))["search_text"] == " "


async def _until_found(enriching: EnrichingService, query: str, track: Track) -> None:
    """The worker backfills search_text on its next poll."""
    async with asyncio.timeout(10):
        while True:
            enriching.changed.clear()
            found = await call(enriching.stub.SearchTracks, SearchTracksRequest(query=query), user(ADA))
            if [each.id for each in found.tracks] == [track.id]:
                return
            await enriching.changed.wait()


async def test_refresh_stores_the_providers_new_metadata(
    enriching: EnrichingService, admin: asyncpg.Connection
) -> None:
    enriching.web.pages[oembed("fresh")] = answer(200, '{"title": "Old", "author_name": "A"}', _JSON)
    track = await enriching.enriched(video("fresh"))

    async def refresh() -> Track:
        before = enriching.settled
        hour = "UPDATE tracks.track_refs SET refreshed_at = refreshed_at - interval '2 hours' WHERE id::text = $1"
        await admin.execute(hour, track.id)
        await admin.execute(
            "UPDATE tracks.crawler_cache SET fetched_at = fetched_at - interval '2 hours',"
            " expires_at = expires_at - interval '2 hours'"
        )
        request = RefreshTrackRequest(track_id=track.id)
        await call(enriching.stub.RefreshTrack, request, user(ADA))
        await enriching.until_completed(before + 1)
        return await enriching.get(track)

    enriching.web.pages[oembed("fresh")] = answer(200, '{"title": "New", "author_name": "A"}', _JSON)
    assert (await refresh()).title == "New"
    enriching.web.pages[oembed("fresh")] = answer(404)
    track = await refresh()
    assert (track.title, state(track)) == ("New", "COMPLETE")


async def test_track_of_a_dead_worker_is_claimed_when_its_lease_expires(
    enriching: EnrichingService, admin: asyncpg.Connection
) -> None:
    enriching.web.pages[oembed("dead")] = answer(200, '{"title": "T", "author_name": "A"}', _JSON)
    before = enriching.settled
    await admin.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url, attempts, next_attempt_at)"
        " VALUES (gen_random_uuid(), 'youtube', 'dead-------', $1, 1, now() + interval '60 seconds')",
        video("dead"),
    )
    track = await enriching.resolve(video("dead"))
    # Another track is enriched meanwhile; this one is skipped.
    await enriching.enriched(video("alive"))
    assert enriching.web.count(oembed("dead")) == 0
    assert enriching.settled == before + 1
    assert state(await enriching.again(track)) == "COMPLETE"


async def test_worker_without_its_lease_stores_nothing(
    enriching: EnrichingService, admin: asyncpg.Connection
) -> None:
    go, reached = asyncio.Event(), asyncio.Event()
    responded = answer(200, '{"title": "Late", "author_name": "A"}', _JSON)
    enriching.web.pages[oembed("late")] = hanging(until=go, then=responded, reached=reached)
    before = enriching.settled
    track = await enriching.resolve(video("late"))
    await reached.wait()
    lease = "UPDATE tracks.track_refs SET next_attempt_at = now() + interval '59 seconds' WHERE id::text = $1"
    await admin.execute(lease, track.id)
    go.set()
    await enriching.until_completed(before + 1)
    assert (await enriching.get(track)).title == ""


async def test_worker_continues_after_a_database_outage(
    enriching: EnrichingService, admin: asyncpg.Connection
) -> None:
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'seda-tracks' AND datname = current_database()"
    )
    enriching.notify()
    enriching.web.pages[oembed("again")] = answer(200, '{"title": "T", "author_name": "A"}', _JSON)
    await admin.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url)"
        " VALUES (gen_random_uuid(), 'youtube', 'again------', $1)",
        video("again"),
    )
    before = enriching.settled
    await enriching.until_completed(before + 1)
    assert state(await enriching.resolve(video("again"))) == "COMPLETE"


async def test_a_hundred_calls_to_two_processes_make_one_row_and_one_fetch(
    enriching: EnrichingService,
    database: Database,
    admin: asyncpg.Connection,
    users: Running,
    world: tuple[WebServer, dict[str, Any]],
) -> None:
    web, settings = world
    seed = "crowd------"
    web.pages[oembed(seed)] = answer(200, '{"title": "T", "author_name": "A"}', _JSON)
    forms = (
        f"https://www.youtube.com/watch?v={seed}&t={{}}",
        f"https://youtu.be/{seed}?si={{}}",
        f"https://music.youtube.com/watch?v={seed}&list=RD{{}}",
        f"Listen to this: http://m.youtube.com/shorts/{seed}?n={{}}!",
    )
    async with asking(database, admin, web, users_target=users.address, **settings) as other:
        found = await asyncio.gather(
            *((enriching, other)[n % 2].resolve(forms[n % 4].format(n)) for n in range(100))
        )
        async with asyncio.timeout(10):
            while state(await other.get(found[0])) != "COMPLETE":
                waits = [asyncio.ensure_future(each.changed.wait()) for each in (enriching, other)]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
                for each in (enriching, other):
                    each.changed.clear()
    assert len({track.id for track in found}) == 1
    assert await admin.fetchval("SELECT count(*) FROM tracks.track_refs WHERE provider_id = $1", seed) == 1
    assert [asked.path for asked in web.asked if seed in asked.path] == [oembed(seed)]
