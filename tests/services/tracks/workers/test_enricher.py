"""Enrichment against recorded answers over TLS: fields, states, retries, and who waits for whom."""

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
from tests.services.tracks.clients.web.web_server import Asked, Handler, WebServer, answer
from tests.services.tracks.fake_providers import (
    ADA,
    Asking,
    asking,
    oembed,
    recorded,
    state,
    video,
)

_JSON = "application/json"
_COVER = "https://i.ytimg.com/vi/4eUqsUZBluA/hqdefault.jpg"


def hanging(*, until: asyncio.Event, then: bytes, reached: asyncio.Event) -> Handler:
    """Answers no sooner than it may."""

    async def hang(_: Asked, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await until.wait()
        writer.write(then)

    return hang


# By link: the pages that are asked for with their recorded answers; title, artist, seconds, code, state.
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
async def test_each_provider_tells_title_and_artist(tracks_that_ask: Asking, link: str) -> None:
    pages, expected = _PROVIDERS[link]
    tracks_that_ask.web.pages.update({path: recorded(name) for path, name in pages.items()})
    track = await tracks_that_ask.enriched(link)
    found = (track.title, track.artist, track.duration.seconds, track.isrc, state(track))
    assert found == expected
    assert track.artwork_url.startswith("https://")
    assert track.HasField("refresh_time")
    assert track.update_time.ToNanoseconds() > track.create_time.ToNanoseconds()
    assert [f"{asked.host}{asked.path}" for asked in tracks_that_ask.web.asked] == list(pages)
    row = await tracks_that_ask.row(track)
    assert (row["next_attempt_at"], row["attempts"]) == (None, 0)


async def test_enriched_track_is_found_by_its_other_names(tracks_that_ask: Asking) -> None:
    for alias, canonical in {
        "https://api.soundcloud.com/tracks/293000001": "https://soundcloud.com/harbour-choir/low-tide",
        "https://bandcamp.com/EmbeddedPlayer/v=2/track=2592000001/": "https://harbourchoir.bandcamp.com/track/low-tide",
    }.items():
        assert (await tracks_that_ask.resolve(alias)).url == canonical
    assert tracks_that_ask.web.asked == [], "somebody was asked for what is known"


async def test_a_provider_that_is_back_completes_the_track(tracks_that_ask: Asking) -> None:
    tracks_that_ask.web.pages[oembed("back")] = answer(503)
    track = await tracks_that_ask.enriched(video("back"))
    tracks_that_ask.web.pages[oembed("back")] = answer(
        200, '{"title": "Höhenrausch", "author_name": "Zugvögel"}', _JSON
    )
    track = await tracks_that_ask.again(track)
    assert (state(track), track.title) == ("COMPLETE", "Höhenrausch")
    request = SearchTracksRequest(query="hohenrausch zugvogel")
    found = await call(tracks_that_ask.stub.SearchTracks, request, user(ADA))
    assert [each.id for each in found.tracks] == [track.id]


async def test_a_new_track_is_asked_for_at_once(
    tracks_that_ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enricher, "_POLL_SECONDS", 3600.0)
    # From its next look on the worker waits for an hour, or until it is woken.
    tracks_that_ask.service.statements.clear()
    tracks_that_ask.notify()
    async with asyncio.timeout(10):
        while "tracks.missing_search_text" not in tracks_that_ask.service.statements:
            tracks_that_ask.changed.clear()
            await tracks_that_ask.changed.wait()
    tracks_that_ask.web.pages[oembed("soon")] = answer(200, '{"title": "T", "author_name": "A"}', _JSON)
    assert state(await tracks_that_ask.enriched(video("soon"))) == "COMPLETE"
    catalog = CatalogServiceStub(tracks_that_ask.service.channel)
    before = tracks_that_ask.settled
    await call(catalog.UpsertTrack, UpsertTrackRequest(input=video("soon2")), service("gateway"))
    await tracks_that_ask.until_settled(before + 1)
    monkeypatch.undo()
    tracks_that_ask.notify()


async def test_nobody_waits_for_a_slow_provider(tracks_that_ask: Asking) -> None:
    go, reached = asyncio.Event(), asyncio.Event()
    responded = answer(200, '{"title": "Slow", "author_name": "Coach"}', _JSON)
    seeds = [f"slow{n}" for n in range(5)]
    for seed in seeds:
        tracks_that_ask.web.pages[oembed(seed)] = hanging(until=go, then=responded, reached=reached)
    before = tracks_that_ask.settled
    slow = [await tracks_that_ask.resolve(video(seed)) for seed in seeds]
    await reached.wait()
    # Callers are answered, and other providers' tracks are enriched, while all of YouTube's places are taken.
    assert [state(await tracks_that_ask.get(track)) for track in slow] == ["PENDING"] * 5
    tracks_that_ask.web.pages["api.deezer.com/track/77"] = recorded("deezer.json")
    other = await tracks_that_ask.enriched("https://www.deezer.com/track/77")
    assert (state(other), tracks_that_ask.settled) == ("COMPLETE", before + 1)
    go.set()
    await tracks_that_ask.until_settled(before + 6)
    assert [state(await tracks_that_ask.get(track)) for track in slow] == ["COMPLETE"] * 5


async def test_what_a_caller_tells_meanwhile_is_kept_and_found(tracks_that_ask: Asking) -> None:
    go, reached = asyncio.Event(), asyncio.Event()
    responded = answer(200, '{"title": "Meanwhile", "author_name": ""}', _JSON)
    tracks_that_ask.web.pages[oembed("while")] = hanging(until=go, then=responded, reached=reached)
    before = tracks_that_ask.settled
    track = await tracks_that_ask.resolve(video("while"))
    await reached.wait()
    request = UpsertTrackRequest(input=video("while"), title="Wrong", artist="Kaleidoscope")
    await call(CatalogServiceStub(tracks_that_ask.service.channel).UpsertTrack, request, service("gateway"))
    go.set()
    await tracks_that_ask.until_settled(before + 1)
    track = await tracks_that_ask.get(track)
    assert (track.title, track.artist) == ("Meanwhile", "Kaleidoscope")
    await _until_found(tracks_that_ask, "meanwhile kaleidoscope", track)


async def test_tracks_of_an_older_build_are_folded(
    tracks_that_ask: Asking, admin: asyncpg.Connection
) -> None:
    track = await tracks_that_ask.enriched(video("older"))
    await admin.execute(
        "UPDATE tracks.track_refs SET title = 'Gefühlsecht', artist = 'Ältere', search_text = NULL"
        " WHERE id::text = $1",
        track.id,
    )
    tracks_that_ask.notify()
    await _until_found(tracks_that_ask, "gefuhlsecht altere", track)
    # Of what folding leaves nothing there is nothing to do again and again.
    await admin.execute(
        "UPDATE tracks.track_refs SET title = U&'\\200B', artist = NULL, search_text = NULL WHERE id::text = $1",
        track.id,
    )
    tracks_that_ask.service.statements.clear()
    tracks_that_ask.notify()
    async with asyncio.timeout(10):
        while "tracks.backfill_search_text" not in tracks_that_ask.service.statements:
            tracks_that_ask.changed.clear()
            await tracks_that_ask.changed.wait()
    assert (await tracks_that_ask.row(track))["search_text"] == " "


async def _until_found(tracks_that_ask: Asking, query: str, track: Track) -> None:
    """The worker folds what nobody could, at its next look."""
    async with asyncio.timeout(10):
        while True:
            tracks_that_ask.changed.clear()
            found = await call(tracks_that_ask.stub.SearchTracks, SearchTracksRequest(query=query), user(ADA))
            if [each.id for each in found.tracks] == [track.id]:
                return
            await tracks_that_ask.changed.wait()


async def test_refresh_takes_what_the_provider_tells_now(
    tracks_that_ask: Asking, admin: asyncpg.Connection
) -> None:
    tracks_that_ask.web.pages[oembed("fresh")] = answer(200, '{"title": "Old", "author_name": "A"}', _JSON)
    track = await tracks_that_ask.enriched(video("fresh"))

    async def refresh() -> Track:
        before = tracks_that_ask.settled
        hour = "UPDATE tracks.track_refs SET refreshed_at = refreshed_at - interval '2 hours' WHERE id::text = $1"
        await admin.execute(hour, track.id)
        await admin.execute(
            "UPDATE tracks.crawler_cache SET fetched_at = fetched_at - interval '2 hours',"
            " expires_at = expires_at - interval '2 hours'"
        )
        request = RefreshTrackRequest(track_id=track.id)
        await call(tracks_that_ask.stub.RefreshTrack, request, user(ADA))
        await tracks_that_ask.until_settled(before + 1)
        return await tracks_that_ask.get(track)

    tracks_that_ask.web.pages[oembed("fresh")] = answer(200, '{"title": "New", "author_name": "A"}', _JSON)
    assert (await refresh()).title == "New"
    tracks_that_ask.web.pages[oembed("fresh")] = answer(404)
    track = await refresh()
    assert (track.title, state(track)) == ("New", "COMPLETE")


async def test_a_track_in_a_dead_worker_s_hands_is_taken_over_when_its_lease_ends(
    tracks_that_ask: Asking, admin: asyncpg.Connection
) -> None:
    tracks_that_ask.web.pages[oembed("dead")] = answer(200, '{"title": "T", "author_name": "A"}', _JSON)
    before = tracks_that_ask.settled
    await admin.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url, attempts, next_attempt_at)"
        " VALUES (gen_random_uuid(), 'youtube', 'dead-------', $1, 1, now() + interval '60 seconds')",
        video("dead"),
    )
    track = await tracks_that_ask.resolve(video("dead"))
    # Another track goes through the queue meanwhile: this one was passed over.
    await tracks_that_ask.enriched(video("alive"))
    assert tracks_that_ask.web.count(oembed("dead")) == 0
    assert tracks_that_ask.settled == before + 1
    assert state(await tracks_that_ask.again(track)) == "COMPLETE"


async def test_a_worker_that_has_lost_its_lease_writes_nothing(
    tracks_that_ask: Asking, admin: asyncpg.Connection
) -> None:
    go, reached = asyncio.Event(), asyncio.Event()
    responded = answer(200, '{"title": "Late", "author_name": "A"}', _JSON)
    tracks_that_ask.web.pages[oembed("late")] = hanging(until=go, then=responded, reached=reached)
    before = tracks_that_ask.settled
    track = await tracks_that_ask.resolve(video("late"))
    await reached.wait()
    lease = "UPDATE tracks.track_refs SET next_attempt_at = now() + interval '59 seconds' WHERE id::text = $1"
    await admin.execute(lease, track.id)
    go.set()
    await tracks_that_ask.until_settled(before + 1)
    assert (await tracks_that_ask.get(track)).title == ""


async def test_the_worker_goes_on_after_the_database_was_away(
    tracks_that_ask: Asking, admin: asyncpg.Connection
) -> None:
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'seda-tracks' AND datname = current_database()"
    )
    tracks_that_ask.notify()
    tracks_that_ask.web.pages[oembed("again")] = answer(200, '{"title": "T", "author_name": "A"}', _JSON)
    await admin.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url)"
        " VALUES (gen_random_uuid(), 'youtube', 'again------', $1)",
        video("again"),
    )
    before = tracks_that_ask.settled
    await tracks_that_ask.until_settled(before + 1)
    assert state(await tracks_that_ask.resolve(video("again"))) == "COMPLETE"


async def test_a_hundred_calls_to_two_processes_make_one_row_and_one_fetch(
    tracks_that_ask: Asking,
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
            *((tracks_that_ask, other)[n % 2].resolve(forms[n % 4].format(n)) for n in range(100))
        )
        async with asyncio.timeout(10):
            while state(await other.get(found[0])) != "COMPLETE":
                waits = [asyncio.ensure_future(each.changed.wait()) for each in (tracks_that_ask, other)]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                for wait in waits:
                    wait.cancel()
                for each in (tracks_that_ask, other):
                    each.changed.clear()
    assert len({track.id for track in found}) == 1
    assert await admin.fetchval("SELECT count(*) FROM tracks.track_refs WHERE provider_id = $1", seed) == 1
    assert [asked.path for asked in web.asked if seed in asked.path] == [oembed(seed)]
